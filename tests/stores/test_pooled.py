"""Behind PgBouncer in transaction mode: no statement leans on a session, none is left in one."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
import pytest_asyncio
from rich.console import Console

from shared.config.secret import Secret
from shared.config.settings import DatabaseSettings
from shared.crypto.seal import Sealer
from shared.db.connection import Pool, connect, is_pooled, open_pool
from shared.db.migrate import migrate
from shared.db.one_tenant import PANEL_ROLE, pool_of
from shared.db.revision import SchemaError, head_revision
from shared.domain.ids import TenantId
from shared.keys import prove_keys
from shared.local.home import new_secret_key
from shared.ops.backup import run_restored
from shared.ops.rotate import rotate
from shared.ops.tokens import run_tokens
from tests.support.pooler import MISSING, pgbouncer_binary, running_pgbouncer
from tests.support.servers import PostgresForTests

pytestmark = pytest.mark.skipif(pgbouncer_binary() is None, reason=MISSING)

CLIENTS = 10
OURS = TenantId("taaaaaaaaaa")


@pytest_asyncio.fixture
async def pooled_url(database: str, server_folder: Path) -> AsyncIterator[str]:
    """One connection to the server for all: whatever is left in a session meets the next."""
    async with running_pgbouncer(database, server_folder, connections=1) as url:
        yield url


@pytest_asyncio.fixture
async def pooled(pooled_url: str) -> AsyncIterator[Pool]:
    settings = DatabaseSettings(url=Secret.of(pooled_url), pool_size=CLIENTS, pooler="pgbouncer")
    async with open_pool(settings, application="tests") as pool:
        yield pool


async def test_a_pooler_is_known_for_one(pooled_url: str, database: str) -> None:
    for url, expected in ((pooled_url, True), (database, False)):
        conn = await connect(url)
        assert await is_pooled(conn) is expected
        await conn.close()


async def test_clients_that_share_a_session_get_their_own_answers(pooled: Pool) -> None:
    async def ask(client: int) -> list[int]:
        return [
            await pooled.fetchval(f"SELECT $1::int * 1000 + {client}", turn) for turn in range(30)
        ]

    answers = await asyncio.gather(*(ask(client) for client in range(CLIENTS)))

    assert answers == [[t * 1000 + client for t in range(30)] for client in range(CLIENTS)]


async def test_json_is_plain_values_both_ways(pooled: Pool) -> None:
    assert await pooled.fetchval("SELECT $1::jsonb", {"a": [1, None]}) == {"a": [1, None]}


async def test_the_panels_role_and_tenant_end_with_their_transaction(pooled: Pool) -> None:
    await pooled.execute(
        "INSERT INTO tenants (tenant_id, name, plan, timezone)"
        " SELECT 't' || repeat(c, 10), c, 'pro', 'America/Sao_Paulo'"
        " FROM unnest(ARRAY['a', 'b']) AS c"
    )
    whole = pool_of(pooled, OURS)

    async def as_panel() -> tuple[str, int]:
        async with whole.acquire() as conn:
            row = await conn.fetchrow("SELECT current_user, count(*) FROM tenants")
            assert row is not None
            return row[0], row[1]

    async def as_service() -> tuple[str, int, str]:
        row = await pooled.fetchrow(
            "SELECT current_user, count(*),"
            " coalesce(current_setting('notaponte.tenant', true), '') FROM tenants"
        )
        assert row is not None
        return row[0], row[1], row[2]

    seen = await asyncio.gather(*(as_panel() if turn % 2 else as_service() for turn in range(60)))

    assert {one for one in seen if len(one) == 2} == {(PANEL_ROLE, 1)}
    assert {one for one in seen if len(one) == 3} == {("notaponte", 2, "")}


async def test_at_head_there_is_nothing_to_migrate_and_no_lock_is_left(
    pooled_url: str, pooled: Pool
) -> None:
    assert await migrate(pooled_url) == head_revision()
    held = await pooled.fetchval("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")
    assert held == 0


async def test_what_has_to_be_migrated_is_refused_with_words(
    postgres: PostgresForTests, server_folder: Path
) -> None:
    await postgres.run("CREATE DATABASE test_not_migrated")
    empty = urlunsplit(urlsplit(postgres.admin_url)._replace(path="/test_not_migrated"))
    async with running_pgbouncer(empty, server_folder) as url:
        with pytest.raises(SchemaError, match="leads to a pooler"):
            await migrate(url)
    await postgres.drop("test_not_migrated")


async def test_keys_are_proved_and_rotated_through_it(pooled_url: str) -> None:
    old, new = new_secret_key(), new_secret_key()
    for keys in ([old], [new, old], [new, old]):
        conn = await connect(pooled_url)
        await prove_keys(conn, Sealer.from_text(keys))
        await conn.close()
        await rotate(pooled_url, keys, lambda _table, _rows, _changed: None)


async def test_an_operators_commands_work_behind_a_pooler(
    pooled_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    env = {"DATABASE_URL": pooled_url, "DATABASE_POOLER": "pgbouncer"}
    for revoke in (False, True):
        await run_tokens(
            env, Console(), name="ana", scope="read", days="1", revoke=revoke, by="test"
        )
    assert "ana is refused from now on" in capsys.readouterr().out

    restore = await run_restored(env, "2026-11-29T10:00")
    assert restore.since <= datetime(2026, 11, 29, 13, tzinfo=UTC)
