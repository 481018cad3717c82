"""What the issuer is asked about many notas keeps no sale of the same tenant from being claimed."""

import asyncio
from datetime import timedelta

from services.emitter.dispatch import REST, Dispatcher
from services.emitter.room import BATCHES_A_TENANT
from services.sandbox.vindi.records import Bill
from shared.db.outbox import claims_store, outbox_store
from shared.db.outbox.outbox_store import LIVE, Mark
from shared.domain.ids import BillId
from shared.net.http import open_session
from tests.services.emitter.conftest import Desk, an_emitter

A_BATCH = 12
A_SECOND = 1  # requests to the issuer: none of these batches ends while we look
MOST_HELD = 200  # `LEAST_HELD`, of all workers together


async def test_a_sale_is_claimed_while_as_many_batches_ask_the_issuer_as_may_run(
    desk: Desk,
) -> None:
    issued = await issued_sales(desk, A_BATCH * BATCHES_A_TENANT)
    async with open_session() as session:
        slow = an_emitter(desk.pool, desk.sandbox, session, parallel=2, per_second=A_SECOND)
        dispatcher = Dispatcher(tools=slow, worker="slow")
        for first in range(0, len(issued), A_BATCH):
            await told_of_notas(desk, issued[first : first + A_BATCH])
            await dispatcher.dispatch_once(lambda: None)
        bill = await desk.sold()

        await dispatcher.dispatch_once(lambda: None)

        assert await state_of(desk, bill) == "leased"
        slow.ending.tell()
        await dispatcher.drain()


async def test_a_sale_is_claimed_while_another_process_holds_all_that_may_be_asked_about(
    desk: Desk,
) -> None:
    issued = [BillId(900_000 + number) for number in range(MOST_HELD)]
    await told_of_notas(desk, issued)
    async with desk.pool.acquire() as conn:
        held = await claims_store.claim_due(
            conn,
            desk.tenant,
            lane=LIVE,
            limit=MOST_HELD,
            lease=timedelta(minutes=1),
            worker="another",
        )
    assert len(held) == MOST_HELD
    bill = await desk.sold()
    async with open_session() as session:
        slow = an_emitter(desk.pool, desk.sandbox, session, parallel=2, per_second=A_SECOND)
        dispatcher = Dispatcher(tools=slow, worker="test")

        await dispatcher.dispatch_once(lambda: None)  # there is no room for more of all that is due
        await asyncio.sleep(REST.total_seconds() + 0.1)
        await dispatcher.dispatch_once(lambda: None)
        await dispatcher.drain()

    assert (await desk.sale(bill)).status in ("issuing", "issued")


async def issued_sales(desk: Desk, count: int) -> list[BillId]:
    bills = [await desk.sold() for _ in range(count)]
    for _ in range(2):
        await desk.work()
        await desk.later()
    return [BillId(bill.id) for bill in bills]


async def told_of_notas(desk: Desk, bills: list[BillId]) -> None:
    """The issuer has news of these notas."""
    marks = [
        Mark(
            tenant_id=desk.tenant,
            bill_id=bill,
            lane=LIVE,
            origin="webhook",
            about_bill=False,
            about_nota=True,
        )
        for bill in bills
    ]
    async with desk.pool.acquire() as conn:
        await outbox_store.mark_due(conn, marks)


async def state_of(desk: Desk, bill: Bill) -> str:
    statement = "SELECT state FROM outbox WHERE bill_id = $1"
    state: str = await desk.pool.fetchval(statement, bill.id)
    return state
