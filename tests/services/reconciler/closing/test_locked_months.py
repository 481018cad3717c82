"""A month that was handed in takes no nota any more, however late its lock is noticed."""

import asyncio
from collections.abc import Awaitable, Callable

from shared.db.closing import closing_locks_store
from shared.db.connection import Connection
from shared.db.outbox import outbox_wakes
from shared.db.tenants import tenants_store
from shared.domain.closing import Figures, Sum
from shared.domain.money import Cents
from tests.services.emitter.conftest import Desk
from tests.services.reconciler.closing.conftest import Books, books

__all__ = ["books"]  # fixture

WAITING = """
    SELECT count(*) FROM pg_stat_activity
     WHERE datname = current_database() AND wait_event_type = 'Lock'
"""
Change = Callable[[Connection], Awaitable[object]]
NOTHING = Sum(bills=0, amount=Cents(0))


async def lock_month(books: Books, conn: Connection) -> None:
    """What the internal API does, in the caller's transaction."""
    await tenants_store.lock(conn, books.desk.tenant)
    figures = Figures(vindi=NOTHING, notas=NOTHING, exceptions={}, read_at=None)
    await closing_locks_store.add(
        conn, books.desk.tenant, books.month, figures=figures, by="ana", reason="-", forced=False
    )


async def changed_while_sending(books: Books, change: Change) -> None:
    """Decide what is due, and commit a change before the decision is written."""
    desk = books.desk
    async with desk.pool.acquire() as conn:
        async with conn.transaction():
            await change(conn)
            working = asyncio.create_task(desk.work())
            await until_somebody_waits(desk)
        await working


async def until_somebody_waits(desk: Desk) -> None:
    async with asyncio.timeout(60), desk.pool.acquire() as conn:
        while not await conn.fetchval(WAITING):
            await asyncio.sleep(0.01)


async def test_a_late_sale_is_not_dated_into_a_locked_month(books: Books) -> None:
    async with books.desk.pool.acquire() as conn, conn.transaction():
        await lock_month(books, conn)

    bill = await books.sold()
    await books.settle()

    sale = await books.desk.sale(bill)
    assert (sale.status, sale.code) == ("held", "competencia_month_closed")
    assert books.desk.notas_of(bill) == []


async def test_a_month_locked_while_a_sale_is_about_to_be_sent_binds_it(books: Books) -> None:
    bill = await books.sold()

    await changed_while_sending(books, lambda conn: lock_month(books, conn))

    sale = await books.desk.sale(bill)
    assert (sale.status, sale.code) == ("held", "competencia_month_closed")
    assert books.desk.notas_of(bill) == []


async def test_a_tenant_paused_while_a_sale_is_about_to_be_sent_sends_nothing(
    books: Books,
) -> None:
    bill = await books.sold()

    await changed_while_sending(books, lambda conn: tenants_store.pause(conn, books.desk.tenant))

    sale = await books.desk.sale(bill)
    assert (sale.status, sale.code) == ("held", "tenant_paused")
    assert books.desk.notas_of(bill) == []


async def test_an_unlocked_month_lets_go_what_it_held(books: Books) -> None:
    desk = books.desk
    async with desk.pool.acquire() as conn, conn.transaction():
        await lock_month(books, conn)
    bill = await books.sold()
    await desk.work()

    async with desk.pool.acquire() as conn, conn.transaction():
        await closing_locks_store.remove(conn, desk.tenant, books.month)
        await outbox_wakes.wake_stopped(conn, desk.tenant, ["competencia_month_closed"])
    await books.settle()

    assert (await desk.sale(bill)).status == "issued"
    assert (await desk.nota(bill)).competencia.month == books.month.month
