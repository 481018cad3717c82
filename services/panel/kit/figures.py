"""Figures of a tenant: as they are now, or, where that takes too long, as they were lately.

Most tenants' figures are added up while their page is made. Those of very many sales are kept in
the database with the instant they are of. A page shows kept ones that are young; for older ones it
waits a moment, and then shows what is kept, with its instant, while new ones are added up behind
it. So nobody waits for a million sales, nothing is added up all the time, and what is wrong in a
kept row is gone with the next look (`docs/decisions/0028-figures-with-their-instant.md`).
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, Generic, TypeVar, cast

import msgspec
import structlog

from shared.db import clock
from shared.db.connection import Pool
from shared.db.sales import kept_figures_store
from shared.db.sales.kept_figures_store import KeptFigures
from shared.domain.ids import TenantId
from shared.telemetry.severity import severity

log = structlog.get_logger()

MANY: Final = 5_000  # sales behind a figure: fewer are added up within milliseconds
SLOW: Final = timedelta(seconds=1)  # or somebody outside was asked, who is slow today
PATIENCE: Final = 0.03  # seconds that a page which has something to show waits for newer figures,
# all of them together
PATIENCE_AFTER_ACT: Final = 3.0  # with whoever has just changed something
YOUNG: Final = timedelta(seconds=5)
OLDEST_YOUNG: Final = timedelta(seconds=60)
AT_ONCE: Final = 2  # behind pages, in one process: the rest of the pool is for pages
SHARE: Final = 20  # of one processor, a twentieth goes into a figure that is looked at all the time

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure(Generic[T]):
    """A figure as a page shows it; `as_of` None: it was added up for this page."""

    value: T
    as_of: datetime | None = None


@dataclass(slots=True)
class Patience:
    """How many seconds a page still waits for newer figures than it has."""

    left: float = PATIENCE

    async def wait(self, flight: "asyncio.Task[Any]") -> None:
        """Wait for figures as long as this lasts."""
        begun = time.monotonic()
        await asyncio.wait({flight}, timeout=self.left)
        self.left = max(0.0, self.left - (time.monotonic() - begun))


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureKind(Generic[T]):
    """What is added up: its name in the database, its type, how many sales are behind a value."""

    name: str
    type: type[T]
    sales: Callable[[T], int]


class FigureKeeper:
    """Adds figures up, each once at a time, and keeps what took long. One for each process."""

    def __init__(self) -> None:
        self._flights: dict[tuple[TenantId, str], asyncio.Task[Any]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def of(
        self,
        pool: Pool,
        tenant: TenantId,
        kind: FigureKind[T],
        add_up: Callable[[], Awaitable[T]],
        patience: Patience,
    ) -> Figure[T]:
        """The figure; raises what `add_up` raises where nothing is kept.

        `pool` sees the tenant alone. `add_up` may go on after this returned, and after its request.
        """
        async with pool.acquire() as conn:
            kept = await kept_figures_store.read(conn, tenant, kind.name)
            now = await clock.now(conn) if kept is None else kept.now
        old = None if kept is None else _opened(kept, kind)
        if kept is not None and old is not None and _young(kept):
            return old
        flight = self._begin(pool, tenant, kind, add_up, now, again=kept is not None)
        if kept is None or old is None:
            return Figure(value=await asyncio.shield(flight))
        await (Patience(PATIENCE_AFTER_ACT) if kept.outdated else patience).wait(flight)
        if flight.done() and flight.exception() is None:
            return Figure(value=flight.result())
        return old

    async def outdate(self, pool: Pool, tenant: TenantId) -> None:
        """After somebody's act: the next look waits for figures that know of it."""
        async with pool.acquire() as conn:
            await kept_figures_store.outdate(conn, tenant)
        for key in [key for key in self._flights if key[0] == tenant]:
            del self._flights[key]  # it goes on, and nobody who comes now waits for it

    async def close(self) -> None:
        """End what is still being added up; nothing is lost by it."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _begin(
        self,
        pool: Pool,
        tenant: TenantId,
        kind: FigureKind[T],
        add_up: Callable[[], Awaitable[T]],
        now: datetime,
        *,
        again: bool,
    ) -> "asyncio.Task[T]":
        """Whoever asks meanwhile gets the same."""
        key = (tenant, kind.name)
        flying = self._flights.get(key)
        if flying is not None:
            return cast("asyncio.Task[T]", flying)
        adding = partial(_added_up, pool, tenant, kind, add_up, now, again=again)
        task = asyncio.create_task(self._in_turn(adding) if again else adding())
        self._flights[key] = task
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._landed(key, done))
        return task

    async def _in_turn(self, adding: Callable[[], Awaitable[T]]) -> T:
        async with self._turns:
            return await adding()

    def _landed(self, key: tuple[TenantId, str], task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        if self._flights.get(key) is task:
            del self._flights[key]
        error = None if task.cancelled() else task.exception()
        if error is not None:
            word = type(error).__name__
            log.log(severity(error), "figures_failed", tenant_id=key[0], name=key[1], error=word)


@asynccontextmanager
async def open_figures() -> AsyncIterator[FigureKeeper]:
    """Figures for as long as the block lasts."""
    figures = FigureKeeper()
    try:
        yield figures
    finally:
        await figures.close()


async def _added_up(
    pool: Pool,
    tenant: TenantId,
    kind: FigureKind[T],
    add_up: Callable[[], Awaitable[T]],
    now: datetime,
    *,
    again: bool,
) -> T:
    """Add up and keep it: what is large, what was slow, and what is kept and would get old."""
    begun = time.monotonic()
    value = await add_up()
    took = timedelta(seconds=time.monotonic() - begun)
    if again or kind.sales(value) >= MANY or took >= SLOW:
        body = msgspec.json.encode(value).decode()
        async with pool.acquire() as conn:
            await kept_figures_store.keep(
                conn,
                tenant,
                kind.name,
                as_of=now,
                took_ms=took // timedelta(milliseconds=1),
                body=body,
            )
    return value


def _opened(kept: KeptFigures, kind: FigureKind[T]) -> Figure[T] | None:
    """What was kept, unless other code kept it in another shape."""
    try:
        return Figure(value=msgspec.json.decode(kept.body, type=kind.type), as_of=kept.as_of)
    except msgspec.MsgspecError:
        return None


def _young(kept: KeptFigures) -> bool:
    """Whether to add it up again can wait; what is of the future was kept by a wrong clock."""
    age = kept.now - kept.as_of
    wait = min(max(YOUNG, timedelta(milliseconds=kept.took_ms * SHARE)), OLDEST_YOUNG)
    return not kept.outdated and timedelta() <= age < wait
