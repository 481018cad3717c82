"""Sees to it that tomorrow's partition of the events is there, and that old ones go."""

from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from shared.db.connection import Pool
from shared.db.vindi import events_store
from shared.run.loops import Periodic

EVERY: Final = timedelta(hours=1)
AFTER_FAILURE: Final = timedelta(seconds=30)
KEEP_EVENTS: Final = timedelta(days=180)  # stated in the README; bills and notas stay for ever

log = structlog.get_logger()


async def keep_partitions(pool: Pool) -> None:
    """Ensure partitions at once and every hour, until cancelled.

    A failure costs nothing: the default partition takes what no other does.
    """

    async def step() -> None:
        await ensure_once(pool, now=datetime.now(UTC))

    await Periodic(
        name="partitions",
        step=step,
        every=EVERY,
        after_failure=AFTER_FAILURE,
        failed="partitions_not_ensured",
    ).run()


async def ensure_once(pool: Pool, *, now: datetime) -> None:
    """Ensure them now, and drop what is past its time."""
    today = now.astimezone(UTC).date()
    async with pool.acquire() as conn:
        await events_store.ensure_partitions(conn, today=today)
        dropped = await events_store.drop_partitions(conn, before=today - KEEP_EVENTS)
    if dropped:
        log.info("partitions_dropped", count=dropped)
