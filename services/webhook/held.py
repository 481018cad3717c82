"""Deliveries of sales that somebody holds, apart from all others.

A process that stands still in the midst of a transaction holds its sales until the server ends
that: three seconds later where it was a commit of deliveries, fifteen elsewhere. Vindi sends to
another meanwhile: what is about those sales waits here, a sale at a time, and keeps no other sale's
deliveries waiting.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Final

import structlog
from msgspec import Struct

from shared.db.outbox.outbox_store import Mark
from shared.db.vindi.events_store import StoredEvent

if TYPE_CHECKING:
    from shared.domain.ids import BillId, TenantId

COMMIT_SECONDS: Final = 8.0  # with waiting for one batch before, still below Vindi's 20 s

SaleKey = tuple["TenantId", "BillId | None"]

log = structlog.get_logger()


class NotCommittedError(Exception):
    """It is not known to be stored: the sender must be told to come again."""


class Delivery(Struct, frozen=True, kw_only=True):
    """What one delivery stores; `mark` is None when no sale is due because of it."""

    event: StoredEvent
    mark: Mark | None

    @property
    def sale(self) -> SaleKey:
        """What it is due to hold in a commit; no bill where it holds none."""
        return self.event.tenant_id, self.mark.bill_id if self.mark else None


class Unanswered(Struct, frozen=True, kw_only=True):
    """A delivery and who waits for it, until when by `time.monotonic`."""

    delivery: Delivery
    done: asyncio.Future[None]
    until: float


def answer(batch: Sequence[Unanswered], failure: Exception | None) -> None:
    """Tell those that wait what became of their deliveries."""
    for one in batch:
        if one.done.done():  # answered, or its caller has gone
            continue
        if failure is None:
            one.done.set_result(None)
        else:
            one.done.set_exception(NotCommittedError())


class HeldLine:
    """The sales that are held; those not tried alone yet come before those that were."""

    def __init__(self, flush: Callable[[Sequence[Unanswered]], Awaitable[None]]) -> None:
        """`flush` commits what is about one sale, or puts it here once more."""
        self._flush = flush
        self._sales: OrderedDict[SaleKey, list[Unanswered]] = OrderedDict()
        self._arrived = asyncio.Event()

    def __len__(self) -> int:
        return sum(map(len, self._sales.values()))

    def has(self, sale: SaleKey) -> bool:
        """Whether a sale stands in line: what is about it belongs here."""
        return sale in self._sales

    def put(self, batch: Sequence[Unanswered]) -> int:
        """Have them wait here; those whose time is up are refused, and counted in the answer."""
        now = time.monotonic()
        late = [one for one in batch if one.until <= now]
        answer(late, NotCommittedError())
        for one in batch:
            if one.until <= now or one.done.done():
                continue
            sale = one.delivery.sale
            if sale not in self._sales:
                self._sales[sale] = []
                self._sales.move_to_end(sale, last=False)
            self._sales[sale].append(one)
            self._arrived.set()
        return len(late)

    def take_all(self) -> list[Unanswered]:
        """Everybody in line, who stand here no longer."""
        everybody = [one for group in self._sales.values() for one in group]
        self._sales.clear()
        self._arrived.clear()
        return everybody

    async def run(self) -> None:
        """Try one sale after the other, until cancelled."""
        while True:
            await self._arrived.wait()
            sale = next(iter(self._sales))
            group, self._sales[sale] = self._sales[sale], []
            try:
                await self._flush(group)
            except Exception:
                log.exception("held_sale_not_committed")
            except BaseException:
                answer(group, NotCommittedError())
                raise
            if rest := self._sales.pop(sale, None):
                self._sales[sale] = rest
            if not self._sales:
                self._arrived.clear()
