"""Looking for due work again and again: what is remembered decides the way, never the answer."""

from datetime import timedelta

from services.emitter.due import DueTenants
from shared.db import clock
from shared.db.connection import Pool
from shared.db.outbox import due_read
from shared.db.outbox.due_read import READ_AT_MOST, ROWS_A_TENANT
from shared.db.outbox.outbox_store import LIVE
from tests.stores.test_due_tenants import ADD, ADD_TENANTS, CALM, EARLY, IDLE, OLD, given_work


async def test_much_that_is_open_is_found_without_reading_it_anew(pool: Pool) -> None:
    asked: list[str] = []
    async with pool.acquire() as conn, conn.transaction():
        now = await given_work(conn)
        due = DueTenants()
        of_little = await due.find_any_tenant(conn, limit=10)
        await conn.execute(ADD, IDLE, LIVE, now + timedelta(days=3), READ_AT_MOST)

        at_once = await due.find_any_tenant(conn, limit=10)
        with conn.query_logger(lambda one: asked.append(one.query.split()[1])):
            remembered = await due.find_any_tenant(conn, limit=10)

    assert of_little == at_once == remembered != []
    assert asked == ["due_read.due_of_many_any_tenant"]


async def test_who_comes_while_much_is_open_is_found_by_the_next_look(pool: Pool) -> None:
    async with pool.acquire() as conn, conn.transaction():
        now = await given_work(conn)
        await conn.execute(ADD, IDLE, LIVE, now + timedelta(days=3), READ_AT_MOST)
        due = DueTenants()
        before = await due.find_any_tenant(conn, limit=10)
        await conn.execute(ADD, CALM, LIVE, now - timedelta(hours=5), 1)

        after = await due.find_any_tenant(conn, limit=10)

    assert CALM not in {one.tenant_id for one in before}
    assert after[0].tenant_id == CALM
    assert {one.tenant_id for one in after} == {OLD, EARLY, CALM} | {
        one.tenant_id for one in before
    }


async def test_no_more_rows_are_read_than_a_look_at_each_tenant_costs(pool: Pool) -> None:
    async with pool.acquire() as conn, conn.transaction():
        assert await due_read.worth_reading_any_tenant(conn) == ROWS_A_TENANT

        await conn.execute(ADD_TENANTS, [EARLY, OLD, IDLE])
        worth = await due_read.worth_reading_any_tenant(conn)
        now = await clock.now(conn)
        await conn.execute(ADD, IDLE, LIVE, now - timedelta(minutes=1), worth)
        few = await due_read.due_of_few_any_tenant(conn, limit=10, read_at_most=worth)

    assert worth == 3 * ROWS_A_TENANT
    assert few is None
