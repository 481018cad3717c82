"""Floods: events of bills that nobody has, or of which nothing is new.

A leaked address, a wrong account, somebody who makes them up: each costs reads of the account's
budget, and thousands would keep its live sales waiting. Once most of a tenant's events are of that
kind, events are no measure any more of what there is to do. Then the reconciler asks the account
itself, every few seconds, which bills changed last, and what it shows is decided at once; all that
is mere hearsay waits behind that, is read by lists of fifty, and leaves a part of the budget alone.
Every process minds what one of them has seen.
"""

import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import structlog

from services.emitter.reading.read import (
    Garbled,
    Missing,
    ReadBatch,
    TooEarly,
    Unread,
)
from services.emitter.reading.rumours import is_unproven
from services.emitter.work import FreshSale
from shared.db.connection import Connection, Pool
from shared.db.outbox import due_read, outbox_store
from shared.db.outbox.outbox_store import BACKFILL, LIVE
from shared.db.vindi import oddities_store
from shared.db.vindi.oddities_store import BILLS_UNKNOWN, EVENTS_VAIN, FLOOD_LASTS
from shared.domain.ids import BillId, TenantId
from shared.vindi.budget import Headroom

log = structlog.get_logger()

WINDOW_SECONDS: Final = 60.0
MOST_VAIN: Final = 10
HEAR_EVERY: Final = 1.0  # seconds, what other processes have seen
# An event is sent when its bill changes, and again for two days where nobody takes it.
LONG_UNCHANGED: Final = timedelta(hours=1)
# Of an account's requests, what no hearsay may take: it is what its live sales need of a minute
# beyond the part that is kept for them.
# An import may use 47 requests of Vindi's own 120 while nobody else does: with a batch's more than
# that hearsay, and the imports of a doubted tenant, would wait for as long as somebody makes it up.
LEFT_TO_OTHERS: Final = 20
LEFT_WITHOUT_LISTS: Final = 28
# Two lists of bills, two of customers, a few bills alone; another process may claim as well.
REQUESTS_A_BATCH: Final = 2 * 9
LOOKED_FOR: Final = 500  # ten lists; of a longer line even what is new in it waits


@dataclass(slots=True)
class _Count:
    since: float
    vain: int = 0
    found: int = 0
    unknown_still: int = 0  # of the vain: bills that were not there seconds before, either


@dataclass(slots=True)
class Doubts:
    """Whose events are doubted: as this process counted, or another one wrote down."""

    _counts: dict[TenantId, _Count] = field(default_factory=dict)
    _until: dict[TenantId, float] = field(default_factory=dict)
    _hear_at: float = 0.0

    def of(self, tenant: TenantId) -> bool:
        """Whether a tenant's events are doubted just now."""
        return self._until.get(tenant, 0.0) > time.monotonic()

    async def hear_any_tenant(self, conn: Connection) -> None:
        """Learn what other processes saw; asks the database once a second at most."""
        now = time.monotonic()
        if now < self._hear_at:
            return
        self._hear_at = now + HEAR_EVERY
        self._until = {tenant: at for tenant, at in self._until.items() if at > now}
        for tenant in await oddities_store.flooded_any_tenant(conn):
            self._until[tenant] = max(self._until.get(tenant, 0.0), now + 2 * HEAR_EVERY)

    async def note(self, pool: Pool, tenant: TenantId, read: ReadBatch) -> None:
        """Count what a batch's read said; what it proved comes forward again."""
        proved = _put_last_and_proved(read, doubted=self.of(tenant))
        if proved:
            async with pool.acquire() as conn:
                await outbox_store.bring_forward(conn, tenant, proved)
        word = self._counted(tenant, read)
        if word is None:
            return
        if not self.of(tenant):
            log.warning("events_doubted", tenant_id=tenant, why=word)
        self._until[tenant] = time.monotonic() + FLOOD_LASTS.total_seconds()
        async with pool.acquire() as conn:
            await oddities_store.note_flood(conn, tenant, word)

    def _counted(self, tenant: TenantId, read: ReadBatch) -> str | None:
        """Count a batch; why the tenant's events are to be doubted, if they are."""
        unknown, now = _unknown(read), time.monotonic()
        stale = sum(1 for sale in read.fresh if _is_stale(sale))
        vain = len(unknown) + stale
        count = self._counts.get(tenant)
        if count is not None and now - count.since > WINDOW_SECONDS:
            count = None
            del self._counts[tenant]
        if count is None:
            if not vain:
                return None
            count = self._counts[tenant] = _Count(since=now)
        count.vain += vain
        count.found += len(read.fresh) - stale
        count.unknown_still += sum(1 for one in unknown if one.entry.tries > 0)
        if not vain or count.vain < MOST_VAIN or count.vain <= count.found:
            return None
        # Copies of Vindi's may lag: a tenant is told of bills that stay unknown.
        return BILLS_UNKNOWN if count.unknown_still >= MOST_VAIN else EVENTS_VAIN


async def put_last(conn: Connection, tenant: TenantId) -> int:
    """Put what was looked for once behind all else, and the whole of a long line; how many."""
    due = await due_read.due_now(conn, tenant, lane=LIVE, most=LOOKED_FOR + 1)
    return await outbox_store.put_unproven_last(conn, tenant, unlooked=due > LOOKED_FOR)


def leaves_enough(room: Headroom | None, *, by_lists: bool) -> bool:
    """Whether a batch of hearsay leaves others what they need of an account's requests.

    Without lists of ids a sale takes a request of its own, and hearsay each made-up bill.
    """
    left = LEFT_TO_OTHERS if by_lists else LEFT_WITHOUT_LISTS
    return room is None or room.requests >= left + REQUESTS_A_BATCH


def _put_last_and_proved(read: ReadBatch, *, doubted: bool) -> list[BillId]:
    """Bills that were put behind all others for nothing; imports lie there by their own wish."""
    return [
        one.entry.bill_id
        for one in read.fresh
        if one.entry.lane == BACKFILL and one.entry.origin == "webhook"
        if one.known.sale is None or (doubted and one.entry.is_hearsay)
    ]


def _unknown(read: ReadBatch) -> list[Unread]:
    """Bills that nothing but an event ever named, and that the account does not have or show."""
    return [
        one
        for one in read.unread
        if isinstance(one.why, Missing)
        or (isinstance(one.why, TooEarly) and one.why.unknown)
        or (isinstance(one.why, Garbled) and one.why.refused)
        if is_unproven(one.entry, one.known)
    ]


def _is_stale(sale: FreshSale) -> bool:
    """Whether an event was about a bill that had not changed for long."""
    entry, before = sale.entry, sale.known.bill
    if not entry.is_hearsay or entry.heard_at is None or entry.origin == "backfill":
        return False
    same = before is None or before.updated_at == sale.bill.updated_at
    return same and entry.heard_at - sale.bill.updated_at > LONG_UNCHANGED
