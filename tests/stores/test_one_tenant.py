"""Whatever a page forgets, its connection sees one tenant and no other."""

import asyncpg
import pytest
import pytest_asyncio

from shared.db.connection import Connection, Pool
from shared.db.one_tenant import PANEL_ROLE, TAKE_ON, pool_of
from shared.domain.ids import TenantId

OURS, THEIRS = TenantId("taaaaaaaaaa"), TenantId("tbbbbbbbbbb")
TABLES = """
    SELECT c.relname::text AS name, c.relrowsecurity AS guarded,
           array(SELECT polname::text FROM pg_policy p WHERE p.polrelid = c.oid ORDER BY 1)
               AS policies
      FROM pg_class c
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
       AND NOT c.relispartition
"""
# Nothing of the panel's role may be read or written there.
AT_THE_DOOR = {"people", "panel_sessions", "sign_in_failures", "person_links", "key_canaries"}
# What is written there stays as it is: nobody but the owner changes or deletes it.
TOLD_ONCE = {"audit"}
# Of a departure some columns may be changed, its day and its tenant not; guards of its own beside.
IN_PART = {"departures"}
OF_DEPARTURES = ("notice", "taken_back", "under_way")


@pytest_asyncio.fixture
async def two_tenants(pool: Pool) -> None:
    """A row of each tenant in every table: defaults, and any value for what has none."""
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute("SET LOCAL session_replication_role = replica")  # no foreign keys
        for tenant in (OURS, THEIRS):
            for table in [row["name"] for row in await conn.fetch(TABLES)]:
                await conn.execute(await _insert(conn, table, tenant))


async def _insert(conn: Connection, table: str, tenant: TenantId) -> str:
    columns = await conn.fetch(
        """SELECT column_name AS name, data_type AS type, column_default, identity_generation
             FROM information_schema.columns
            WHERE table_schema = 'public' AND table_name = $1 AND is_nullable = 'NO'""",
        table,
    )
    for check in await conn.fetch(
        "SELECT conname FROM pg_constraint WHERE contype = 'c' AND conrelid = $1::regclass", table
    ):
        name = check["conname"]
        await conn.execute(f'ALTER TABLE {table} DROP CONSTRAINT IF EXISTS "{name}"')
    needed = {
        row["name"]: _any_value(row["type"])
        for row in columns
        if row["column_default"] is None and row["identity_generation"] is None
    }
    needed["tenant_id"] = f"'{tenant}'"
    names, values = ", ".join(needed), ", ".join(needed.values())
    return f"INSERT INTO {table} ({names}) VALUES ({values})"  # noqa: S608 - from the catalog


def _any_value(kind: str) -> str:
    values = {"text": "'x'", "bytea": r"'\x00'", "date": "'2026-11-01'", "boolean": "true"}
    values |= {"jsonb": "'{}'", "ARRAY": "'{}'", "timestamp with time zone": "now()"}
    return values.get(kind, "1")


@pytest.mark.usefixtures("two_tenants")
async def test_every_table_shows_a_page_the_rows_of_its_own_tenant(pool: Pool) -> None:
    async with pool.acquire() as conn:
        tables = [row["name"] for row in await conn.fetch(TABLES)]
    seen: dict[str, set[str]] = {}
    async with pool_of(pool, OURS).acquire() as conn:
        for table in sorted(set(tables) - AT_THE_DOOR):
            rows = await conn.fetch(f"SELECT tenant_id FROM {table}")  # noqa: S608 - from the catalog
            seen[table] = {row["tenant_id"] for row in rows}

    assert len(seen) >= 36
    assert {table for table, tenants in seen.items() if tenants != {OURS}} == set()


@pytest.mark.usefixtures("two_tenants")
async def test_a_departure_of_another_tenant_is_neither_changed_nor_deleted(pool: Pool) -> None:
    async with pool_of(pool, OURS).acquire() as conn:
        changed = await conn.execute(
            "UPDATE departures SET people = 7 WHERE tenant_id = $1", THEIRS
        )
        gone = await conn.execute("DELETE FROM departures WHERE tenant_id = $1", THEIRS)
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied"):
        async with pool_of(pool, OURS).acquire() as conn:
            await conn.execute("UPDATE departures SET tenant_id = $1", THEIRS)

    assert (changed, gone) == ("UPDATE 0", "DELETE 0")


