import asyncio
import re
from collections.abc import Sequence
from pathlib import Path

import asyncpg
import pytest
from alembic.script import ScriptDirectory

from shared.db.connection import Pool
from shared.db.migrate import bring, migrate, offline_sql, statements
from shared.db.revision import (
    MIGRATIONS,
    SchemaError,
    current_revision,
    head_revision,
    schema_check,
)
from shared.telemetry.health import NotReadyError
from tests.support.servers import PostgresForTests


@pytest.fixture
async def empty_database(postgres: PostgresForTests) -> str:
    name = "empty_before_migrations"
    await postgres.run(f"DROP DATABASE IF EXISTS {name}")
    await postgres.run(f"CREATE DATABASE {name}")
    return postgres.url(name)


async def test_parallel_starts_migrate_once_and_all_arrive_at_head(empty_database: str) -> None:
    reached = await asyncio.gather(*(migrate(empty_database) for _ in range(4)))

    assert reached == [head_revision()] * 4


async def test_a_migrated_database_is_at_head_and_ready(pool: Pool) -> None:
    async with pool.acquire() as conn:
        assert await current_revision(conn) == head_revision()

    await schema_check(pool)()


async def test_a_database_without_our_schema_is_not_ready(pool: Pool) -> None:
    await pool.execute("DROP TABLE alembic_version")

    with pytest.raises(NotReadyError):
        await schema_check(pool)()


async def test_services_stay_ready_while_a_newer_version_has_migrated_before_them(
    pool: Pool,
) -> None:
    await pool.execute("UPDATE alembic_version SET version_num = '9999'")

    await schema_check(pool)()


async def test_services_of_a_new_version_wait_for_its_migrations(pool: Pool) -> None:
    await pool.execute("UPDATE alembic_version SET version_num = '0012'")

    with pytest.raises(NotReadyError):
        await schema_check(pool)()


async def test_a_database_that_a_newer_version_migrated_is_left_alone(
    pool: Pool, database: str
) -> None:
    await pool.execute("UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(SchemaError, match="newer version"):
        await migrate(database)


def test_what_is_printed_for_administrators_is_what_runs() -> None:
    assert offline_sql() == "\n\n".join(statements(None)) + "\n"
    assert statements(head_revision()) == []


def test_the_head_that_files_are_named_for_is_the_one_that_alembic_finds() -> None:
    revisions = list(ScriptDirectory(str(MIGRATIONS)).walk_revisions())

    assert head_revision() == revisions[0].revision
    assert all(Path(one.path).name.startswith(f"{one.revision}_") for one in revisions)


async def test_an_index_that_was_left_half_built_is_built_afresh(empty_database: str) -> None:
    """A kill meanwhile leaves it there, and invalid."""
    conn = await asyncpg.connect(empty_database)
    other = await asyncpg.connect(empty_database)
    try:
        await bring(conn, None, "0039")
        async with other.transaction():
            await other.execute("LOCK TABLE sales IN ROW EXCLUSIVE MODE")  # as any writer does
            building = asyncio.create_task(bring(conn, "0039", "0040"))
            while not await _invalid(other):
                await asyncio.sleep(0.02)
            await other.execute("SELECT pg_terminate_backend($1, 10000)", conn.get_server_pid())
            with pytest.raises(asyncpg.PostgresConnectionError):
                await building
        assert await _invalid(other) == ["sales_of_month"]

        await migrate(empty_database)

        assert await _invalid(other) == []
    finally:
        await conn.close()
        await other.close()


async def test_an_index_waits_for_transactions_that_were_open_before(empty_database: str) -> None:
    """Longer than for a table's lock, behind which services queue, and than statements may take."""
    conn = await asyncpg.connect(empty_database)
    other = await asyncpg.connect(empty_database)
    try:
        await bring(conn, None, "0039")
        await conn.execute("ALTER DATABASE empty_before_migrations SET statement_timeout = '2s'")
        async with other.transaction():
            await other.execute("LOCK TABLE sales IN ROW EXCLUSIVE MODE")
            migrating = asyncio.create_task(migrate(empty_database))
            await asyncio.sleep(2.5)
            assert not migrating.done()

        assert await migrating == head_revision()
        assert await _invalid(other) == []
    finally:
        await conn.close()
        await other.close()


def test_no_index_that_is_built_concurrently_is_taken_as_it_is_found() -> None:
    """Half built, it would be in the way or be taken for whole."""
    told = [one for one in statements(None) if re.search(r"CREATE (UNIQUE )?INDEX CONC", one)]
    assert told

    assert [one for one in told if not _made_room_for(one, statements(None))] == []


def _made_room_for(built: str, all_of: Sequence[str]) -> bool:
    name = re.findall(r"CONCURRENTLY (?:IF NOT EXISTS )?(\w+)", built)[0]
    before = all_of[all_of.index(built) - 1]
    return bool(re.search(rf"DROP INDEX (CONCURRENTLY IF EXISTS )?{name};", before))


async def _invalid(conn: asyncpg.Connection) -> list[str]:
    rows = await conn.fetch(
        "SELECT indexrelid::regclass::text AS name FROM pg_index WHERE NOT indisvalid"
    )
    return [row["name"] for row in rows]
