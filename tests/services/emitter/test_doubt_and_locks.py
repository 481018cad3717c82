"""What is in doubt goes out again only where it still may, by what was committed until then."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from services.sandbox.vindi import operations
from services.sandbox.vindi.records import Bill
from shared.db.closing import closing_locks_store
from shared.db.connection import Connection
from shared.db.outbox import outbox_wakes
from shared.db.tenants import tenants_store
from shared.domain.closing import Figures, Month, Sum
from shared.domain.competencia import MONTH_CLOSED
from shared.domain.ids import BillId
from shared.domain.money import Cents
from tests.services.emitter.conftest import Desk
from tests.services.emitter.test_doubt_while_paused import active, asked, in_doubt
from tests.services.emitter.test_part_wishes import ask_part
from tests.services.emitter.test_parts import SERVICES, settle, sold_mixed
from tests.services.emitter.test_substitution import an_issued_sale, substitute

WAITING = """
    SELECT count(*) FROM pg_stat_activity
     WHERE datname = current_database() AND wait_event_type = 'Lock'
"""
NOTHING = Sum(bills=0, amount=Cents(0))
Change = Callable[[Desk, Connection, Bill], Awaitable[None]]


async def month_of(desk: Desk, bill: Bill) -> Month:
    day = (await desk.nota(bill)).competencia
    return Month(year=day.year, month=day.month)


async def lock_month(desk: Desk, conn: Connection, bill: Bill) -> None:
    await tenants_store.lock(conn, desk.tenant)
    figures = Figures(vindi=NOTHING, notas=NOTHING, exceptions={}, read_at=None)
    month = await month_of(desk, bill)
    await closing_locks_store.add(
        conn, desk.tenant, month, figures=figures, by="ana", reason="-", forced=True
    )


async def unlock_month(desk: Desk, bill: Bill) -> None:
    async with desk.pool.acquire() as conn, conn.transaction():
        await tenants_store.lock(conn, desk.tenant)
        await closing_locks_store.remove(conn, desk.tenant, await month_of(desk, bill))
        await outbox_wakes.wake_stopped(conn, desk.tenant, [MONTH_CLOSED])


async def pause(desk: Desk, conn: Connection, bill: Bill) -> None:
    await tenants_store.lock(conn, desk.tenant)
    await tenants_store.pause(conn, desk.tenant)


async def locked(desk: Desk, bill: Bill) -> None:
    async with desk.pool.acquire() as conn, conn.transaction():
        await lock_month(desk, conn, bill)


async def somebody_waits(desk: Desk) -> None:
    while not await desk.pool.fetchval(WAITING):
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("change", [pause, lock_month])
async def test_what_is_committed_while_it_is_looked_up_keeps_it_from_being_sent_again(
    desk: Desk, change: Change
) -> None:
    bill = await in_doubt(desk)
    before = asked(desk, "POST")

    async with desk.pool.acquire() as conn, conn.transaction():
        await change(desk, conn, bill)
        working = asyncio.create_task(desk.work())
        waiting = asyncio.create_task(somebody_waits(desk))
        await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
    await working
    await settle(desk, rounds=3)

    assert asked(desk, "POST") == before


async def test_a_pause_while_it_is_looked_at_keeps_a_cancellation_from_being_asked_again(
    desk: Desk,
) -> None:
    bill = await desk.sold()
    await settle(desk)
    await ask_part(desk, bill, "cancel", None)
    desk.company.weather.add(kind="hang_up", when="before", count=1, method="DELETE")
    await desk.work()
    await desk.later()  # long enough for the wish to be asked for again
    before = asked(desk, "DELETE")

    async with desk.pool.acquire() as conn, conn.transaction():
        await pause(desk, conn, bill)
        working = asyncio.create_task(desk.work())
        waiting = asyncio.create_task(somebody_waits(desk))
        await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
    await working
    await settle(desk, rounds=3)

    assert asked(desk, "DELETE") == before
    assert (await desk.sale(bill)).status == "cancelling"

    await active(desk)
    await settle(desk)

    assert (await desk.sale(bill)).status == "cancelled"


async def test_a_month_locked_meanwhile_holds_what_is_in_doubt_and_lets_it_go_unlocked(
    desk: Desk,
) -> None:
    bill = await in_doubt(desk)
    await locked(desk, bill)
    before = asked(desk, "POST")
    await settle(desk)

    sale = await desk.sale(bill)
    assert (sale.status, sale.code) == ("held", MONTH_CLOSED)
    assert asked(desk, "POST") == before

    await unlock_month(desk, bill)
    await settle(desk)

    assert (await desk.sale(bill)).status == "issued"
    [nota] = desk.notas_of(bill)
    assert nota.external_id == f"p-{desk.tenant}-{bill.id}-1"


async def test_what_arrived_all_the_same_is_believed_in_a_locked_month_too(desk: Desk) -> None:
    bill = await desk.sold()
    desk.company.weather.add(kind="hang_up", when="after", count=1, method="POST")
    await desk.work()
    await desk.later()
    await locked(desk, bill)
    await settle(desk)

    assert (await desk.sale(bill)).status == "issued"
    assert len(desk.notas_of(bill)) == 1


async def test_what_is_refunded_while_it_is_held_for_its_month_is_not_owed_any_more(
    desk: Desk,
) -> None:
    bill = await in_doubt(desk)
    await locked(desk, bill)
    await settle(desk)
    operations.refund(desk.account, bill_id=bill.id, events=False)
    await desk.heard(BillId(bill.id))
    await settle(desk)
    await unlock_month(desk, bill)
    await settle(desk)

    assert (await desk.sale(bill)).status == "skipped"
    assert desk.notas_of(bill) == []


async def test_the_second_of_several_waits_for_its_month_and_keeps_its_id(desk: Desk) -> None:
    await desk.rule(**SERVICES)
    bill = await sold_mixed(desk, "40.00", "60.00")
    desk.company.weather.add(kind="hang_up", when="before", every=2, count=1, method="POST")
    while asked(desk, "POST") < 2:
        await desk.work()
        await desk.later()
    await locked(desk, bill)
    await settle(desk)

    sale = await desk.sale(bill)
    assert (sale.status, sale.code) == ("held", MONTH_CLOSED)
    first = {one.external_id for one in desk.notas_of(bill)}
    assert len(first) == 1

    await unlock_month(desk, bill)
    await settle(desk)

    assert (await desk.sale(bill)).status == "issued"
    both = {one.external_id for one in desk.notas_of(bill)}
    assert both == first | {f"p-{desk.tenant}-{bill.id}x2-1"}


async def test_a_person_may_date_it_into_the_month_that_is_open(desk: Desk) -> None:
    bill = await in_doubt(desk)
    await desk.pool.execute("UPDATE notas SET competencia = competencia - interval '2 months'")
    await desk.pool.execute("UPDATE sales SET competencia = competencia - interval '2 months'")
    await locked(desk, bill)
    await settle(desk)
    assert (await desk.sale(bill)).code == MONTH_CLOSED

    assert await ask_part(desk, bill, "issue", None) is None
    await settle(desk)

    assert (await desk.sale(bill)).status == "issued"
    assert len(desk.notas_of(bill)) == 1


async def test_of_a_substitution_whose_month_was_locked_the_old_nota_stands(desk: Desk) -> None:
    bill = await an_issued_sale(desk)
    await settle(desk)
    await substitute(desk, bill)
    desk.company.weather.add(kind="hang_up", when="before", count=1, method="POST")
    for _ in range(3):
        await desk.work()
        await desk.later()
    await locked(desk, bill)
    before = asked(desk, "POST")
    await settle(desk)

    sale = await desk.sale(bill)
    assert (sale.status, sale.attention) == ("issued", MONTH_CLOSED)
    assert asked(desk, "POST") == before
    assert [one.status for one in desk.notas_of(bill)] == ["Autorizada"]
