"""Events that name bills nobody has: a leaked address, a wrong account, somebody who makes them up.

Each costs reads of the account's budget, and thousands would keep its live sales waiting. Once an
account's events are mostly of that kind, what only an event named is looked for by lists, which
show fifty at once, and put behind all others if it is not there. Where more of it is due than some
lists tell, all of that is put behind; what is real among it the reconciler finds. Whatever a
read proves comes forward again.
"""

import time
from dataclasses import dataclass, field
from typing import Final

import structlog

from services.emitter.reading.read import Missing, ReadBatch, TooEarly, is_unproven
from shared.db.connection import Connection, Pool
from shared.db.outbox import due_read, outbox_store
from shared.db.outbox.outbox_store import BACKFILL, LIVE
from shared.db.vindi import oddities_store
from shared.db.vindi.oddities_store import BILLS_UNKNOWN
from shared.domain.ids import BillId, TenantId

log = structlog.get_logger()

WINDOW_SECONDS: Final = 600.0
MOST_UNKNOWN: Final = 20  # one request each: Vindi is asked about every bill that a list lacks
LOOKED_FOR: Final = 500  # ten lists


@dataclass(slots=True)
class _Count:
    since: float
    unknown: int = 0
    found: int = 0


@dataclass(slots=True)
class Doubts:
    """Counts of this process; whatever it forgets is counted again within some twenty requests."""

    _counts: dict[TenantId, _Count] = field(default_factory=dict)

    async def note(self, pool: Pool, tenant: TenantId, read: ReadBatch) -> None:
        """Count what a batch's read said, and put unproven sales last where there is doubt."""
        proved = _put_last_and_proved(read)
        if proved:
            async with pool.acquire() as conn:
                await outbox_store.bring_forward(conn, tenant, proved)
        if self._doubted(tenant, unknown=_unknown(read), found=len(read.fresh)):
            async with pool.acquire() as conn, conn.transaction():
                moved = await _put_last(conn, tenant)
                await oddities_store.note_now(conn, tenant, [BILLS_UNKNOWN])
            if moved:
                log.warning("unproven_sales_put_last", tenant_id=tenant, sales=moved)

    def of(self, tenant: TenantId) -> bool:
        """Whether a tenant's events are doubted just now."""
        return self._doubted(tenant, unknown=0, found=0)

    def _doubted(self, tenant: TenantId, *, unknown: int, found: int) -> bool:
        count, now = self._counts.get(tenant), time.monotonic()
        if count is not None and now - count.since > WINDOW_SECONDS:
            count = None
            del self._counts[tenant]
        if count is None:
            if not unknown:
                return False
            count = self._counts[tenant] = _Count(since=now)
        count.unknown += unknown
        count.found += found
        return count.unknown >= MOST_UNKNOWN and count.unknown > count.found


async def _put_last(conn: Connection, tenant: TenantId) -> int:
    """What was looked for once; all of it where the line is so long that a real sale would wait."""
    due = await due_read.due_now(conn, tenant, lane=LIVE, most=LOOKED_FOR + 1)
    return await outbox_store.put_unproven_last(conn, tenant, unlooked=due > LOOKED_FOR)


def _put_last_and_proved(read: ReadBatch) -> list[BillId]:
    """Bills that were put behind all others for nothing; imports lie there by their own wish."""
    return [
        one.entry.bill_id
        for one in read.fresh
        if one.entry.lane == BACKFILL and one.entry.origin == "webhook" and one.known.sale is None
    ]


def _unknown(read: ReadBatch) -> int:
    """Bills that nothing but an event ever named, and that the account does not have."""
    return sum(
        1
        for one in read.unread
        if isinstance(one.why, Missing) or (isinstance(one.why, TooEarly) and one.why.unknown)
        if is_unproven(one.entry, one.known)
    )
