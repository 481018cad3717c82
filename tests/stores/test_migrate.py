import asyncio
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from shared.db.connection import Pool
from shared.db.migrate import migrate, offline_sql, statements
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
