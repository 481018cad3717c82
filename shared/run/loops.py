"""What a process does again and again beside its work."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Final

import structlog

from shared.run.tasks import end_task
from shared.telemetry.severity import severity

log = structlog.get_logger()

NO_REST: Final = timedelta()


class Next(Enum):
    """What a step may answer; whatever else it answers means to rest as usual."""

    AT_ONCE = "at once"
    NEVER = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class Periodic:
    """A step, how long it rests in between, and what its failure is called in the log.

    A step may fail for any reason, most often because the database is away: it is tried again.
    """

    name: str
    step: Callable[[], Awaitable[object]]
    every: timedelta
    failed: str
    after_failure: timedelta | None = None  # None: as after any other step
    rests_first: bool = False

    async def run(self) -> None:
        """Take step after step, until cancelled or until one answers that it was the last."""
        rest: timedelta | None = self.every if self.rests_first else NO_REST
        while rest is not None:
            await asyncio.sleep(rest.total_seconds())
            rest = await self._take()

    async def _take(self) -> timedelta | None:
        """Take a step; how long to rest after it, None after the last one."""
        try:
            answer = await self.step()
        except Exception as error:  # noqa: BLE001 - named here, and tried again
            log.log(severity(error), self.failed, loop=self.name, error=type(error).__name__)
            return self.after_failure or self.every
        if answer is Next.NEVER:
            return None
        return NO_REST if answer is Next.AT_ONCE else self.every


@asynccontextmanager
async def beside(**running: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Run these as long as the block runs, each in a task of its name; then end them all.

    One that fails has a bug, which is logged; the others and the block go on.
    """
    tasks = [asyncio.create_task(_watched(name, run), name=name) for name, run in running.items()]
    try:
        yield
    finally:
        await asyncio.gather(*(end_task(task) for task in tasks))


async def _watched(name: str, run: Callable[[], Awaitable[None]]) -> None:
    try:
        await run()
    except Exception:
        log.exception("background_loop_failed", loop=name)
