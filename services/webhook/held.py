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

    def __init__(
        self,
        flush: Callable[[Sequence[Unanswered]], Awaitable[None]],
        *,
        on_late: Callable[[int], None],
    ) -> None:
        """`flush` commits what is about one sale, or puts it here once more.

        `on_late` is told how many were refused since their time was up.
        """
        self._flush = flush
        self._on_late = on_late
        self._sales: OrderedDict[SaleKey, list[Unanswered]] = OrderedDict()
        self._arrived = asyncio.Event()

    def __len__(self) -> int:
        return sum(map(len, self._sales.values()))

    def has(self, sale: SaleKey) -> bool:
        """Whether a sale stands in line: what is about it belongs here."""
        return sale in self._sales

    def put(self, batch: Sequence[Unanswered]) -> None:
        """Have them wait here; those whose time is up are refused."""
        for one in self._in_time(batch):
            sale = one.delivery.sale
            if sale not in self._sales:
                self._sales[sale] = []
                self._sales.move_to_end(sale, last=False)
            self._sales[sale].append(one)
            self._arrived.set()

    def take_all(self) -> list[Unanswered]:
        """Everybody in line, who stand here no longer."""
        everybody = [one for group in self._sales.values() for one in group]
        self._sales.clear()
        self._arrived.clear()
        return everybody

    async def run(self) -> None:
        """Try one sale after the other, until cancelled.

        Each that is held still takes its fifth of a second: whose turn is far away is told when
        its time is up, not when its turn has come, which its sender would not wait for.
        """
        while True:
            await self._arrived.wait()
            self._refuse_late()
            if not self._sales:
                self._arrived.clear()
                continue
            sale = next(iter(self._sales))
            group, self._sales[sale] = self._sales[sale], []
            try:
                await self._flush(group)
            except Exception:
                log.exception("held_sale_not_committed")
                answer(group, NotCommittedError())
            except BaseException:
                answer(group, NotCommittedError())
                raise
            if rest := self._sales.pop(sale, None):
                self._sales[sale] = rest
            if not self._sales:
                self._arrived.clear()

    def _refuse_late(self) -> None:
        for sale, group in list(self._sales.items()):
            if in_time := self._in_time(group):
                self._sales[sale] = in_time
            else:
                del self._sales[sale]

    def _in_time(self, waiting: Sequence[Unanswered]) -> list[Unanswered]:
        """Those that still wait; those whose time is up are told so."""
        now = time.monotonic()
        waiting = [one for one in waiting if not one.done.done()]
        if late := [one for one in waiting if one.until <= now]:
            answer(late, NotCommittedError())
            self._on_late(len(late))
        return [one for one in waiting if one.until > now]
