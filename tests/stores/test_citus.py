"""Every statement is one that Citus takes, when tenants are spread over nodes (design D13, D20).

What was refused on a cluster is refused here, of the statements of before as well as of made-up
ones, and what the planner's own source says of others (`citus_nodes`). Defaults of columns may ask
the clock: the coordinator does that, once.
"""

import re
from datetime import UTC, datetime
from itertools import chain
from typing import Final

import pytest

from shared.db.connection import Pool
from shared.db.privacy import retention_store, tenant_rows
from shared.domain.ids import TenantId
from shared.ops.rotate_tables import TABLES
from shared.ops.rotate_walk import COLUMN_TYPES, reading, writing
from tests.stores import citus_volatile
from tests.stores.citus_examples import (
    REFUSED_CLOCKS,
    REFUSED_ON_NODES,
    REFUSED_SHAPES,
    REFUSED_TYPES,
    REFUSED_ZONES,
    TAKEN,
    TAKEN_ON_NODES,
)
from tests.stores.citus_nodes import (
    asked_of_one_server,
    copied_rows,
    loose_tables,
    unnamed_subqueries,
    unplanned_parts,
)
from tests.stores.citus_shape import (
    SPREAD,
    misplaced_clocks,
    misplaced_tenants,
    moved_tenants,
    nodes,
    trees,
    unheard_settings,
)
from tests.stores.test_statements import statements

# One table, no lock, nothing else looked at but what lies beside it by tenant: each node does its
# part.
OF_ALL_TENANTS: Final = frozenset(
    {
        "bulk_jobs_store.forget_old_any_tenant",
        "clock_back_store.bring_near_any_tenant",
        "event_days_store.forget_strays_any_tenant",
        "idempotency_store.forget_old_any_tenant",
        "kept_figures_store.forget_any_tenant",
        "month_files_store.forget_old_any_tenant",
        "outbox_store.free_expired_any_tenant",
        "restore_checks_store.settle_any_tenant",
        "set_back_store.bring_near_any_tenant",
        "status_webhooks_store.forget_old_any_tenant",
    }
)
NAME: Final = re.compile(r"-- (\w+\.\w+)")
OF_CITUS: Final = "distribution"  # its own functions, which PostgreSQL does not have


def test_no_statement_asks_a_clock_where_nodes_would_answer_for_themselves() -> None:
    assert not {str(one): found for one in statements() if (found := misplaced_clocks(one.text))}


def test_no_statement_joins_locks_or_changes_across_tenants() -> None:
    found = [(one, misplaced_tenants(one.text)) for one in statements()]

    faulty = {name(one.text) for one, faults in found if faults}
    assert not [
        (str(one), faults)
        for one, faults in found
        if faults and name(one.text) not in OF_ALL_TENANTS
    ]
    assert faulty == OF_ALL_TENANTS  # one that is gone is taken off the list


def test_a_statement_of_one_tenant_is_of_one_node_and_one_over_all_is_put_together() -> None:
    looks = (loose_tables, unplanned_parts, asked_of_one_server, copied_rows)

    assert not {
        str(one): found
        for one in statements()
        if (found := [*chain.from_iterable(look(one.text) for look in looks)])
    }


def test_no_statement_needs_a_newer_postgresql_than_nodes_have() -> None:
    assert not {str(one): found for one in statements() if (found := unnamed_subqueries(one.text))}


@pytest.mark.parametrize("what", REFUSED_ON_NODES)
def test_what_no_node_and_no_coordinator_would_run_is_noticed(what: str) -> None:
    sql = REFUSED_ON_NODES[what]

    assert [
        *loose_tables(sql),
        *unplanned_parts(sql),
        *asked_of_one_server(sql),
        *copied_rows(sql),
        *unnamed_subqueries(sql),
    ]


@pytest.mark.parametrize("what", [*TAKEN, *TAKEN_ON_NODES])
def test_what_nodes_run_is_taken_here(what: str) -> None:
    sql = {**TAKEN, **TAKEN_ON_NODES}[what]

    assert not loose_tables(sql)
    assert not unplanned_parts(sql)
    assert not asked_of_one_server(sql)
    assert not copied_rows(sql)
    assert not unnamed_subqueries(sql)


async def test_no_statement_asks_a_node_for_its_zone(pool: Pool) -> None:
    read_by_nodes = [one for one in statements() if reads_tenants(one.text)]
    async with pool.acquire() as conn:
        known = await citus_volatile.functions(conn)
        found = {
            str(one): await citus_volatile.zoned(conn, known, one.text) for one in read_by_nodes
        }

    assert len(found) > 300
    assert not {key: faults for key, faults in found.items() if faults}


@pytest.mark.parametrize("what", REFUSED_ZONES)
async def test_a_node_that_is_asked_for_its_zone_is_noticed(pool: Pool, what: str) -> None:
    async with pool.acquire() as conn:
        known = await citus_volatile.functions(conn)

        assert await citus_volatile.zoned(conn, known, REFUSED_ZONES[what])


