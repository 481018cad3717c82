"""What waits, over all tenants: each figure against rows that were put there for it."""

from datetime import timedelta
from typing import Final

from services.reconciler.depth_loop import count, look
from shared.db.connection import Pool
from shared.db.outbox import depths_read
from shared.db.outbox.depths_read import MOST
from tests.stores.test_due_tenants import ADD, EARLY, IDLE, given_work
from tests.support.scraped import now

SALES: Final = """
    INSERT INTO sales (tenant_id, bill_id, status, code, amount, origin)
    SELECT $1, n, $2, CASE WHEN $2 = 'held' THEN 'no_rule' END, 100, 'webhook'
      FROM generate_series($3::int, $4::int) AS n
"""
PASSES: Final = """
    INSERT INTO reconciler_passes (tenant_id, next_pass_at, bills_mark, charges_mark, refunds_mark)
    VALUES ($1, now() - interval '4 minutes', now(), now(), now()),
           ($2, now() + interval '4 minutes', now(), now(), now())
"""
DELIVERIES: Final = """
    INSERT INTO webhook_deliveries (tenant_id, bill_id, type, payload, state, next_at)
    VALUES ($1, 1, 'sale', '{}', 'pending', now() - interval '3 minutes'),
           ($1, 2, 'sale', '{}', 'pending', now() + interval '3 minutes'),
           ($1, 3, 'sale', '{}', 'delivered', now() - interval '9 minutes')
"""
# One rested until two minutes ago, and one is being worked on.
BACKFILLS: Final = """
    INSERT INTO backfills (tenant_id, backfill_id, dry_run, since, competencia, requested_by,
                           reason, requested_at, not_before, status, lease_until)
    VALUES ($1, 'b1', false, '2026-01-01', 'today', 'x', 'x', now() - interval '1 hour',
            now() - interval '2 minutes', 'queued', NULL),
           ($2, 'b2', false, '2026-01-01', 'today', 'x', 'x', now() - interval '1 hour',
            NULL, 'running', now() + interval '1 minute')
"""
BULK_JOBS: Final = """
    INSERT INTO bulk_jobs (tenant_id, job_id, action, reason, asked_by, asked_at, once_word, bills,
                           turn_at)
    VALUES ($1, 'j1', 'retry', 'x', 'x', now(), 'w1', '{1}', now() - interval '1 minute'),
           ($1, 'j2', 'retry', 'x', 'x', now(), 'w2', '{1}', now() + interval '1 minute')
"""
BREAKERS: Final = """
    INSERT INTO issuer_breakers (tenant_id, scope, state, since)
    VALUES ($1, 'city', 'open', now()), ($2, 'city', 'open', now()),
           ($1, 'issuer', 'closed', now())
"""
COMPANY: Final = """
    INSERT INTO company_breakers (tenant_id, state, since) VALUES ($1, 'restarting', now())
"""


async def test_what_is_due_is_shown_by_lane_with_the_age_of_the_oldest(pool: Pool) -> None:
    async with pool.acquire() as conn, conn.transaction():
        await given_work(conn)
        await look(conn)

    oldest = {lane: now("notaponte_oldest_due_seconds", lane=lane) for lane in LANES}
    assert oldest == {"live": 120, "found": 60, "backfill": 180}
    assert now("notaponte_due_sales", lane="live") == 3
    assert now("notaponte_depths_seen_timestamp_seconds") > 0


LANES: Final = ("live", "found", "backfill")


async def test_nothing_due_is_shown_as_nothing(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await look(conn)

    assert [now("notaponte_oldest_due_seconds", lane=lane) for lane in LANES] == [0, 0, 0]
    assert now("notaponte_breakers", scope="city", state="open") == 0


async def test_of_one_tenant_no_more_are_counted_than_said(pool: Pool) -> None:
    async with pool.acquire() as conn, conn.transaction():
        at = await given_work(conn)
        await conn.execute(ADD, IDLE, 1, at - timedelta(minutes=9), MOST + 5)
        found = await depths_read.due_any_tenant(conn, 1)

    assert found.waiting == MOST + 1
    assert found.oldest_for == timedelta(minutes=9)


async def test_overdue_passes_status_webhooks_and_breakers_are_shown(pool: Pool) -> None:
    async with pool.acquire() as conn, conn.transaction():
        await given_work(conn)
        await conn.execute(PASSES, EARLY, IDLE)
        await conn.execute(DELIVERIES, EARLY)
        await conn.execute(BREAKERS, EARLY, IDLE)
        await conn.execute(COMPANY, EARLY)
        await look(conn)

    assert now("notaponte_reconciler_due_passes") == 1
    assert now("notaponte_reconciler_lag_seconds") == 240
    assert now("notaponte_status_webhooks_due") == 1
    assert now("notaponte_status_webhooks_lag_seconds") == 180
    assert now("notaponte_breakers", scope="city", state="open") == 2
    assert now("notaponte_breakers", scope="issuer", state="open") == 0
    assert now("notaponte_breakers", scope="company", state="restarting") == 1


async def test_sales_are_counted_where_they_stand(pool: Pool) -> None:
    async with pool.acquire() as conn, conn.transaction():
        await given_work(conn)
        await conn.execute(SALES, EARLY, "uncertain", 1, 3)
        await conn.execute(SALES, IDLE, "uncertain", 1, 2)
        await conn.execute(SALES, IDLE, "held", 3, 3)
        await count(conn)

    assert now("notaponte_sales_standing", status="uncertain") == 5
    assert now("notaponte_sales_standing", status="held") == 1
    assert now("notaponte_sales_standing", status="denied") == 0


async def test_stopped_sales_are_counted_by_why(pool: Pool) -> None:
    async with pool.acquire() as conn, conn.transaction():
        await given_work(conn)
        await conn.execute(SALES, EARLY, "held", 1, 3)
        await conn.execute(SALES, IDLE, "held", 1, 2)
        await conn.execute("UPDATE sales SET code = 'zero' WHERE bill_id = 2")
        await count(conn)
        assert now("notaponte_sales_stopped", status="held", cause="no_rule") == 3
        assert now("notaponte_sales_stopped", status="held", cause="zero") == 2

        await conn.execute("UPDATE sales SET code = 'no_rule'")
        await count(conn)

    assert now("notaponte_sales_stopped", status="held", cause="no_rule") == 5
    assert now("notaponte_sales_stopped", status="held", cause="zero") == 0


async def test_jobs_that_nobody_works_on_are_shown_with_the_age_of_the_oldest(pool: Pool) -> None:
    async with pool.acquire() as conn, conn.transaction():
        await given_work(conn)
        await conn.execute(BACKFILLS, EARLY, IDLE)
        await conn.execute(BULK_JOBS, EARLY)
        await look(conn)

    assert now("notaponte_jobs_waiting", kind="backfill") == 1
    assert now("notaponte_jobs_lag_seconds", kind="backfill") == 120
    assert now("notaponte_jobs_waiting", kind="bulk") == 1
    assert now("notaponte_jobs_lag_seconds", kind="bulk") == 60
