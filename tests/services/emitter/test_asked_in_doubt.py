"""What a person asks for of a doubted tenant waits for no talk of others'."""

import asyncio
from datetime import timedelta

import pytest

from services.emitter.dispatch import Dispatcher
from services.emitter.turns import IMPORTED, Turns
from services.sandbox.vindi.records import Bill
from shared.commands.actions import Asked, act
from shared.db.outbox import claims_store, outbox_store, outbox_wakes
from shared.db.outbox.outbox_store import BACKFILL, LIVE, Entry, Mark
from shared.db.vindi import oddities_store
from shared.domain.actions import SaleAction
from shared.domain.ids import BillId
from shared.run.waker import Waker
from tests.services.emitter.conftest import Desk

PATIENCE = 30.0
A_WAKER = Waker("redis://127.0.0.1:1")  # remembers a ring; nobody sends it here


@pytest.fixture(autouse=True)
def hearsay_has_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a flood that takes all that hearsay may take."""
    monkeypatch.setattr("services.emitter.dispatch.leaves_enough", lambda *_, **__: False)


async def test_a_sale_that_is_issued_on_request_is_no_hearsay(desk: Desk) -> None:
    bill = await a_held_sale(desk)
    await doubt(desk)
    await desk.heard(BillId(bill.id))
    await desk.work()
    assert (await desk.sale(bill)).status == "held"  # it waits, as it should

    await ask(desk, bill, "issue")
    await desk.heard(BillId(bill.id))  # they go on talking of it
    await desk.work()

    assert (await desk.sale(bill)).status in ("issuing", "issued")


async def test_a_nota_is_cancelled_on_request_though_its_bill_is_talked_of(desk: Desk) -> None:
    bill = await desk.sold()
    await desk.work()
    await desk.later()
    await desk.work()
    await doubt(desk)
    await desk.heard(BillId(bill.id))

    await ask(desk, bill, "cancel")
    await desk.work()

    assert (await desk.sale(bill)).status in ("cancelling", "cancelled")


async def test_what_a_person_lets_go_on_otherwise_is_no_hearsay_either(desk: Desk) -> None:
    """By a brake that is released, a cause that is tried again, a word about the city hall."""
    bill = BillId(desk.sell().id)
    await desk.heard(bill)
    async with desk.pool.acquire() as conn:
        await outbox_wakes.wake(conn, desk.tenant, [bill], about_bill=True, asked=True)

    assert [one.bill_id for one in await claimed(desk, hearsay=False)] == [bill]


async def test_once_it_was_read_what_is_said_of_it_is_hearsay_again(desk: Desk) -> None:
    bill = await a_held_sale(desk)
    await doubt(desk)
    await ask(desk, bill, "issue")
    await desk.work()
    await desk.heard(BillId(bill.id))

    [entry] = await claimed(desk, hearsay=True)

    assert entry.is_hearsay


async def test_a_request_that_comes_while_the_sale_is_worked_on_is_not_lost(desk: Desk) -> None:
    bill = await a_held_sale(desk)
    await desk.heard(BillId(bill.id))
    [entry] = await claimed(desk)

    await ask(desk, bill, "issue")
    async with desk.pool.acquire() as conn:
        now = await conn.fetchval("SELECT now()")
        done = outbox_store.Settlement(
            bill_id=entry.bill_id,
            attempt=entry.attempt,
            generation=entry.generation,
            due_at=None,
            bill_facts_read=entry.bill_facts,
        )
        await outbox_store.settle(conn, desk.tenant, [done], now=now)

    [entry] = await claimed(desk, hearsay=False)
    assert entry.bill_changed
    assert not entry.is_hearsay


async def test_a_wish_for_what_was_named_and_never_shown_is_not_put_last(desk: Desk) -> None:
    bill = BillId(desk.sell().id)
    await desk.heard(bill)
    async with desk.pool.acquire() as conn:
        asked = Mark(tenant_id=desk.tenant, bill_id=bill, lane=LIVE, origin="webhook", asked=True)
        await outbox_store.mark_due(conn, [asked])

        assert await outbox_store.put_unproven_last(conn, desk.tenant, unlooked=True) == 0


async def test_an_import_does_not_stand_behind_what_was_put_last(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.emitter.dispatch.leaves_enough", lambda *_, **__: True)
    imported = BillId(desk.sell().id)
    await desk.heard(*(BillId(900_000_000 + number) for number in range(600)))
    async with desk.pool.acquire() as conn:
        await outbox_store.put_unproven_last(conn, desk.tenant, unlooked=True)
        mark = Mark(
            tenant_id=desk.tenant, bill_id=imported, lane=BACKFILL, origin="backfill", asked=True
        )
        await outbox_store.mark_due(conn, [mark])
    await doubt(desk)
    dispatcher = Dispatcher(tools=desk.tools, worker="test")

    assert await dispatcher.dispatch_once(lambda: None) == 1
    await dispatcher.drain()


def test_where_no_import_was_found_none_is_looked_for_at_once(desk: Desk) -> None:
    turns = Turns()
    assert IMPORTED in turns.of(desk.tenant, {LIVE, BACKFILL}, doubted=True)

    turns.found_none(desk.tenant, IMPORTED)

    assert IMPORTED not in turns.of(desk.tenant, {LIVE, BACKFILL}, doubted=True)


async def a_held_sale(desk: Desk) -> Bill:
    """One that waits for a person, read and decided."""
    await desk.rule(issue_when="manual")
    bill = await desk.sold()
    await desk.work()
    assert (await desk.sale(bill)).status == "held"
    return bill


async def doubt(desk: Desk) -> None:
    """Some process has seen a flood of this tenant's events."""
    async with desk.pool.acquire() as conn:
        await oddities_store.note_flood(conn, desk.tenant, oddities_store.EVENTS_VAIN)
        async with asyncio.timeout(PATIENCE):
            while not desk.tools.doubts.of(desk.tenant):  # it listens once a second
                await desk.tools.doubts.hear_any_tenant(conn)
                await asyncio.sleep(0.05)


async def ask(desk: Desk, bill: Bill, action: SaleAction) -> None:
    asked = Asked(action=action, reason="conferido", by="ana")
    outcome = await act(desk.pool, A_WAKER, desk.tenant, [BillId(bill.id)], asked)
    assert outcome.accepted == 1


async def claimed(desk: Desk, *, hearsay: bool | None = None) -> list[Entry]:
    async with desk.pool.acquire() as conn:
        return await claims_store.claim_due(
            conn,
            desk.tenant,
            lane=LIVE,
            limit=10,
            lease=timedelta(minutes=1),
            worker="test",
            hearsay=hearsay,
        )
