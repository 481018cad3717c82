"""Intents are written only as far as their requests can leave soon."""

import asyncio

from services.emitter.acting.ahead import KeyRoom, KeyRooms
from services.emitter.dispatch import Dispatcher
from shared.commands.actions import Asked, act
from shared.domain.ids import BillId, TenantId
from shared.net.http import open_session
from shared.run.waker import Waker
from tests.services.emitter.conftest import Desk, an_emitter
from tests.services.emitter.test_leaving import count, until

MANY = 60
A_SECOND = 5
PARALLEL = 2
ROOM = PARALLEL + 2 * A_SECOND
ONE = TenantId("tone")
ANOTHER = TenantId("tanother")


def test_a_key_has_room_for_what_is_under_way_and_two_seconds_more() -> None:
    rooms = KeyRooms(parallel=PARALLEL, per_second=A_SECOND)

    assert rooms.of(None, for_backfill=False).size == ROOM
    assert rooms.of(None, for_backfill=False) is rooms.of(None, for_backfill=False)
    assert rooms.of(None, for_backfill=False) is not rooms.of(None, for_backfill=True)


async def test_who_came_first_gets_the_room_that_is_freed_first() -> None:
    room = KeyRoom(size=8)
    assert await room.take(100, ONE) == 8
    got: list[tuple[str, int]] = []

    async def wait(who: str, wanted: int) -> None:
        got.append((who, await room.take(wanted, ONE)))

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        group.create_task(wait("first", 100))
        await asyncio.sleep(0)
        group.create_task(wait("second", 1))
        for _ in range(3):
            await asyncio.sleep(0)
            room.give_back(ONE)

    assert got == [("first", 2), ("second", 1)]


async def test_a_single_sale_passes_the_hundreds_of_another_tenant_of_its_key() -> None:
    room = KeyRoom(size=8)
    await room.take(8, ONE)
    got: list[tuple[TenantId, int]] = []

    async def wait(tenant: TenantId, wanted: int) -> None:
        got.append((tenant, await room.take(wanted, tenant)))

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        for _ in range(2):
            group.create_task(wait(ONE, 100))
        for _ in range(2):
            group.create_task(wait(ANOTHER, 2))
        await asyncio.sleep(0.01)
        at_once = list(got)
        for taken in (8, 7):
            room.give_back(ONE, taken)
            await asyncio.sleep(0.01)

    assert at_once == [(ANOTHER, 1)], "the first, though there is no room"
    assert got[1:] == [(ONE, 7), (ANOTHER, 2), (ONE, 5)]


async def test_a_wait_for_room_that_is_broken_off_takes_none() -> None:
    room = KeyRoom(size=2)
    await room.take(2, ONE)
    waits = asyncio.create_task(room.take(2, ONE))
    await asyncio.sleep(0)

    waits.cancel()
    await asyncio.gather(waits, return_exceptions=True)
    room.give_back(ONE, 2)

    async with asyncio.timeout(5):
        assert await room.take(2, ONE) == 2


async def test_of_many_due_sales_few_are_ever_in_doubt_and_all_are_issued(desk: Desk) -> None:
    bills = [await desk.sold() for _ in range(MANY)]
    most = 0
    async with open_session() as session:
        slow = an_emitter(desk.pool, desk.sandbox, session, parallel=PARALLEL, per_second=A_SECOND)
        dispatcher = Dispatcher(tools=slow, worker="slow")
        await dispatcher.dispatch_once(lambda: None)
        draining = asyncio.create_task(dispatcher.drain())
        while not draining.done():
            most = max(most, await count(desk, "status = 'sending'"))
            await asyncio.sleep(0.02)

    await desk.work()  # whose turn did not come is put off, and in no doubt

    assert 0 < most <= ROOM
    assert all(len(desk.notas_of(bill)) == 1 for bill in bills)


async def test_a_hold_reaches_what_stands_in_line(desk: Desk) -> None:
    bills = [await desk.sold() for _ in range(MANY)]
    async with open_session() as session:
        slow = an_emitter(desk.pool, desk.sandbox, session, parallel=PARALLEL, per_second=A_SECOND)
        dispatcher = Dispatcher(tools=slow, worker="slow")
        await dispatcher.dispatch_once(lambda: None)
        await until(lambda: count(desk, "status <> 'sending'"))
        stands = {row["bill_id"] for row in await desk.pool.fetch("SELECT bill_id FROM notas")}
        in_line = [bill for bill in bills if bill.id not in stands]
        ids = [BillId(bill.id) for bill in in_line[::-1]]
        asked = Asked(action="hold", reason="teste", by="pessoa")
        await act(desk.pool, Waker("redis://nobody.invalid"), desk.tenant, ids, asked)
        await dispatcher.drain()
    await desk.work()

    assert len(in_line) >= MANY - 2 * ROOM
    held = [bill for bill in in_line if not desk.notas_of(bill)]
    assert len(held) >= MANY - 3 * ROOM
    assert {(await desk.sale(bill)).status for bill in held} == {"held"}
