"""Denied notas by their cause, and one button for all of a cause."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from shared.crypto import columns
from shared.crypto.seal import Sealer, UnsealError
from shared.db.connection import Connection
from shared.domain.ids import BillId, TenantId
from shared.domain.money import Cents

EXAMPLES: Final = 5
CHUNK: Final = 1000  # rows locked at once; more would keep workers waiting


class DenialGroup(Struct, frozen=True, kw_only=True):
    """All denied sales of one cause. `reason` is the text of one of them, sealed."""

    group: str
    denial: str
    count: int
    amount: Cents
    first_at: datetime
    last_at: datetime
    by_itself: int  # of them, sent again by themselves later
    examples: tuple[BillId, ...]
    reason: bytes | None
    reason_of: tuple[BillId, int, int] | None = None  # whose: bill, part and revision
    cause: str | None = None  # a row of the catalogue of refusals that one of them is


# Notas denied before causes were kept form the group of their class. Ids go from step to step as
# arrays: thousands of denials come within a minute, before the planner has heard of them, and a
# join it believes to be of a few rows would take minutes.
GROUPS: Final = """
    -- denials_store.groups
    SELECT coalesce(n.denial_group, n.denial) AS "group", min(n.denial) AS denial,
           count(DISTINCT n.bill_id) AS count, sum(n.amount)::bigint AS amount,
           min(coalesce(n.denied_at, n.sent_at, n.created_at)) AS first_at,
           max(coalesce(n.denied_at, n.sent_at, n.created_at)) AS last_at,
           count(*) FILTER (WHERE n.resend_at IS NOT NULL) AS by_itself,
           (array_agg(n.bill_id ORDER BY n.bill_id))[1:$2] AS examples,
           (array_agg(n.reason ORDER BY n.bill_id) FILTER (WHERE n.reason IS NOT NULL))[1]
               AS reason,
           (array_agg(ARRAY[n.bill_id, n.part, n.revision] ORDER BY n.bill_id)
               FILTER (WHERE n.reason IS NOT NULL))[1:1] AS reason_of,
           min(n.denial_cause) AS cause
      FROM notas n
     WHERE n.tenant_id = $1 AND n.status = 'denied' AND NOT n.resend
       AND n.bill_id = ANY (ARRAY(SELECT s.bill_id FROM sales s
                                   WHERE s.tenant_id = $1 AND s.status = 'denied'))
     GROUP BY 1
     ORDER BY count DESC, "group"
"""


async def groups(conn: Connection, tenant: TenantId) -> list[DenialGroup]:
    """The causes of all denials that stand, the most frequent first."""
    rows = await conn.fetch(GROUPS, tenant, EXAMPLES)
    return [_group(dict(row)) for row in rows]


def _group(fields: dict[str, Any]) -> DenialGroup:
    of = fields.pop("reason_of")
    return DenialGroup(
        **{**fields, "examples": tuple(fields["examples"])}, reason_of=of and tuple(of[0])
    )


TEXTS: Final = """
    -- denials_store.texts
    SELECT bill_id, part, revision, reason FROM notas
     WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[]) AND reason IS NOT NULL
"""


def without_texts(found: Sequence[DenialGroup]) -> list[DenialGroup]:
    """The same without the issuer's words, as figures may be kept.

    What is kept outlives the nota's own text, which an erasure or its time ends.
    """
    return [replace(group, reason=None) for group in found]


async def with_texts(
    conn: Connection, tenant: TenantId, found: Sequence[DenialGroup]
) -> list[DenialGroup]:
    """The same with the issuer's words as they are now; None where there are none any more."""
    bills = [group.reason_of[0] for group in found if group.reason_of]
    rows = await conn.fetch(TEXTS, tenant, bills)
    texts = {(row["bill_id"], row["part"], row["revision"]): row["reason"] for row in rows}
    return [
        replace(group, reason=texts.get(group.reason_of) if group.reason_of else None)
        for group in found
    ]


def original_text(sealer: Sealer, tenant: TenantId, group: DenialGroup) -> str | None:
    """What the issuer said of one of them; it belongs to the tenant and goes into no log.

    None where nothing was kept, or where it does not open any more.
    """
    if group.reason is None:
        return None
    key = group.reason_of or ()
    try:
        return columns.REASON.open(sealer, tenant, group.reason, *key).decode()
    except (UnsealError, TypeError):
        return None


WANTED: Final = """
    -- denials_store.of_group
    SELECT n.bill_id FROM notas n
     WHERE n.tenant_id = $1 AND n.status = 'denied' AND NOT n.resend AND n.bill_id > $3
       AND n.bill_id = ANY (ARRAY(SELECT s.bill_id FROM sales s
                                   WHERE s.tenant_id = $1 AND s.status = 'denied'
                                     AND s.bill_id > $3))
       AND (n.denial_group = $2 OR (n.denial_group IS NULL AND n.denial = $2))
     ORDER BY n.bill_id LIMIT $4
"""


async def of_group(
    conn: Connection, tenant: TenantId, group: str, *, after: BillId
) -> list[BillId]:
    """The next chunk of denied sales of a cause that are not sent again yet, by bill."""
    rows = await conn.fetch(WANTED, tenant, group, after, CHUNK)
    return list(dict.fromkeys(row["bill_id"] for row in rows))


RESEND: Final = """
    -- denials_store.resend
    UPDATE notas SET resend = true, resend_at = NULL
     WHERE tenant_id = $1 AND bill_id = ANY($3::bigint[]) AND status = 'denied'
       AND (denial_group = $2 OR (denial_group IS NULL AND denial = $2))
 RETURNING bill_id
"""


async def resend(
    conn: Connection, tenant: TenantId, group: str, bills: Sequence[BillId]
) -> list[BillId]:
    """Have notas of a cause sent again under their ids; the sales that had one, locked before."""
    rows = await conn.fetch(RESEND, tenant, group, bills)
    return sorted({row["bill_id"] for row in rows})
