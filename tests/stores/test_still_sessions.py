"""A process that stands still keeps its locks no longer than two minutes, whatever the server."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest_asyncio

from shared.config.settings import DatabaseSettings
from shared.db import still_sessions
from shared.db.connection import Pool

SOON = timedelta(seconds=1)
# Holds a row, prepares a statement, says so, and is stopped by whoever reads that. As on a server
# of before 17 nothing of the server's own ends it.
HOLDER = """
import asyncio, sys, asyncpg
async def main():
    url, name = sys.argv[1:]
    conn = await asyncpg.connect(url, server_settings={"application_name": name})
    if conn.get_server_version().major >= 17:
        await conn.execute("SET transaction_timeout = 0")
    await conn.transaction().start()
    await conn.execute("SELECT one FROM kept FOR UPDATE")
    await conn.prepare("SELECT one + 1 FROM kept")
    print("prepared", flush=True)
    await asyncio.sleep(3600)
asyncio.run(main())
"""


@asynccontextmanager
async def stopped(url: str, name: str) -> AsyncIterator[None]:
    """A process of that name that holds the row and is stopped."""
    holder = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLDER, url, name, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert holder.stdout is not None
        assert await asyncio.wait_for(holder.stdout.readline(), 60) == b"prepared\n"
        os.kill(holder.pid, signal.SIGSTOP)
        yield
    finally:
        holder.kill()
        await holder.wait()


@pytest_asyncio.fixture
async def row(pool: Pool) -> None:
    await pool.execute("CREATE TABLE kept (one int)")
    await pool.execute("INSERT INTO kept VALUES (1)")


async def is_free(pool: Pool) -> bool:
    return await pool.fetchval("SELECT one FROM kept FOR UPDATE SKIP LOCKED") is not None


async def ended(pool: Pool, after: timedelta) -> list[str]:
    async with pool.acquire() as conn:
        return [one.application for one in await still_sessions.end_ours(conn, after=after)]


async def test_a_session_of_ours_that_waits_for_its_process_is_ended_with_its_locks(
    database_settings: DatabaseSettings, pool: Pool, row: None
) -> None:
    async with stopped(database_settings.url.reveal(), "emitter"):
        await asyncio.sleep(SOON.total_seconds())
        assert not await is_free(pool)
        assert await ended(pool, timedelta(minutes=2)) == []

        assert await ended(pool, SOON) == ["emitter"]

        async with asyncio.timeout(10):
            while not await is_free(pool):
                await asyncio.sleep(0.05)
        assert await ended(pool, SOON) == []


async def test_what_is_none_of_our_services_is_left_alone(
    database_settings: DatabaseSettings, pool: Pool, row: None
) -> None:
    async with stopped(database_settings.url.reveal(), "psql"):
        await asyncio.sleep(SOON.total_seconds())

        assert await ended(pool, SOON) == []
        assert not await is_free(pool)


async def test_a_statement_that_runs_and_a_transaction_that_rests_are_left_alone(
    database_settings: DatabaseSettings, pool: Pool
) -> None:
    async with pool.acquire() as busy, pool.acquire() as idle:
        await pool.execute("SELECT 1")
        for conn in (busy, idle):
            await conn.execute("SET application_name = 'emitter'")
            await conn.transaction().start()
            await conn.execute("SELECT 1")
        runs = asyncio.ensure_future(busy.execute("SELECT pg_sleep(2)"))
        await asyncio.sleep(SOON.total_seconds())

        assert await ended(pool, timedelta(milliseconds=500)) == []

        await runs
        assert await idle.fetchval("SELECT 1") == 1
        for conn in (busy, idle):
            await conn.execute("ROLLBACK")
            await conn.execute("RESET application_name")
