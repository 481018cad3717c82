from datetime import UTC, datetime, timedelta

from services.webhook.keep_partitions import KEEP_EVENTS, ensure_once
from shared.db.connection import Pool

TODAY = datetime(2026, 11, 24, 12, tzinfo=UTC)


async def test_events_past_their_time_go_and_all_others_stay(pool: Pool) -> None:
    for now in (TODAY - KEEP_EVENTS - timedelta(days=9), TODAY):
        assert await ensure_once(pool, now=now)

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
