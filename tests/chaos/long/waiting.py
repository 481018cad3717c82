"""What keeps a month from balancing: every nota that has no end, and what it waits for.

Read beside the system, from its database and from the stand-in, so that the cause of a campaign's
failure is in its output.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import asyncpg

from services.sandbox.enotas.records import FINAL, Nota
from services.sandbox.enotas.world import JournalEntry
from tests.chaos.long.shops import Shop

MOST: Final = 20  # notas of a shop
LAST: Final = 8  # answers, and lines of the timeline

OPEN: Final = """
    SELECT n.external_id, n.bill_id, n.status, n.raw_status, n.changed_at, n.tied, n.tied_at,
           n.news_at, n.sent_at, n.sends, n.cancel_sent_at, n.then_cancel, n.lookups, n.look_up_at,
           n.cancel_again_at, n.resend_at, n.has_pdf, n.issuer_id, s.status AS sale, s.code,
           s.attention, o.state, o.due_at, o.lane, o.tries, o.attempt, o.generation,
           o.bill_facts - o.bill_facts_read AS unread_of_bill,
           o.issuer_facts - o.issuer_facts_read AS unread_of_issuer, o.heard_at,
           o.lease_until, o.leased_by, b.status AS bill, b.updated_at AS bill_stamp, b.read_at,
           b.refunded_at, now() AS now
      FROM notas n
      LEFT JOIN sales s ON s.tenant_id = n.tenant_id AND s.bill_id = n.bill_id
      LEFT JOIN outbox o ON o.tenant_id = n.tenant_id AND o.bill_id = n.bill_id
      LEFT JOIN bills b ON b.tenant_id = n.tenant_id AND b.bill_id = n.bill_id
     WHERE n.tenant_id = $1 AND (n.external_id = ANY($2::text[]) OR n.bill_id = ANY($4::bigint[])
           OR n.status IN ('sending', 'uncertain', 'pending', 'cancelling'))
     ORDER BY n.bill_id, n.part, n.revision LIMIT $3
"""
TOLD: Final = """
    SELECT at, what, why, by FROM timeline
     WHERE tenant_id = $1 AND bill_id = $2 ORDER BY entry_id DESC LIMIT $3
"""


async def what_waits(
    home: Path, shop: Shop, journal: Iterable[JournalEntry], wrong: Sequence[int] = ()
) -> list[dict[str, Any]]:
    """The same of a system that runs in a home; that it could not be read is said too."""
    url = (home / "run" / "database-url").read_text().strip()
    try:
        return await waiting(url, shop, journal, wrong)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
        return [{"error": repr(error)}]


async def waiting(
    url: str, shop: Shop, journal: Iterable[JournalEntry], wrong: Sequence[int] = ()
) -> list[dict[str, Any]]:
    """Notas of a shop without an end, or of another end than at the issuer: what is known of each.

    Those of the bills `wrong` too, whatever their state.

    The rows as they are, the issuer's side, its last answers, and the last lines of the timeline.
    """
    theirs = {nota.external_id: nota for nota in list(shop.company.notas.values())}
    conn = await asyncpg.connect(url, timeout=10)
    try:
        apart = await _apart(conn, shop, theirs)
        rows = await conn.fetch(OPEN, shop.tenant, apart, MOST, wrong)
        return [
            {
                **{key: _plain(value) for key, value in row.items() if value is not None},
                "issuer": _of_issuer(theirs.get(row["external_id"])),
                "answers": _answers(row, journal),
                "told": [
                    {key: _plain(value) for key, value in line.items()}
                    for line in await conn.fetch(TOLD, shop.tenant, row["bill_id"], LAST)
                ],
            }
            for row in rows
        ]
    finally:
        await conn.close()


def lines_of(found: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    """A few lines for each of them."""
    for one in found:
        if "error" in one:
            yield f"what waits was not read: {one['error']}"
            continue
        row = {key: value for key, value in one.items() if key not in ("answers", "told", "issuer")}
        yield f"{one['external_id']} waits: " + ", ".join(f"{k}={v}" for k, v in row.items())
        yield f"  at the issuer: {one['issuer']}"
        yield f"  its last answers: {'; '.join(one['answers']) or 'none'}"
        yield "  told: " + "; ".join(f"{e['at']} {e['what']} {e['why']}" for e in one["told"])


async def _apart(conn: Any, shop: Shop, theirs: Mapping[str, Nota]) -> list[str]:
    """Ids of notas that have an end at the issuer, and stand as something else here."""
    rows = await conn.fetch(
        "SELECT external_id, status FROM notas WHERE tenant_id = $1", shop.tenant
    )
    ends = {
        "Autorizada": ("issued", "cancel_refused"),
        "CancelamentoNegado": ("issued", "cancel_refused"),
        "Negada": ("denied", "cancelled"),
        "Cancelada": ("cancelled",),
    }
    return [
        row["external_id"]
        for row in rows
        if (nota := theirs.get(row["external_id"])) is not None
        and nota.status in FINAL
        and row["status"] not in ends[nota.status]
    ]


def _of_issuer(nota: Nota | None) -> str:
    if nota is None:
        return "unknown"
    changed = datetime.fromtimestamp(nota.changed, UTC)
    return f"{nota.status} since {changed:%H:%M:%S} (id {nota.id})"


def _answers(row: Any, journal: Iterable[JournalEntry]) -> list[str]:
    """The last requests about a nota, by the issuer's clock; 0 stands for a line that was cut."""
    ids = (row["external_id"], row["issuer_id"])
    mine = [
        one
        for one in list(journal)
        if one.external_id == ids[0] or any(word and word in one.path for word in ids)
    ]
    return [
        f"{datetime.fromtimestamp(one.at, UTC):%H:%M:%S} {one.method} {one.status}"
        for one in mine[-LAST:]
    ]


def _plain(value: Any) -> Any:
    return f"{value:%H:%M:%S}" if isinstance(value, datetime) else value
