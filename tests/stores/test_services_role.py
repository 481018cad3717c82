"""What services may do at the database: work with rows, and nothing that is the owner's."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest_asyncio

from shared.config.secret import Secret
from shared.config.settings import DatabaseSettings
from shared.crypto.seal import Sealer
from shared.db.connection import Pool, open_pool
from shared.db.migrate import migrate
from shared.db.one_tenant import PANEL_ROLE, pool_of
from shared.db.restores import restores_store
from shared.db.revision import current_revision, head_revision
from shared.db.vindi import event_days_store
from shared.domain.ids import TenantId
from shared.keys import prove_keys
from shared.local.home import new_secret_key
from shared.local.postgres import SERVICES
from tests.support.servers import PostgresForTests

OURS, THEIRS = TenantId("taaaaaaaaaa"), TenantId("tbbbbbbbbbb")
NAME = "one_service"
PASSWORD = "of-a-test"
DAY = date(2031, 5, 17)
RIGHTS = """
    SELECT c.relname::text AS name, c.relkind::text AS kind, c.relrowsecurity AS guarded,
           has_table_privilege($1, c.oid, 'SELECT') AS reads,
           has_table_privilege($1, c.oid, 'INSERT') AS adds,
           has_table_privilege($1, c.oid, 'UPDATE') AS changes,
           has_table_privilege($1, c.oid, 'DELETE') AS deletes,
           has_table_privilege($1, c.oid, 'TRUNCATE, REFERENCES, TRIGGER') AS owns
      FROM pg_class c
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
"""
OWNERS_ALONE = (
    "DROP TABLE sales",
    "TRUNCATE sales",
    "ALTER TABLE sales DISABLE ROW LEVEL SECURITY",
    "DROP POLICY panel ON sales",
    "CREATE TABLE of_mine (n int)",
    "CREATE FUNCTION of_mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "UPDATE alembic_version SET version_num = '9999'",
    "UPDATE audit SET tenant_id = tenant_id",
    "DELETE FROM audit",
    "COPY (SELECT 1) TO PROGRAM 'env'",
    "COPY sales FROM '/etc/passwd'",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT rolpassword FROM pg_authid",
    "CREATE ROLE another SUPERUSER",
    "ALTER SYSTEM SET fsync = off",
    "SET ROLE notaponte",
)


@pytest_asyncio.fixture
async def services(postgres: PostgresForTests, database: str) -> AsyncIterator[Pool]:
    """A pool on the test's database as a service has it: a login that is a member of the role."""
    name = f"{NAME}_{urlsplit(database).path.rpartition('_')[2]}"
    await postgres.run(f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}' IN ROLE {SERVICES}")
    parts = urlsplit(database)
    place = f"{name}:{PASSWORD}@{parts.hostname}:{parts.port}"
    url = Secret.of(urlunsplit(parts._replace(netloc=place)))
    settings = DatabaseSettings(url=url, pool_size=3, pooler="none")
    async with open_pool(settings, application="tests") as opened:
        yield opened
    await postgres.run(f"DROP ROLE {name}")


async def test_what_belongs_to_the_owner_is_refused(services: Pool) -> None:
    done = []
    for statement in OWNERS_ALONE:
        try:
            await services.execute(statement)
        except asyncpg.InsufficientPrivilegeError:
            continue
        done.append(statement)

    assert done == []


async def test_rows_of_every_table_are_within_reach_and_no_table_is_theirs(services: Pool) -> None:
    rows = await services.fetch(RIGHTS, SERVICES)
    full = {r["name"] for r in rows if r["reads"] and r["adds"] and r["changes"] and r["deletes"]}

    assert {row["name"] for row in rows} - full == {"alembic_version", "audit", "departures"}
    assert {row["name"] for row in rows if row["owns"]} == set()
    assert not await services.fetchval(
        "SELECT count(*) FROM pg_class WHERE pg_has_role(current_user, relowner, 'MEMBER')"
    )


async def test_the_panels_role_reaches_nothing_that_has_no_guard(services: Pool) -> None:
    rows = await services.fetch(RIGHTS, PANEL_ROLE)
    reached = [r for r in rows if r["reads"] or r["adds"] or r["changes"] or r["deletes"]]
    functions = await services.fetch(
        "SELECT proname::text AS name FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
        " AND prosecdef AND has_function_privilege($1, oid, 'EXECUTE')",
        PANEL_ROLE,
    )

    assert len(reached) >= 36
    # That the database is an older copy concerns every tenant alike, and may be read alone.
    bare = {
        r["name"]: r["adds"] or r["changes"] or r["deletes"] for r in reached if not r["guarded"]
    }
    assert bare == {"restores": False}
    assert {row["name"] for row in reached if row["kind"] not in {"r", "p"}} == set()
    assert functions == []


async def test_a_service_proves_its_keys_and_knows_the_revision(services: Pool) -> None:
    async with services.acquire() as conn:
        await prove_keys(conn, Sealer.from_text([new_secret_key()]))
        assert await current_revision(conn) == head_revision()
        assert await restores_store.live(conn) is not None


async def test_days_of_events_come_and_go_without_their_tables_being_ours(
    services: Pool, pool: Pool
) -> None:
    moment = datetime(2031, 5, 17, 12, tzinfo=UTC)
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute("SET LOCAL session_replication_role = replica")  # no foreign keys
        await conn.execute(
            "INSERT INTO events (tenant_id, received_at, source, body)"
            " VALUES ($1, $2, 'vindi', '')",
            OURS,
            moment,
        )
    assert await event_days_store.make(services, DAY)
    assert not await event_days_store.make(services, DAY)
    table = event_days_store.name_of(DAY)
    assert await services.fetchval(f"SELECT count(*) FROM {table}") == 1  # noqa: S608 - ours

    await event_days_store.empty(services, DAY)
    assert await services.fetchval(f"SELECT count(*) FROM {table}") == 0  # noqa: S608 - ours
    await event_days_store.drop(services, DAY)
    assert await services.fetchval("SELECT to_regclass($1)", table) is None


async def test_a_page_of_a_service_sees_its_tenant_alone(services: Pool, pool: Pool) -> None:
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute("SET LOCAL session_replication_role = replica")
        for tenant in (OURS, THEIRS):
            await conn.execute(
                "INSERT INTO kept_figures (tenant_id, name, as_of, took_ms, body)"
                " VALUES ($1, 'x', now(), 1, '')",
                tenant,
            )
    assert await services.fetchval("SELECT count(*) FROM kept_figures") == 2
    async with pool_of(services, OURS).acquire() as conn:
        seen = await conn.fetch("SELECT tenant_id FROM kept_figures")

    assert {row["tenant_id"] for row in seen} == {OURS}


async def test_the_guard_costs_a_services_statement_nothing(services: Pool) -> None:
    async with services.acquire() as conn:
        rows = await conn.fetch("EXPLAIN SELECT * FROM sales WHERE tenant_id = 'x' AND bill_id = 1")
    plan = "\n".join(row[0] for row in rows)

    assert "Index" in plan
    assert "One-Time Filter" not in plan
    assert "CURRENT_USER" not in plan


async def test_migrating_again_leaves_the_rights_as_they_are(services: Pool, database: str) -> None:
    assert await migrate(database) == head_revision()
    assert await services.fetchval("SELECT count(*) FROM tenants") == 0
