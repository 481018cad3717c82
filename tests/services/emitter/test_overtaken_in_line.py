"""What is committed while notas wait for their turn at the issuer, their intents written."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest
import pytest_asyncio

from services.emitter.dispatch import Dispatcher
from services.emitter.in_line import WAITED, InLine
from services.sandbox.vindi.records import Bill
from shared.db.outbox import claims_store, outbox_store
from shared.db.outbox.outbox_store import Entry
from shared.domain.ids import BillId
from shared.net.http import open_session
from shared.run.tasks import end_task
from tests.services.emitter.conftest import Desk, an_emitter
from tests.services.emitter.test_cancel_in_line import charged_back, heard
from tests.services.emitter.test_doubt_while_paused import active, paused

MANY = 60
A_SECOND = 5
PATIENCE = timedelta(seconds=60)
# One is on the wire, and one may follow before the next look; a third where a machine is slow.
MAY_LEAVE_STILL = 3


@pytest_asyncio.fixture
async def slow(desk: Desk) -> AsyncIterator[Desk]:
    """An emitter whose issuer takes five requests a second, with a look at the line beside it."""
    async with open_session() as session:
        desk.tools = an_emitter(desk.pool, desk.sandbox, session, parallel=4, per_second=A_SECOND)
        looking = asyncio.create_task(desk.tools.leases.line.look_for_ever(desk.pool))
        yield desk
        await end_task(looking)


def left(desk: Desk) -> int:
    return sum(call.method == "POST" for call in desk.sandbox.enotas.journal)


def in_line_of(desk: Desk) -> list[BillId]:
    return [bill for _tenant, bill, _attempt in desk.tools.leases.line._since]


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE.total_seconds()):
        while not holds():
            await asyncio.sleep(0.02)


async def in_line(desk: Desk) -> tuple[list[Bill], asyncio.Task[None]]:
    """Sixty sales, of which some have left and a dozen wait with their intents written."""
    bills = [await desk.sold() for _ in range(MANY)]

    async def work() -> None:
        dispatcher = Dispatcher(tools=desk.tools, worker="slow")
        while await dispatcher.dispatch_once(lambda: None):
            await dispatcher.drain()

    working = asyncio.create_task(work())
    await until(lambda: left(desk) >= 2 * A_SECOND and len(in_line_of(desk)) >= 2 * A_SECOND)
    return bills, working


async def not_asked_for(desk: Desk, bills: list[Bill]) -> list[Bill]:
    rows = await desk.pool.fetch("SELECT bill_id FROM notas")
    asked = {row["bill_id"] for row in rows}
    return [bill for bill in bills if bill.id not in asked]


async def test_after_a_pause_nothing_leaves_but_what_is_on_the_wire(slow: Desk) -> None:
    bills, working = await in_line(slow)

    await paused(slow)
    before = left(slow)
    await working

    assert left(slow) - before <= MAY_LEAVE_STILL
    assert len(await not_asked_for(slow, bills)) == MANY - left(slow)  # no intent stands

    await active(slow)
    async with open_session() as session:  # at a pace that a test can wait for
        slow.tools = an_emitter(slow.pool, slow.sandbox, session)
        await slow.work()

    assert {len(slow.notas_of(bill)) for bill in bills} == {1}


async def test_a_sale_given_back_while_its_nota_waits_in_line_is_decided_again(slow: Desk) -> None:
    bills, working = await in_line(slow)
    stands = [bill for bill in bills if BillId(bill.id) in in_line_of(slow)][-3:]
    gone = [bill for bill in stands if not slow.notas_of(bill)]

    for bill in gone:
        charged_back(slow, bill)
        await heard(slow.pool, slow, bill)
    await working

    assert gone
    assert {len(slow.notas_of(bill)) for bill in gone} == {0}
    assert len(await not_asked_for(slow, gone)) == len(gone)


async def test_where_nobody_waits_nothing_is_asked_of_the_database(slow: Desk) -> None:
    """Nor while what has just come waits for its turn: most of it leaves at once."""
    line = InLine()
    [entry] = await an_entry(slow)

    assert await line.look_once(slow.pool) == 0
    line.stand(entry)
    assert await line.look_once(slow.pool) == 0
    await asyncio.sleep(WAITED.total_seconds() * 1.1)
    assert await line.look_once(slow.pool) == 1
    assert line.may_leave(entry)
    line.go(entry)
    assert await line.look_once(slow.pool) == 0


@pytest.mark.parametrize("change", ["news", "pause"])
async def test_what_is_overtaken_may_not_leave_until_it_is_decided_again(
    slow: Desk, change: str
) -> None:
    line = InLine()
    [entry] = await an_entry(slow)
    line.stand(entry)
    await asyncio.sleep(WAITED.total_seconds() * 1.1)

    if change == "pause":
        await paused(slow)
    else:
        await slow.heard(entry.bill_id)
    await line.look_once(slow.pool)

    assert not line.may_leave(entry)
    line.go(entry)
    line.stand(entry)  # under another attempt, in earnest
    assert line.may_leave(entry)


async def an_entry(desk: Desk) -> list[Entry]:
    await desk.sold()
    async with desk.pool.acquire() as conn:
        return await claims_store.claim_due(
            conn,
            desk.tenant,
            lane=outbox_store.LIVE,
            limit=1,
            lease=timedelta(minutes=1),
            worker="test",
        )
