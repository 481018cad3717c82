"""Minds a clock that was set back, so that what it had put off is not left for as long."""

from datetime import timedelta
from typing import Final

import structlog

from services.reconciler.services import Services
from shared.db.outbox import clock_back_store, set_back_store
from shared.run.loops import Periodic

log = structlog.get_logger()

LOOK_EVERY: Final = timedelta(minutes=1)
# An account that fails, or whose budget is spent, is put off beside its usual rest.
LONGEST_PUT_OFF: Final = timedelta(minutes=30)


async def mind_clock(services: Services) -> None:
    """Bring near what a clock that was ahead has put off, until cancelled."""

    async def step() -> None:
        await look_once(services)

    await Periodic(name="mind-clock", step=step, every=LOOK_EVERY, failed="clock_not_minded").run()


async def look_once(services: Services) -> int:
    """One look; returns how many rows waited for an hour that a wrong clock had named."""
    longest = 2 * services.reconcile_every + LONGEST_PUT_OFF
    async with services.pool.acquire() as conn:
        rows = await clock_back_store.bring_near_any_tenant(conn, longest_rest=longest)
        ahead = await set_back_store.was_ahead_any_tenant(conn)
        if ahead is not None:
            rows += await set_back_store.bring_near_any_tenant(conn)
    if rows or ahead is not None:
        seconds = None if ahead is None else round(ahead.total_seconds())
        log.warning("clock_was_ahead", rows=rows, seconds=seconds)
        await services.waker.ring()
    return rows
