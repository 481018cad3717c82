"""The emitter's loop: wakes on a ring, and sweeps by itself when none comes."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Final

import structlog

from services.emitter.dispatch import Dispatcher
from services.emitter.pace import Pace
from services.emitter.room import BATCH
from shared.db.connection import Pool
from shared.db.outbox import outbox_store
from shared.run.loops import Periodic
from shared.telemetry.severity import severity

log = structlog.get_logger()

SWEEP_EVERY: Final = timedelta(milliseconds=500)  # without any ring: Redis may be gone (design D1)
FREE_LEASES_EVERY: Final = timedelta(seconds=2)
AFTER_FAILURE: Final = timedelta(seconds=1)


class Loop:
    """Runs passes until told to stop."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher
        self._rung = asyncio.Event()
        self._stopping = asyncio.Event()
        self.pace = Pace()
        self._began = 0.0  # the last pass, by the loop's clock

    def ring(self) -> None:
        """Ask for a pass soon; cheap, and safe to call as often as one likes."""
        self._rung.set()

    def stop(self) -> None:
        """Claim nothing more, and let nothing more leave; `run` returns once all is given back."""
        self._dispatcher.tools.ending.tell()
        self._stopping.set()
        self._rung.set()

    async def run(self) -> None:
        """Pass after pass. A failing database delays passes, it does not end them."""
        while not self._stopping.is_set():
            self._rung.clear()
            began = asyncio.get_running_loop().time()
            try:
                claimed = await self._dispatcher.dispatch_once(self.ring)
            except Exception as error:  # noqa: BLE001 - the database is away: try again soon
                log.log(severity(error), "pass_failed", error=type(error).__name__)
                await asyncio.sleep(AFTER_FAILURE.total_seconds())
                continue
            late = self._dispatcher.lateness.is_late
            if claimed or late:  # else it cost nearly nothing, and nobody is to wait for it
                self._began = began
            if not self._dispatcher.left_some:
                await self._rest()
        await self._dispatcher.drain()

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(SWEEP_EVERY.total_seconds()):
                await self._rung.wait()
        except TimeoutError:
            return
        await self._gather()

    async def _gather(self) -> None:
        """Let more sales come before the next pass where there is much to do, unless to stop."""
        dispatcher = self._dispatcher
        laden = len(dispatcher.tools.leases) >= BATCH
        over = self._began + self.pace.gap(late=dispatcher.lateness.is_late, laden=laden)
        if over <= asyncio.get_running_loop().time():
            return
        with suppress(TimeoutError):
            async with asyncio.timeout_at(over):
                await self._stopping.wait()


async def free_leases_for_ever(pool: Pool, loop: Loop) -> None:
    """Make the sales of dead workers due again, until cancelled."""

    async def step() -> None:
        async with pool.acquire() as conn:
            freed = await outbox_store.free_expired_any_tenant(conn)
        if freed:
            log.warning("leases_freed", count=freed)
            loop.ring()

    await Periodic(
        name="free-leases", step=step, every=FREE_LEASES_EVERY, failed="leases_not_freed"
    ).run()
