"""PostgreSQL's own log is read by more people than the database is: no row stands in it."""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from shared.db.connection import Connection
from shared.db.server_log import keep_rows_out, quotes_rows
from shared.local.postgres import EmbeddedPostgres, running_postgres

REFUSED = "violates check constraint"


@pytest_asyncio.fixture
async def home(server_folder: Path, tmp_path: Path) -> Path:
    made = server_folder / f"log-{tmp_path.name}"
    made.mkdir()
    return made


@pytest_asyncio.fixture
async def server(home: Path) -> AsyncIterator[EmbeddedPostgres]:
    async with running_postgres(home) as one:
        yield one


async def test_the_log_quotes_neither_a_row_that_is_refused_nor_what_a_slow_statement_was_given(
    server: EmbeddedPostgres, home: Path
) -> None:
    conn = await asyncpg.connect(server.url())
    await conn.execute("CREATE TABLE buyers (name text, status text CHECK (status = 'here'))")

    await refuse_and_be_slow(conn, "Maria da Silva")
    assert await quotes_rows(conn)
    assert await keep_rows_out(conn)
    await conn.close()
    later = await asyncpg.connect(server.url())
    await refuse_and_be_slow(later, "Dora Lima")

    assert not await quotes_rows(later)
    assert await keep_rows_out(later)  # again
    await later.close()
    log = (home / "postgres.log").read_text(encoding="utf-8")
    assert log.count("Maria da Silva") >= 2
    assert log.count(REFUSED) == 2
    assert "Dora" not in log


async def test_who_may_not_say_so_is_told_and_goes_on(server: EmbeddedPostgres) -> None:
    conn = await asyncpg.connect(server.url())
    await conn.execute("CREATE ROLE managed LOGIN PASSWORD 'managed'")
    await conn.execute("CREATE DATABASE managed OWNER managed")
    await conn.close()
    address = f"postgresql://managed:managed@127.0.0.1:{server.port}/managed"
    managed = await asyncpg.connect(address)

    assert not await keep_rows_out(managed)
    assert await quotes_rows(managed)
    await managed.close()


async def refuse_and_be_slow(conn: Connection, name: str) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await conn.execute("INSERT INTO buyers VALUES ($1, 'gone')", name)
    await conn.execute("SET log_min_duration_statement = 0")
    await conn.fetchval("SELECT $1::text", name)
    await conn.execute("SET log_min_duration_statement = -1")
