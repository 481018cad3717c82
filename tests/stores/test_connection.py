import asyncio
import socket
from datetime import timedelta

import asyncpg
import pytest
from redis.asyncio import Redis

from shared.config.settings import DatabaseSettings
from shared.db import connection
from shared.db.away import database_away
from shared.db.connection import Pool, open_pool

PATIENCE = 30.0  # seconds, for one


async def test_json_columns_are_python_values_both_ways(pool: Pool) -> None:
    value = {"produto": "Ação", "linhas": [1, None, "2.50"]}

    assert await pool.fetchval("SELECT $1::jsonb", value) == value
    assert await pool.fetchval("SELECT $1::json", value) == value


async def test_a_forgotten_transaction_is_ended_by_the_server(pool: Pool) -> None:
    assert await pool.fetchval("SHOW idle_in_transaction_session_timeout") == "15s"
    assert await pool.fetchval("SHOW statement_timeout") == "30s"
    assert await pool.fetchval("SHOW lock_timeout") == "5s"


async def test_a_transaction_whose_statement_was_prepared_and_not_asked_for_is_ended_by_the_server(
    database_settings: DatabaseSettings, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process is stopped: the server waits for what it is to be asked, and is not idle."""
    if await pool.fetchval("SELECT current_setting('server_version_num')::int < 170000"):
        return  # it has no such timeout
    assert await pool.fetchval("SHOW transaction_timeout") == "2min"
    monkeypatch.setattr(connection, "TRANSACTION_TIMEOUT", timedelta(seconds=1))
    await pool.execute("CREATE TABLE kept (one int)")
    await pool.execute("INSERT INTO kept VALUES (1)")
    async with (
        open_pool(database_settings, application="stopped") as other,
        other.acquire() as conn,
    ):
        await conn.transaction().start()
        await conn.execute("SELECT one FROM kept FOR UPDATE")
        await conn.prepare("SELECT one + 1 FROM kept")
        async with asyncio.timeout(PATIENCE):
            while await pool.fetchval("SELECT one FROM kept FOR UPDATE SKIP LOCKED") is None:
                await asyncio.sleep(0.1)
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)) as error:
            await conn.execute("SELECT 1")
    assert database_away(error.value)


async def test_a_machine_that_is_gone_is_noticed_by_whoever_waits_for_it(
    database_settings: DatabaseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No time-out of the server's reaches who waits for it, and the system's own is none."""
    noticed: list[socket.socket] = []
    notice = connection.notice_its_end

    def watch(transport: asyncio.Transport) -> None:
        notice(transport)
        noticed.append(transport.get_extra_info("socket"))

    monkeypatch.setattr(connection, "notice_its_end", watch)
    async with open_pool(database_settings, application="tests") as pool:
        assert await pool.fetchval("SELECT 1") == 1
        (its,) = noticed
        assert its.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        for name, value in connection.NOTICED.items():
            option = getattr(socket, name, None)
            assert option is None or its.getsockopt(socket.IPPROTO_TCP, option) == value


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
