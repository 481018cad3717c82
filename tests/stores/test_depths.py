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
# One is at work, one rests, one is done.
CLOSING_CHECKS: Final = """
    INSERT INTO closing_checks (tenant_id, month, status, requested_by, requested_at, lease_until,
                                not_before, finished_at)
    VALUES ($1, '2026-01-01', 'queued', 'x', now() - interval '5 minutes', NULL, NULL, NULL),
           ($1, '2026-02-01', 'running', 'x', now() - interval '1 hour',
            now() + interval '1 minute', NULL, NULL),
           ($1, '2026-03-01', 'queued', 'x', now() - interval '1 hour', NULL,
            now() + interval '1 minute', NULL),
           ($1, '2026-04-01', 'completed', 'x', now() - interval '1 hour', NULL, NULL, now())
"""
MONTH_FILES: Final = """
    INSERT INTO month_files (tenant_id, month, kind, state, asked_by, asked_at, lease_until)
    VALUES ($1, '2026-01-01', 'xlsx', 'working', 'x', now() - interval '1 hour',
            now() - interval '7 minutes'),
           ($1, '2026-02-01', 'xlsx', 'working', 'x', now() - interval '1 hour',
            now() + interval '1 minute'),
           ($1, '2026-03-01', 'xlsx', 'ready', 'x', now() - interval '1 hour', NULL)
"""
# The first was put off after failures, and is as old as before.
ERASURES: Final = """
    INSERT INTO erasures (tenant_id, erasure_id, ticket, reason, asked_by, asked_at, failures,
                          turn_at, state, completed_at)
    VALUES ($1, 'e1', 't', 'x', 'x', now() - interval '2 days', 3, now() + interval '1 hour',
            'running', NULL),
           ($2, 'e2', 't', 'x', 'x', now() - interval '9 days', 0, now(), 'completed', now())
"""
DEPARTURES: Final = """
    INSERT INTO departures (tenant_id, reason, asked_by, asked_at, delete_at, state, turn_at)
    VALUES ($1, 'x', 'x', now() - interval '9 days', now() - interval '1 day', 'deleting', now()),
           ($2, 'x', 'x', now() - interval '9 days', now() + interval '1 day', 'waiting', now())
"""
RESTORE: Final = """
    INSERT INTO restores (restore_id, why, since, noticed_at, read_after)
    VALUES (1, 'told', now(), now() - interval '10 minutes', now() - interval '9 minutes')
"""
COMPANIES: Final = """
    INSERT INTO issuer_connections (tenant_id, kind, environment, api_key, key_hint, key_word,
                                    company_id, company_name)
    VALUES ($1, 'enotas', 'Producao', ''::bytea, 'abcd', 'k', 'C1', 'n')
"""
# Read, unread, and unread of a company that is in use no more.
CHECKS: Final = """
    INSERT INTO restore_checks (tenant_id, restore_id, company_id, since_on, until_on, read_after,
                                read_at)
    VALUES ($1, 0, 'c1', now(), now(), now() - interval '9 days', now()),
           ($1, 1, 'c1', now(), now(), now() - interval '9 minutes', NULL),
           ($1, 1, 'c2', now(), now(), now() - interval '9 minutes', NULL)
"""
FINDS: Final = """
    INSERT INTO restore_finds (tenant_id, external_id, bill_id, restore_id, found_at, known_at)
    VALUES ($1, 'x1', 1, 1, now(), NULL), ($1, 'x2', 2, 1, now(), now())
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
        await conn.execute(CLOSING_CHECKS, EARLY)
        await conn.execute(MONTH_FILES, EARLY)
        await look(conn)

    assert now("notaponte_jobs_waiting", kind="backfill") == 1
    assert now("notaponte_jobs_lag_seconds", kind="backfill") == 120
    assert now("notaponte_jobs_waiting", kind="bulk") == 1
    assert now("notaponte_jobs_lag_seconds", kind="bulk") == 60
    assert now("notaponte_jobs_waiting", kind="closing_check") == 1
    assert now("notaponte_jobs_lag_seconds", kind="closing_check") == 300
    assert now("notaponte_jobs_waiting", kind="month_file") == 1
    assert now("notaponte_jobs_lag_seconds", kind="month_file") == 420


async def test_what_the_law_wants_done_is_shown_until_it_is_done(pool: Pool) -> None:
    async with pool.acquire() as conn, conn.transaction():
        await given_work(conn)
        await conn.execute(ERASURES, EARLY, IDLE)
        await conn.execute(DEPARTURES, EARLY, IDLE)
        await look(conn)

    assert now("notaponte_privacy_open", kind="erasure") == 1
    assert now("notaponte_privacy_oldest_seconds", kind="erasure") == 2 * 86400
    assert now("notaponte_privacy_open", kind="departure") == 1
    assert now("notaponte_privacy_oldest_seconds", kind="departure") == 86400


async def test_a_restore_is_shown_with_what_still_waits_for_it(pool: Pool) -> None:
    async with pool.acquire() as conn, conn.transaction():
        await look(conn)
        assert now("notaponte_restored_timestamp_seconds") == 0
        await given_work(conn)
        await conn.execute(RESTORE)
        await conn.execute(COMPANIES, EARLY)
        await conn.execute(CHECKS, EARLY)
        await conn.execute(FINDS, EARLY)
        await look(conn)
        noticed = await conn.fetchval("SELECT extract(epoch FROM now()) - 600")

    assert abs(now("notaponte_restored_timestamp_seconds") - float(noticed)) < 1
    assert now("notaponte_restore_companies_waiting") == 1
    assert now("notaponte_restore_wait_seconds") == 540
    assert now("notaponte_restore_notas_unknown") == 1
