"""Which processes send, which restore each of them minds, and whose answers they still wait for."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from msgspec import Struct

from shared.db.connection import Connection
from shared.domain.ids import BillId, TenantId

Sale = tuple[TenantId, BillId]


class Emitter(Struct, frozen=True, kw_only=True):
    """What one process last said of itself."""

    emitter: str
    beats_at: datetime
    knows_of: datetime | None  # when the restore was noticed that it minds; None: it knows of none
    waits_for: frozenset[Sale]  # of what left before that, nobody knows yet what became


BEAT: Final = """
    -- emitters_store.beat_any_tenant
    INSERT INTO emitters (emitter, beats_at, knows_of, waits_for) VALUES ($1, $2, $3, $4)
        ON CONFLICT (emitter) DO UPDATE
       SET beats_at = excluded.beats_at, knows_of = excluded.knows_of,
           waits_for = excluded.waits_for
"""
FORGET: Final = """
    -- emitters_store.forget_any_tenant
    DELETE FROM emitters WHERE emitter = $1 OR beats_at < $2
"""
ALL: Final = """
    -- emitters_store.all_any_tenant
    SELECT emitter, beats_at, knows_of, waits_for FROM emitters
"""


async def beat_any_tenant(
    conn: Connection,
    emitter: str,
    *,
    at: datetime,
    knows_of: datetime | None,
    waits_for: Iterable[Sale],
) -> None:
    """Say that a process lives; from now on nothing leaves it that was decided before `knows_of`.

    Safe to repeat, and to be late: an older word of it says less.
    """
    told = sorted(f"{tenant}/{bill}" for tenant, bill in waits_for)
    await conn.execute(BEAT, emitter, at, knows_of, told)


async def forget_any_tenant(conn: Connection, emitter: str, *, before: datetime) -> None:
    """Take away a process that ended and left nothing open, and those silent since `before`."""
    await conn.execute(FORGET, emitter, before)


async def all_any_tenant(conn: Connection) -> list[Emitter]:
    """Every process that was not taken away; some of them may be dead."""
    rows = await conn.fetch(ALL)
    return [
        Emitter(**{**dict(row), "waits_for": frozenset(map(_sale, row["waits_for"]))})
        for row in rows
    ]


def _sale(told: str) -> Sale:
    tenant, _, bill = told.rpartition("/")
    return TenantId(tenant), BillId(int(bill))
