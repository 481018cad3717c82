"""A clock that was five hours ahead is set right: what it put off does not wait for five hours."""

from datetime import timedelta

import pytest

from services.reconciler.clock_back import look_once
from shared.db.connection import Connection, Pool
from shared.db.outbox import clock_back_store, outbox_store
from shared.domain.ids import BillId
from tests.services.reconciler.conftest import Watch, services_of

AHEAD = timedelta(hours=5)
EVERY = timedelta(minutes=40)
LEASED = (
    "INSERT INTO outbox (tenant_id, bill_id, due_at, origin, state, lease_until, leased_by)"
    " VALUES ($1, $2, now(), 'webhook', 'leased', now() + $3::interval, 'one that died')"
)


@pytest.mark.parametrize("ahead", [AHEAD, timedelta(days=400)])
async def test_a_lease_of_a_process_that_died_under_the_wrong_clock_ends_soon(
    pool: Pool, ahead: timedelta
) -> None:
    async with pool.acquire() as conn:
        tenant = await a_tenant(conn)
        await conn.execute(LEASED, tenant, 1, ahead)
        await conn.execute(LEASED, tenant, 2, timedelta(seconds=12))

        assert await clock_back_store.bring_near_any_tenant(conn, longest_rest=EVERY) == 1
        assert await clock_back_store.bring_near_any_tenant(conn, longest_rest=EVERY) == 0

        await _later(conn, clock_back_store.VERY_SOON)
        assert await outbox_store.free_expired_any_tenant(conn) == 2


async def test_an_account_is_read_again_at_once_and_one_that_rests_is_left_alone(
    pool: Pool,
) -> None:
    async with pool.acquire() as conn:
        for name, rests in (("ahead", AHEAD), ("rests", EVERY / 2)):
            await conn.execute(
                "INSERT INTO reconciler_passes (tenant_id, next_pass_at, lease_until,"
                " bills_mark, charges_mark, refunds_mark)"
                " VALUES ($1, now() + $2::interval, now() + $2::interval, now(), now(), now())",
                await a_tenant(conn, name),
                rests,
            )

        await clock_back_store.bring_near_any_tenant(conn, longest_rest=EVERY)

        rows = await conn.fetch(
            "SELECT next_pass_at <= now() AS due, lease_until < now() + '2 min'::interval AS soon"
            "  FROM reconciler_passes ORDER BY next_pass_at"
        )
    assert [tuple(row) for row in rows] == [(True, True), (False, True)]


async def test_the_reconciler_notices_by_what_the_database_wrote_down(watch: Watch) -> None:
    pool = watch.desk.pool
    bill = watch.desk.sell()
    await watch.desk.heard(BillId(bill.id))
    await pool.execute("UPDATE outbox SET due_at = now() + interval '1 day 30 s'")
    await pool.execute("UPDATE database_life SET seen_at = now() + interval '1 day'")
    if not await pool.fetchval("SELECT count(*) FROM database_life"):
        await pool.execute(
            "INSERT INTO database_life (one, system_identifier, wal_timeline, seen_at)"
            " VALUES (true, 1, 1, now() + interval '1 day')"
        )
    services = services_of(watch.desk)

    rows = await look_once(services)

    assert rows >= 1
    assert await pool.fetchval("SELECT bool_and(due_at <= now()) FROM outbox")
    assert await look_once(services) == 0


async def a_tenant(conn: Connection, name: str = "one") -> str:
    tenant = f"t{name:0<10}"
    await conn.execute(
        "INSERT INTO tenants (tenant_id, name, plan, timezone, status, active_from)"
        " VALUES ($1, 'x', 'pro', 'America/Sao_Paulo', 'active', now())",
        tenant,
    )
    return tenant


async def _later(conn: Connection, by: timedelta) -> None:
    """Every lease is so much older."""
    await conn.execute("UPDATE outbox SET lease_until = lease_until - $1::interval", by)
