"""Who has work due now, and since when: one answer, whichever way is the cheaper one."""

from datetime import datetime, timedelta
from typing import Final

from services.emitter.due import DueTenants
from shared.db import clock
from shared.db.connection import Connection, Pool
from shared.db.outbox.due_read import READ_AT_MOST
from shared.db.outbox.outbox_store import BACKFILL, LIVE, RECONCILE
from shared.domain.ids import TenantId

ADD_TENANTS: Final = """
    INSERT INTO tenants (tenant_id, name, plan, timezone)
    SELECT tenant_id, tenant_id, 'pro', 'America/Sao_Paulo' FROM unnest($1::text[]) AS tenant_id
"""
ADD: Final = """
    INSERT INTO outbox (tenant_id, bill_id, lane, due_at, origin)
    SELECT $1, (SELECT count(*) FROM outbox) + n, $2, $3, 'webhook'
      FROM generate_series(1, $4::int) AS n
"""
EARLY, LIVELY, OLD, IDLE, CALM = (
    TenantId(f"t{name:0>10}") for name in ("early", "lively", "old", "idle", "calm")
)


async def test_the_longest_waiting_come_first_whatever_their_lane(pool: Pool) -> None:
    async with pool.acquire() as conn, conn.transaction():
        await given_work(conn)

        found = await DueTenants().find_any_tenant(conn, limit=10)

    assert [one.tenant_id for one in found] == [OLD, LIVELY, EARLY]
    assert [one.live_for for one in found] == [None, timedelta(minutes=2), timedelta(minutes=1)]


async def test_only_lanes_with_work_due_now_are_named(pool: Pool) -> None:
    """Whoever claims of one without any pays as much as for a batch, and gets nothing."""
    async with pool.acquire() as conn, conn.transaction():
        await given_work(conn)

        found = await DueTenants().find_any_tenant(conn, limit=10)

    assert {one.tenant_id: one.lanes for one in found} == {
        OLD: {BACKFILL},
        LIVELY: {LIVE, RECONCILE},
        EARLY: {LIVE},
    }


async def test_what_waits_for_another_day_changes_the_way_and_not_the_answer(pool: Pool) -> None:
    async with pool.acquire() as conn, conn.transaction():
        now = await given_work(conn)
        of_little = await DueTenants().find_any_tenant(conn, limit=10)
        await conn.execute(ADD, IDLE, LIVE, now + timedelta(days=3), READ_AT_MOST)

        of_much = await DueTenants().find_any_tenant(conn, limit=10)

    assert of_much == of_little


async def test_no_more_are_named_than_asked_for(pool: Pool) -> None:
    async with pool.acquire() as conn, conn.transaction():
        now = await given_work(conn)
        for _ in range(2):
            found = await DueTenants().find_any_tenant(conn, limit=2)
            assert [one.tenant_id for one in found] == [OLD, LIVELY]
            await conn.execute(ADD, IDLE, LIVE, now + timedelta(days=3), READ_AT_MOST)


async def given_work(conn: Connection) -> datetime:
    """Three tenants have some now, one has some in an hour, one has none."""
    await conn.execute(ADD_TENANTS, [EARLY, LIVELY, OLD, IDLE, CALM])
    now = await clock.now(conn)
    for tenant, lane, minutes in (
        (EARLY, LIVE, -1),
        (EARLY, RECONCILE, 5),
        (LIVELY, RECONCILE, -1),
        (LIVELY, LIVE, -2),
        (LIVELY, LIVE, -1),
        (OLD, BACKFILL, -3),
        (OLD, LIVE, 60),
        (IDLE, LIVE, 60),
    ):
        await conn.execute(ADD, tenant, lane, now + timedelta(minutes=minutes), 1)
    return now
