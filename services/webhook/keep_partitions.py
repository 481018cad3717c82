"""Sees to it that tomorrow's partition of the events is there, and that old ones go."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from shared.db.connection import Pool
from shared.db.vindi import events_store

EVERY_SECONDS: Final = 3600.0
AFTER_FAILURE_SECONDS: Final = 30.0
KEEP_EVENTS: Final = timedelta(days=180)  # stated in the README; bills and notas stay for ever

log = structlog.get_logger()


async def keep_partitions(pool: Pool) -> None:
    """Ensure partitions at once and every hour, until cancelled.

    A failure costs nothing: the default partition takes what no other does.
    """
    while True:
        done = await ensure_once(pool, now=datetime.now(UTC))
        await asyncio.sleep(EVERY_SECONDS if done else AFTER_FAILURE_SECONDS)


async def ensure_once(pool: Pool, *, now: datetime) -> bool:
    """Ensure them now, and drop what is past its time; says whether that worked."""
    today = now.astimezone(UTC).date()
    try:
        async with pool.acquire() as conn:
            await events_store.ensure_partitions(conn, today=today)
            dropped = await events_store.drop_partitions(conn, before=today - KEEP_EVENTS)
        if dropped:
            log.info("partitions_dropped", count=dropped)
    except Exception as error:  # noqa: BLE001 - see above; tried again soon
        log.warning("partitions_not_ensured", error=type(error).__name__)
        return False
    return True
