"""Every statement is one that Citus takes, when tenants are spread over nodes (design D13, D20).

Tried on a cluster: what is refused there is refused here, of the statements of before as well as of
made-up ones. Defaults of columns may ask the clock: the coordinator does that, once.
"""

import re
from typing import Final

import pytest

from shared.db.connection import Pool
from tests.stores import citus_volatile
from tests.stores.citus_shape import (
    misplaced_clocks,
    misplaced_tenants,
    moved_tenants,
    unheard_settings,
)
from tests.stores.test_statements import statements

# One table, no lock, nothing else looked at: each node does its part.
OF_ALL_TENANTS: Final = frozenset(
    {
        "bulk_jobs_store.forget_old_any_tenant",
        "event_days_store.forget_strays_any_tenant",
        "idempotency_store.forget_old_any_tenant",
        "kept_figures_store.forget_any_tenant",
        "month_files_store.forget_old_any_tenant",
        "outbox_store.free_expired_any_tenant",
        "status_webhooks_store.forget_old_any_tenant",
    }
)
NAME: Final = re.compile(r"-- (\w+\.\w+)")
OF_CITUS: Final = "distribution"  # its own functions, which PostgreSQL does not have

REFUSED_CLOCKS: Final = {
    "an upsert": """
        INSERT INTO tenants AS t (tenant_id, name, plan, timezone) VALUES ($1, $2, $3, $4)
            ON CONFLICT (tenant_id) DO UPDATE SET updated_at = now()""",
    "an upsert that is not always done": """
        INSERT INTO tenants AS t (tenant_id, name, plan, timezone) VALUES ($1, $2, $3, $4)
            ON CONFLICT (tenant_id) DO UPDATE SET name = excluded.name
         WHERE t.updated_at < clock_timestamp()""",
    "a choice": "UPDATE tenants SET updated_at = CASE WHEN $2 THEN now() END WHERE tenant_id = $1",
    "a default": """
        UPDATE tenants SET active_from = coalesce(active_from, date_trunc('second', now()))
         WHERE tenant_id = $1""",
    "a default of the standard's clock": """
        UPDATE tenants SET active_from = coalesce(active_from, current_timestamp)
         WHERE tenant_id = $1""",
    "what is returned": """
        UPDATE tenants SET name = $2 WHERE tenant_id = $1 RETURNING name, now() AS at""",
    "what an upsert returns": """
        INSERT INTO tenants (tenant_id, name, plan, timezone) VALUES ($1, $2, $3, $4)
            ON CONFLICT (tenant_id) DO NOTHING RETURNING gen_random_uuid()""",
}
REFUSED_TYPES: Final = {
    "an instant of an upsert less an interval": """
        INSERT INTO webhook_rejections AS r (tenant_id, since, rejected_at, rejections)
        VALUES ($1, $2, $2, 1)
            ON CONFLICT (tenant_id) DO UPDATE SET rejections = r.rejections + 1
         WHERE r.rejected_at < excluded.rejected_at - $3::interval""",
    "an instant plus what a column says": """
        UPDATE backfills SET not_before = $3::timestamptz + failures * interval '1 second'
         WHERE tenant_id = $1 AND backfill_id = $2""",
    "a column that is compared once an interval is added": """
        UPDATE outbox SET heard_at = NULL WHERE tenant_id = $1 AND heard_at + $2 <= $3""",
    "a column as text": "UPDATE tenants SET name = created_at::text WHERE tenant_id = $1",
    "chance": """
        UPDATE outbox SET due_at = $2::timestamptz + random() * $3::interval
         WHERE tenant_id = $1""",
    "a day that is returned": """
        DELETE FROM tenants WHERE tenant_id = $1 RETURNING created_at::date""",
    "a choice below a WITH": """
        WITH moved AS (
            UPDATE outbox SET due_at = coalesce(heard_at, now()) WHERE tenant_id = $1
            RETURNING bill_id)
        SELECT count(*) FROM moved""",
}
REFUSED_SHAPES: Final = {
    "a lock over tenants": "SELECT bill_id FROM outbox WHERE due_at <= $1 FOR UPDATE SKIP LOCKED",
    "a lock of tenants brought along": """
        SELECT bill_id FROM outbox WHERE tenant_id = ANY($1::text[]) FOR SHARE""",
    "a lock for each tenant": """
        SELECT d.bill_id FROM tenants t CROSS JOIN LATERAL (
            SELECT o.bill_id FROM outbox o WHERE o.tenant_id = t.tenant_id FOR UPDATE) d""",
    "a lock whose tenant is named or not": """
        SELECT bill_id FROM outbox WHERE tenant_id = $1 OR $2 FOR UPDATE""",
    "a change over tenants": "UPDATE sales SET code = NULL WHERE code = $1",
    "a change of tenants that another table names": """
        UPDATE sales s SET code = NULL FROM bills b
         WHERE s.tenant_id = b.tenant_id AND s.bill_id = b.bill_id""",
    "a deletion below a WITH": """
        WITH gone AS (DELETE FROM bills) DELETE FROM sales WHERE tenant_id = $1""",
    "a row of no tenant": "INSERT INTO sales (bill_id, amount) VALUES ($1, $2)",
    "a join by bill": """
        SELECT s.status FROM sales s JOIN bills b ON b.bill_id = s.bill_id
         WHERE s.tenant_id = $1""",
    "a join of which one side's tenant is another": """
        SELECT s.status FROM sales s, bills b WHERE s.tenant_id = $1 AND b.tenant_id = $2""",
    "a join to what a subquery reads": """
        SELECT s.status FROM sales s JOIN (SELECT bill_id, status FROM bills) b USING (bill_id)
         WHERE s.tenant_id = $1""",
    "a join of tenants brought along": """
        SELECT s.status FROM sales s, bills b
         WHERE s.tenant_id = ANY($1::text[]) AND b.tenant_id = ANY($1::text[])
           AND s.bill_id = b.bill_id""",
    "a join that leaves some out": """
        SELECT s.status FROM sales s LEFT JOIN bills b ON b.bill_id = s.bill_id
         WHERE s.tenant_id = $1""",
    "a subquery of other tenants": """
        SELECT status FROM sales s
         WHERE tenant_id = $1 AND EXISTS (SELECT FROM bills b WHERE b.bill_id = s.bill_id)""",
    "a recursion over tenants": """
        WITH RECURSIVE t AS (
            (SELECT tenant_id FROM outbox ORDER BY tenant_id LIMIT 1)
            UNION ALL
            SELECT (SELECT o.tenant_id FROM outbox o WHERE o.tenant_id > t.tenant_id
                     ORDER BY o.tenant_id LIMIT 1) FROM t WHERE t.tenant_id IS NOT NULL)
        SELECT tenant_id FROM t""",
    "a subquery for each of some VALUES": """
        SELECT t.tenant_id, first.due_at FROM tenants t LEFT JOIN LATERAL (
            SELECT min((SELECT o.due_at FROM outbox o
                         WHERE o.tenant_id = t.tenant_id AND o.lane = lanes.lane LIMIT 1)) AS due_at
              FROM (VALUES (0::smallint), (1::smallint)) AS lanes (lane)) first ON true""",
    "a subquery for each tenant brought along": """
        SELECT m.tenant_id FROM unnest($1::text[]) AS m (tenant_id)
         WHERE EXISTS (SELECT FROM tenants t WHERE t.tenant_id = m.tenant_id)""",
}
TAKEN: Final = {
    "a clock that the coordinator reads": """
        UPDATE outbox SET lease_until = now() + $2::interval
         WHERE tenant_id = $1 AND lease_until <= now()""",
    "the instant of the row that was refused": """
        INSERT INTO tenants AS t (tenant_id, name, plan, timezone, updated_at)
        VALUES ($1, $2, $3, $4, now())
            ON CONFLICT (tenant_id) DO UPDATE SET updated_at = excluded.updated_at
         WHERE excluded.updated_at - t.updated_at > $5::interval""",
    "tenants brought along as data": """
        UPDATE outbox o SET heard_at = NULL
          FROM unnest($1::text[], $2::bigint[]) AS m (tenant_id, bill_id)
         WHERE (o.tenant_id, o.bill_id) = (m.tenant_id, m.bill_id)""",
    "tenants of a list": "UPDATE outbox SET heard_at = NULL WHERE tenant_id = ANY($1::text[])",
    "a subquery for each bill of one tenant": """
        SELECT b.bill_id FROM unnest($2::bigint[]) AS b (bill_id)
         WHERE NOT EXISTS (SELECT FROM sales s WHERE s.tenant_id = $1 AND s.bill_id = b.bill_id)""",
    "a probe for each tenant": """
        SELECT t.tenant_id, o.due_at FROM tenants t JOIN LATERAL (
            SELECT o.due_at FROM outbox o WHERE o.tenant_id = t.tenant_id
             ORDER BY o.due_at LIMIT 1) o ON true""",
    "a lock of one tenant below a WITH": """
        WITH picked AS MATERIALIZED (
            SELECT bill_id FROM outbox WHERE tenant_id = $1 AND state = 'due' FOR UPDATE)
        UPDATE outbox o SET tries = 0 FROM picked
         WHERE o.tenant_id = $1 AND o.bill_id = picked.bill_id""",
}


def test_no_statement_asks_a_clock_where_nodes_would_answer_for_themselves() -> None:
    assert not {str(one): found for one in statements() if (found := misplaced_clocks(one.text))}


def test_no_statement_joins_locks_or_changes_across_tenants() -> None:
    found = {name(one.text): misplaced_tenants(one.text) for one in statements()}

    assert not {
        key: faults for key, faults in found.items() if faults and key not in OF_ALL_TENANTS
    }
    assert all(found[key] for key in OF_ALL_TENANTS)  # one that is gone is taken off the list


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


def name(sql: str) -> str:
    found = NAME.search(sql)
    assert found is not None
    return found[1]