async def test_what_a_rotation_of_keys_makes_of_its_tables_is_taken(pool: Pool) -> None:
    async with pool.acquire() as conn:
        known = await citus_volatile.functions(conn)
        for table in TABLES:
            rows = await conn.fetch(COLUMN_TYPES, table.name)
            types = {row["attname"]: row["type"] for row in rows}
            for sql in (
                reading(table, types, first=True),
                reading(table, types, first=False),
                writing(table, types),
            ):
                assert not await citus_volatile.undecided(conn, known, sql), table.name
                assert not misplaced_tenants(sql), table.name
                assert not unplanned_parts(sql), table.name


async def test_people_are_forgotten_by_one_connection_to_each_node(pool: Pool) -> None:
    """Tables of tenants refer to them: Citus refuses such a change after a read by several."""
    asked = "SELECT current_setting('citus.multi_shard_modify_mode', true)"
    async with pool.acquire() as conn:
        async with conn.transaction():
            await retention_store.forget_people_any_tenant(
                conn, datetime.now(UTC), after="", limit=10
            )
            by_age = await conn.fetchval(asked)
        async with conn.transaction():
            await tenant_rows.remove_people_any_tenant(conn, TenantId("tabcdefghij"))
            by_tenant = await conn.fetchval(asked)
        after = await conn.fetchval(asked)

    assert (by_age, by_tenant) == ("sequential", "sequential")
    assert not after


def test_no_statement_moves_a_row_or_tells_the_coordinator_alone_what_nodes_have_to_know() -> None:
    found = {
        str(one): [*unheard_settings(one.text), *moved_tenants(one.text)] for one in statements()
    }

    # Asks whether the role can be taken on, and reads nothing as it.
    of_the_doctor = [key for key in found if key.endswith("machine.py: TRY_ROLE")]
    assert [found.pop(key) for key in of_the_doctor] == [["set_config of role"]]
    assert not {key: faults for key, faults in found.items() if faults}


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT set_config('role', 'notaponte_panel', true)",
        "SELECT set_config('notaponte.tenant', $1, true)",
        "SELECT set_config($1, 'x', true)",
    ],
)
def test_a_setting_that_no_node_hears_of_is_noticed(sql: str) -> None:
    assert unheard_settings(sql)
    assert not unheard_settings("SELECT set_config('lock_timeout', $1, true)")


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE sales SET tenant_id = $1 WHERE tenant_id = $2",
        """INSERT INTO sales AS s (tenant_id, bill_id) VALUES ($1, $2)
               ON CONFLICT (tenant_id, bill_id) DO UPDATE SET tenant_id = excluded.tenant_id""",
    ],
)
def test_a_row_that_is_moved_is_noticed(sql: str) -> None:
    assert moved_tenants(sql)
    assert not moved_tenants("UPDATE sales SET code = $1 WHERE tenant_id = $2")


async def test_no_statement_leaves_to_nodes_what_they_could_evaluate_differently(
    pool: Pool,
) -> None:
    async with pool.acquire() as conn:
        known = await citus_volatile.functions(conn)
        found = {
            str(one): await citus_volatile.undecided(conn, known, one.text)
            for one in statements()
            if not name(one.text).startswith(OF_CITUS)
        }

    assert not {key: faults for key, faults in found.items() if faults}


@pytest.mark.parametrize("what", REFUSED_CLOCKS)
async def test_a_misplaced_clock_is_noticed(pool: Pool, what: str) -> None:
    assert misplaced_clocks(REFUSED_CLOCKS[what])
    assert await undecided(pool, REFUSED_CLOCKS[what])


@pytest.mark.parametrize("what", REFUSED_TYPES)
async def test_what_only_types_tell_is_noticed(pool: Pool, what: str) -> None:
    assert await undecided(pool, REFUSED_TYPES[what])


@pytest.mark.parametrize("what", REFUSED_SHAPES)
def test_a_statement_across_tenants_is_noticed(what: str) -> None:
    assert misplaced_tenants(REFUSED_SHAPES[what])


@pytest.mark.parametrize("what", TAKEN)
async def test_what_citus_takes_is_taken_here(pool: Pool, what: str) -> None:
    assert not misplaced_clocks(TAKEN[what])
    assert not misplaced_tenants(TAKEN[what])
    assert not await undecided(pool, TAKEN[what])


async def undecided(pool: Pool, sql: str) -> list[str]:
    async with pool.acquire() as conn:
        return await citus_volatile.undecided(conn, await citus_volatile.functions(conn), sql)


def reads_tenants(sql: str) -> bool:
    found = (part.get("relname") for tree in trees(sql) for part in nodes(tree))
    return any(one in SPREAD for one in found)


def name(sql: str) -> str:
    found = NAME.search(sql)
    assert found is not None
    return found[1]
