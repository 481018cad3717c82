import asyncio
from datetime import UTC, datetime, timedelta

from services.webhook.keep_partitions import KEEP_EVENTS, ensure_once
from shared.db.connection import Pool
from shared.db.vindi import events_store

TODAY = datetime(2026, 11, 24, 12, tzinfo=UTC)


async def test_events_past_their_time_go_and_all_others_stay(pool: Pool) -> None:
    for now in (TODAY - KEEP_EVENTS - timedelta(days=9), TODAY):
        await ensure_once(pool, now=now)

    async with pool.acquire() as conn:
        names = await conn.fetch(
            "SELECT inhrelid::regclass::text AS name FROM pg_inherits"
            " WHERE inhparent = 'events'::regclass ORDER BY 1"
        )
    assert [row["name"] for row in names] == [
        *(f"events_202611{day}" for day in range(24, 31)),
        "events_20261201",
        "events_default",
    ]


async def test_processes_that_start_together_make_each_partition_once(pool: Pool) -> None:
    async with pool.acquire() as first, pool.acquire() as second:
        async with first.transaction():
            await events_store.ensure_partitions(first, today=TODAY.date())
            other = asyncio.create_task(events_store.ensure_partitions(second, today=TODAY.date()))
            await until_it_waits(pool, second.get_server_pid())
        await other


async def until_it_waits(pool: Pool, pid: int) -> None:
    async with asyncio.timeout(60):
        while not await pool.fetchval(
            "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = $1", pid
        ):
            await asyncio.sleep(0.01)
