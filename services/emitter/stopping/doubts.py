"""Events that name bills nobody has: a leaked address, a wrong account, somebody who makes them up.

Each costs reads of the account's budget, and thousands would keep its live sales waiting. Once an
account's events are mostly of that kind, sales that only an event named are put behind all others;
what is real among them the reconciler finds, and brings forward again.
"""

import time
from dataclasses import dataclass, field
from typing import Final

import structlog

from services.emitter.reading.read import Missing, ReadBatch, TooEarly
from shared.db.connection import Pool
from shared.db.outbox import outbox_store
from shared.db.vindi import oddities_store
from shared.db.vindi.oddities_store import BILLS_UNKNOWN
from shared.domain.ids import TenantId

log = structlog.get_logger()

WINDOW_SECONDS: Final = 600.0
MOST_UNKNOWN: Final = 20  # one request each: Vindi is asked about every bill that a list lacks


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
        if self._doubted(tenant, unknown=_unknown(read), found=len(read.fresh)):
            async with pool.acquire() as conn, conn.transaction():
                moved = await outbox_store.put_unproven_last(conn, tenant)
                await oddities_store.note_now(conn, tenant, [BILLS_UNKNOWN])
            if moved:
                log.warning("unproven_sales_put_last", tenant_id=tenant, sales=moved)

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


def _unknown(read: ReadBatch) -> int:
    """Bills that nothing but an event ever named, and that the account does not have."""
    return sum(
        1
        for one in read.unread
        if isinstance(one.why, Missing) or (isinstance(one.why, TooEarly) and one.why.unknown)
        if one.known.sale is None and one.known.bill is None and one.entry.origin == "webhook"
    )