@pytest.mark.usefixtures("two_tenants")
async def test_nothing_of_another_tenant_is_changed_deleted_or_added(pool: Pool) -> None:
    async with pool.acquire() as conn:
        named = {row["name"] for row in await conn.fetch(TABLES)}
        tables = sorted(named - AT_THE_DOOR - TOLD_ONCE - IN_PART)
    for table in tables:
        async with pool_of(pool, OURS).acquire() as conn:
            changed = await conn.execute(
                f"UPDATE {table} SET tenant_id = tenant_id WHERE tenant_id = $1",  # noqa: S608 - from the catalog
                THEIRS,
            )
            gone = await conn.execute(
                f"DELETE FROM {table} WHERE tenant_id = $1",  # noqa: S608 - from the catalog
                THEIRS,
            )
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
            async with pool_of(pool, OURS).acquire() as conn:
                await conn.execute(
                    f"UPDATE {table} SET tenant_id = $1",  # noqa: S608 - from the catalog
                    THEIRS,
                )
        assert (changed, gone) == ("UPDATE 0", "DELETE 0"), table


async def test_every_table_of_tenants_is_guarded_whichever_migration_made_it(pool: Pool) -> None:
    async with pool.acquire() as conn:
        rows = await conn.fetch(TABLES)

    assert {row["name"] for row in rows if not row["guarded"]} == set()
    own = {row["name"]: OF_DEPARTURES if row["name"] in IN_PART else () for row in rows}
    assert {tuple(sorted(set(row["policies"]) - set(own[row["name"]]))) for row in rows} == {
        ("granted", "panel", "services")
    }


async def test_what_lets_people_in_is_out_of_a_pages_reach(pool: Pool) -> None:
    for table in sorted(AT_THE_DOOR):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with pool_of(pool, OURS).acquire() as conn:
                await conn.fetch(f"SELECT 1 FROM {table}")  # noqa: S608 - from the catalog


async def test_the_role_ends_with_the_page_also_where_it_fails(pool: Pool) -> None:
    with pytest.raises(ZeroDivisionError):
        async with pool_of(pool, OURS).acquire():
            raise ZeroDivisionError
    async with pool.acquire() as conn:
        after = await conn.fetchrow(
            "SELECT current_user::text AS who, current_setting('notaponte.tenant', true) AS tenant"
        )

    assert after is not None
    assert after["who"] != PANEL_ROLE
    assert not after["tenant"]


async def test_the_role_cannot_sign_in_and_passes_by_no_guard(pool: Pool) -> None:
    async with pool.acquire() as conn:
        role = await conn.fetchrow(
            "SELECT rolcanlogin, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = $1",
            PANEL_ROLE,
        )

    assert role is not None
    assert not any(role.values())


async def test_nodes_hear_of_the_tenant_and_nothing_of_it_outlives_the_transaction(
    pool: Pool,
) -> None:
    async with pool.acquire() as conn:
        async with conn.transaction():
            await conn.fetchrow(TAKE_ON, OURS)
            told = await conn.fetchrow(
                "SELECT current_setting('citus.propagate_set_commands') AS how,"
                " current_setting('notaponte.tenant') AS tenant, current_user::text AS role"
            )
        after = await conn.fetchrow(
            "SELECT current_setting('citus.propagate_set_commands', true) AS how,"
            " current_setting('notaponte.tenant', true) AS tenant, current_user::text AS role"
        )

    assert told is not None
    assert after is not None
    assert tuple(told) == ("local", OURS, PANEL_ROLE)
    assert (after["how"] or "", after["tenant"] or "") == ("", "")
    assert after["role"] != PANEL_ROLE


@pytest.mark.parametrize("strange", ["it's", 'a"b', "a\\b", "$1; RESET ROLE", "", "ção"])
async def test_whatever_a_tenant_is_called_it_stays_a_word(pool: Pool, strange: str) -> None:
    async with pool_of(pool, TenantId(strange)).acquire() as conn:
        seen = await conn.fetchval("SELECT current_setting('notaponte.tenant')")
        rows = await conn.fetchval("SELECT count(*) FROM tenants")

    assert seen == strange
    assert rows == 0
