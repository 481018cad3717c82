"""Ends sessions of processes that stand still, where PostgreSQL does not (before 17)."""

from datetime import timedelta
from typing import Final

import structlog

from services.reconciler.services import Services
from shared.db import still_sessions
from shared.run.loops import Periodic

log = structlog.get_logger()

LOOK_EVERY: Final = timedelta(seconds=30)


async def end_still_sessions(services: Services) -> None:
    """Let no stopped process hold locks for longer than a transaction may take."""

    async def step() -> None:
        await look_once(services)

    name = "end-still-sessions"
    await Periodic(name=name, step=step, every=LOOK_EVERY, failed="still_sessions_not_seen").run()


async def look_once(services: Services) -> int:
    """One look; returns how many sessions were ended."""
    async with services.pool.acquire() as conn:
        ended = await still_sessions.end_ours(conn)
    for one in ended:
        log.warning("still_session_ended", application=one.application, seconds=round(one.seconds))
    return len(ended)
