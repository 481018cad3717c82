import asyncio

import asyncpg
import pytest
from redis.asyncio import Redis

from shared.config.settings import DatabaseSettings
from shared.db.connection import Pool, open_pool


async def test_json_columns_are_python_values_both_ways(pool: Pool) -> None:
    value = {"produto": "Ação", "linhas": [1, None, "2.50"]}

    assert await pool.fetchval("SELECT $1::jsonb", value) == value
    assert await pool.fetchval("SELECT $1::json", value) == value


async def test_a_forgotten_transaction_is_ended_by_the_server(pool: Pool) -> None:
    assert await pool.fetchval("SHOW idle_in_transaction_session_timeout") == "15s"
    assert await pool.fetchval("SHOW statement_timeout") == "30s"
    assert await pool.fetchval("SHOW lock_timeout") == "5s"


async def test_behind_a_pooler_nothing_is_prepared_and_no_timeout_is_sent(
    database_settings: DatabaseSettings,
) -> None:
    pooled = DatabaseSettings(url=database_settings.url, pool_size=2, pooler="pgbouncer")

    async with open_pool(pooled, application="tests") as pool:
        assert await pool.fetchval("SHOW statement_timeout") == "0"
        await pool.fetchval("SELECT $1::int", 1)
        assert await pool.fetchval("SELECT count(*) FROM pg_prepared_statements") == 0


async def test_a_transaction_that_failed_leaves_its_connection_usable(pool: Pool) -> None:
    with pytest.raises(asyncpg.DivisionByZeroError):
        async with pool.acquire() as conn, conn.transaction():
            await conn.execute("SELECT 1 / 0")

    assert await pool.fetchval("SELECT 1") == 1


async def test_connections_that_died_are_replaced(pool: Pool) -> None:
    killed = asyncio.gather(*(pool.fetchval("SELECT pg_backend_pid()") for _ in range(3)))
    await killed
    async with pool.acquire() as conn:
        await conn.execute("SELECT 1")
    await pool.expire_connections()

    assert await pool.fetchval("SELECT 1") == 1


async def test_each_test_starts_with_an_empty_redis(redis_url: str) -> None:
    async with Redis.from_url(redis_url) as client:
        assert await client.dbsize() == 0
        await client.set("left", "over")
