"""The pool says how many of its connections are busy: none left is what makes all else wait."""

from shared.config.settings import DatabaseSettings
from shared.db.connection import gauges_of, open_pool
from shared.telemetry.sampled import sample
from tests.support.scraped import now


async def test_connections_are_shown_as_busy_idle_and_allowed(
    database_settings: DatabaseSettings,
) -> None:
    async with open_pool(database_settings, application="tests") as pool:
        async with pool.acquire(), pool.acquire():
            sample(gauges_of(pool))
            busy = now("notaponte_pool_busy_connections")
        sample(gauges_of(pool))

        assert busy == 2
        assert now("notaponte_pool_busy_connections") == 0
        assert now("notaponte_pool_idle_connections") == 2
        assert now("notaponte_pool_max_connections") == database_settings.pool_size
