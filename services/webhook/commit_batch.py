"""Group commit: deliveries that arrive together share a transaction.

Measured at twice the throughput of a transaction each, at no cost to a lone delivery: a flush
starts at once when none is running, and what arrives meanwhile goes with the next. One at a time,
since two that take turns share the same deliveries among twice as many commits (measured: 18 rows
a commit and 75 us of processor time an event, against 27 and 66); only where one takes long, those
that came after it pass it by. A batch with a sale that somebody holds is given up after a fifth of
a second, and committed a sale at a time (`held`).
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

import asyncpg
import structlog
from prometheus_client import Counter as Metric
from prometheus_client import Gauge, Histogram

from services.webhook.held import (
    COMMIT_SECONDS,
    Delivery,
    HeldLine,
    NotCommittedError,
    Unanswered,
    answer,
)
from shared import intake
from shared.db.away import database_away
from shared.db.connection import Pool
from shared.db.outbox.outbox_store import Mark
from shared.telemetry import traces
from shared.telemetry.severity import severity

if TYPE_CHECKING:
    from shared.domain.ids import TenantId

SLOW_AFTER: Final = 0.05  # seconds after which a commit is passed by
AT_ONCE: Final = 3  # commits of this process under way, the slow ones included
ENOUGH: Final = 24  # deliveries for a batch of its own; fewer wait for those being read just now
QUIET_TURNS: Final = 2  # of the event loop without an arrival: nothing more is being read
STOP_AGAIN: Final = 1.0  # seconds after which whoever goes on is told once more
LARGEST_BATCH: Final = 200
MOST_WAITING: Final = 2_000
SHARE_OF_ONE: Final = 4  # one tenant takes a quarter of it: of 2000 a tenth of a second's commits


BATCH_ROWS: Final = Histogram(
    "notaponte_webhook_batch_rows",
    "Deliveries that shared a commit.",
    buckets=(1, 2, 5, 10, 20, 50, 100, 200),
)
COMMIT: Final = Histogram(
    "notaponte_webhook_commit_seconds",
    "Time of one commit.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
FAILED: Final = Metric("notaponte_webhook_failed_commits_total", "Commits failed, by why.", ["why"])
for _why in ("full", "row", "database", "held"):
    FAILED.labels(_why)  # shown as 0 before the first, so that the first is a rise
WAITING: Final = Gauge(
    "notaponte_webhook_waiting_deliveries",
    "Deliveries that wait for a commit.",
    multiprocess_mode="livesum",
)

log = structlog.get_logger()


class Committer:
    """Commits deliveries in batches; `start` before use, `close` after the last one."""

    def __init__(
        self,
        pool: Pool,
        *,
        after_marks: Callable[[], Awaitable[None]],
        most_waiting: int = MOST_WAITING,
    ) -> None:
        """`after_marks` is awaited after each commit that made sales due; it must not fail."""
        self._pool = pool
        self._after_marks = after_marks
        self._most_waiting = most_waiting
        self._most_of_one = max(1, most_waiting // SHARE_OF_ONE)
        self._waiting: deque[Unanswered] = deque()
        self._held = HeldLine(self._flush, on_late=_note_late)
        self._of: Counter[TenantId] = Counter()  # waiting now, by tenant
        self._arrived = asyncio.Event()
        self._flushers: list[asyncio.Task[None]] = []
        self._flushes: set[asyncio.Task[None]] = set()  # under way

    @property
    def waiting(self) -> int:
        """How many deliveries wait for a commit."""
        return len(self._waiting) + len(self._held)

    def start(self) -> None:
        self._flushers = [
            asyncio.create_task(self._flush_forever(), name="flusher"),
            asyncio.create_task(self._held.run(), name="flusher of held sales"),
        ]

    async def close(self) -> None:
        """Stop; whoever still waits is told that nothing was committed."""
        stopping = {*self._flushes, *self._flushers}
        while stopping:
            for task in stopping:
                task.cancel()
            # Who gives up a connection that answers nothing hears of that, and of no cancellation.
            _, stopping = await asyncio.wait(stopping, timeout=STOP_AGAIN)
        self._refuse_waiting()

    async def commit(self, delivery: Delivery) -> None:
        """Return once the delivery is committed; NotCommittedError when that is not known.

        Repeating after NotCommittedError is safe: a copy stored twice is one piece of work.
        """
        tenant = delivery.event.tenant_id
        if self.waiting >= self._most_waiting or self._of[tenant] >= self._most_of_one:
            FAILED.labels("full").inc()
            raise NotCommittedError
        self._of[tenant] += 1
        done = asyncio.get_running_loop().create_future()
        until = time.monotonic() + COMMIT_SECONDS
        waiting = Unanswered(delivery=delivery, done=done, until=until)
        if self._held.has(delivery.sale):
            self._held.put([waiting])
        else:
            self._waiting.append(waiting)
            self._arrived.set()
        try:
            await done
        finally:
            self._of[tenant] -= 1
            if not self._of[tenant]:
                del self._of[tenant]

    async def commit_all(self, deliveries: Sequence[Delivery]) -> None:
        """The same of several of one tenant, however few of it may wait at once.

        Each waits for its own sale; where one is not committed the others may be all the same: the
        copy that is sent again is one more event of each.
        """
        if len(deliveries) == 1:
            await self.commit(deliveries[0])
            return
        most = min(self._most_of_one, ENOUGH)
        for at in range(0, len(deliveries), most):
            some = deliveries[at : at + most]
            said = await asyncio.gather(*map(self.commit, some), return_exceptions=True)
            if failed := [error for error in said if error is not None]:
                raise failed[0]

    async def _flush_forever(self) -> None:
        while True:
            await self._arrived.wait()
            await self._gather()
            if batch := self._take():
                await self._start_flush(batch)

    async def _start_flush(self, batch: Sequence[Unanswered]) -> None:
        """Flush a batch; returns as soon as another may begin."""
        flush = asyncio.create_task(self._flush(batch), name="flush")
        self._flushes.add(flush)
        flush.add_done_callback(partial(self._flushed, batch))
        await asyncio.wait((flush,), timeout=SLOW_AFTER)
        if len(self._flushes) >= AT_ONCE:
            await asyncio.wait(self._flushes, return_when=asyncio.FIRST_COMPLETED)

    def _flushed(self, batch: Sequence[Unanswered], flush: asyncio.Task[None]) -> None:
        self._flushes.discard(flush)
        if flush.cancelled() or flush.exception():
            answer(batch, NotCommittedError())

    async def _gather(self) -> None:
        """Let those that are being read come along: no time passes for a delivery that is alone."""
        quiet, before = 0, 0
        while quiet < QUIET_TURNS and len(self._waiting) < ENOUGH:
            await asyncio.sleep(0)
            quiet = quiet + 1 if len(self._waiting) == before else 0
            before = len(self._waiting)

    def _take(self) -> list[Unanswered]:
        count = min(len(self._waiting), LARGEST_BATCH)
        batch = [self._waiting.popleft() for _ in range(count)]
        if not self._waiting:
            self._arrived.clear()
        return batch

    async def _flush(self, batch: Sequence[Unanswered]) -> None:
        failure = await self._store(batch)
        if _of_rows(failure) and len(batch) > 1:
            for one in batch:
                self._settle([one], await self._store([one]))
            return
        self._settle(batch, failure)

    def _settle(self, batch: Sequence[Unanswered], failure: Exception | None) -> None:
        """Answer, or have those wait whose sale somebody holds."""
        if isinstance(failure, asyncpg.LockNotAvailableError):
            self._held.put(batch)
            return
        answer(batch, failure)
        if failure is not None and not _of_rows(failure):
            self._refuse_waiting()  # they would wait for the same answer

    async def _store(self, batch: Sequence[Unanswered]) -> Exception | None:
        """Commit a batch; returns what prevented it."""
        events = [one.delivery.event for one in batch]
        marks = [one.delivery.mark for one in batch if one.delivery.mark]
        started = time.perf_counter()
        try:
            async with asyncio.timeout(COMMIT_SECONDS):
                with _traced(marks, rows=len(batch)):
                    await intake.take_in(self._pool, events, marks, briefly=True)
        except asyncpg.LockNotAvailableError as held:
            return held
        except Exception as error:  # noqa: BLE001 - every failure must become an answer
            FAILED.labels("row" if _of_rows(error) else "database").inc()
            log.log(severity(error), "commit_failed", error=type(error).__name__, rows=len(batch))
            return error
        COMMIT.observe(time.perf_counter() - started)
        BATCH_ROWS.observe(len(batch))
        if marks:
            await self._after_marks()
        return None

    def _refuse_waiting(self) -> None:
        refused = [*self._waiting, *self._held.take_all()]
        self._waiting.clear()
        self._arrived.clear()
        answer(refused, NotCommittedError())


def _note_late(rows: int) -> None:
    FAILED.labels("held").inc(rows)
    log.warning("held_sale_refused", rows=rows)


def _traced(marks: Sequence[Mark], *, rows: int) -> traces.TraceSpan:
    """The commit, in the trace of the first delivery it serves, with the names of the others."""
    if not traces.on() or not marks:
        return traces.NOTHING
    first, *others = (mark.traceparent for mark in marks)
    return traces.span("commit", parent=first, links=others, count=rows)


def _of_rows(failure: Exception | None) -> bool:
    """Whether a single row can have caused it; anything else is the database's and everybody's."""
    if failure is None:
        return False
    rolled_back = isinstance(failure, asyncpg.TransactionRollbackError)
    return rolled_back or not database_away(failure)
