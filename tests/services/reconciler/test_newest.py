"""In a flood of made-up events the account itself is asked what is new, which is decided first."""

import asyncio
from datetime import timedelta

import pytest

from services.emitter.dispatch import Dispatcher
from services.reconciler.accounts import newest
from services.reconciler.accounts.newest import look_at_refunds_once, look_once
from services.reconciler.services import Services
from services.sandbox.vindi import operations
from services.sandbox.vindi.records import Bill
from shared.db.outbox.outbox_store import LIVE
from shared.db.vindi import oddities_store
from shared.db.vindi.oddities_store import BILLS_UNKNOWN, EVENTS_TOO_MANY
from shared.domain.ids import BillId
from shared.domain.sale import SaleStatus
from tests.services.emitter.conftest import TENANT, Desk
from tests.services.reconciler.conftest import Watch

MADE_UP = 900_000_000
ISSUED = (SaleStatus.ISSUING, SaleStatus.ISSUED)
LANE = "SELECT lane FROM outbox WHERE bill_id = $1"


async def test_a_real_sale_among_thousands_made_up_is_issued_by_one_look(watch: Watch) -> None:
    desk = watch.desk
    bill = await a_sale_in_a_flood(desk, among=3_000)
    requests = watch.requests()

    await look(watch)
    await one_batch(desk)

    assert (await desk.sale(bill)).status in ISSUED
    assert watch.requests() - requests <= 3  # the look, and the customer


async def test_a_sale_whose_event_was_refused_is_issued_by_a_look(watch: Watch) -> None:
    desk = watch.desk
    async with desk.pool.acquire() as conn:
        await oddities_store.note_flood(conn, TENANT, EVENTS_TOO_MANY)
    bill = desk.sell()

    await look(watch)
    await one_batch(desk)

    assert (await desk.sale(bill)).status in ISSUED
    assert await desk.pool.fetchval(LANE, bill.id) == LIVE


async def test_what_was_heard_at_the_moment_of_a_look_is_decided_on_the_next_one(
    watch: Watch,
) -> None:
    desk = watch.desk
    bill = await a_sale_in_a_flood(desk, among=500, heard_ago=timedelta())
    await look(watch)
    await one_batch(desk)
    assert await desk.pool.fetchval(LANE, bill.id) == LIVE

    await heard_before(desk, timedelta(seconds=2))
    await look(watch)
    await one_batch(desk)

    assert (await desk.sale(bill)).status in ISSUED


@pytest.mark.parametrize(
    "faults",
    [{"ignored_filters": {"all"}}, {"unordered": {"bills"}}, {"refused_filters": {"id"}}],
    ids=["filters are ignored", "nothing is sorted", "lists of ids are refused"],
)
async def test_an_account_that_is_odd_shows_what_is_new_all_the_same(
    watch: Watch, faults: dict[str, object]
) -> None:
    desk = watch.desk
    desk.account.faults.change(faults)
    bill = await a_sale_in_a_flood(desk, among=500)

    await look(watch)
    await one_batch(desk)

    assert (await desk.sale(bill)).status in ISSUED


async def test_nobody_is_asked_while_there_is_no_flood(watch: Watch) -> None:
    await watch.desk.sold()
    requests = watch.requests()

    await look(watch)

    assert watch.requests() == requests


async def test_of_all_processes_one_looks_at_a_time(watch: Watch) -> None:
    await a_sale_in_a_flood(watch.desk, among=10)
    requests = watch.requests()

    await asyncio.gather(*(look_once(services(watch)) for _ in range(4)))
    await look_once(services(watch))

    assert watch.requests() - requests == 1


async def test_an_account_that_cannot_be_read_stops_no_other_look(watch: Watch) -> None:
    bill = await a_sale_in_a_flood(watch.desk, among=10)
    watch.desk.account.weather.add(status=500, count=1, path_has="/bills")
    await look(watch)

    await look(watch)
    await one_batch(watch.desk)

    assert (await watch.desk.sale(bill)).status in ISSUED


@pytest.mark.parametrize("plain", [False, True], ids=["filtered", "filters are ignored"])
async def test_what_is_given_back_in_part_in_a_flood_waits_for_a_look_and_no_pass(
    watch: Watch, monkeypatch: pytest.MonkeyPatch, *, plain: bool
) -> None:
    """Its bill shows nothing of it, and its event is one of thousands that have no room."""
    desk = watch.desk
    bill = await desk.sold()
    for _ in range(3):
        await desk.work()
        await desk.later()
    assert (await desk.sale(bill)).status == SaleStatus.ISSUED
    monkeypatch.setattr("services.emitter.dispatch.leaves_enough", lambda *_, **__: False)
    await a_sale_in_a_flood(desk, among=600)
    if plain:
        desk.account.faults.change({"ignored_filters": {"all"}})
    operations.refund(desk.account, bill_id=bill.id, amount="10.00", events=False)
    await desk.heard(BillId(bill.id))

    await look_at_refunds_once(services(watch))
    await one_batch(desk)

    assert (await desk.sale(bill)).attention == "partially_refunded"
    requests = watch.requests()
    await look_at_refunds_once(services(watch))  # its turn is to come
    assert watch.requests() == requests


def test_a_refund_in_a_flood_is_known_within_seconds() -> None:
    longest = newest.REFUNDS_EVERY + newest.POLL
    assert longest <= timedelta(seconds=20)


async def a_sale_in_a_flood(
    desk: Desk, *, among: int, heard_ago: timedelta = timedelta(seconds=5)
) -> Bill:
    """A sale whose event came in the middle of made-up ones; the flood is known to be one."""
    made_up = [BillId(MADE_UP + number) for number in range(among)]
    await desk.heard(*made_up[: among // 2])
    bill = await desk.sold()
    await desk.heard(*made_up[among // 2 :])
    await heard_before(desk, heard_ago)
    async with desk.pool.acquire() as conn:
        await oddities_store.note_flood(conn, TENANT, BILLS_UNKNOWN)
    return bill


async def heard_before(desk: Desk, ago: timedelta) -> None:
    await desk.pool.execute(
        "UPDATE outbox SET heard_at = heard_at - $1::interval, due_at = due_at - $1::interval", ago
    )


async def look(watch: Watch) -> None:
    """The next look, now."""
    await watch.desk.pool.execute(
        "UPDATE vindi_oddities SET seen_at = seen_at - $1::interval WHERE oddity = $2",
        newest.LOOK_EVERY,
        oddities_store.NEWEST_LOOKED,
    )
    await look_once(services(watch))


async def one_batch(desk: Desk) -> None:
    """The most urgent batch that an emitter claims, which has heard of the flood."""
    dispatcher = Dispatcher(tools=desk.tools, worker="test")
    await dispatcher.dispatch_once(lambda: None)
    await dispatcher.drain()


def services(watch: Watch) -> Services:
    return watch.scheduler.services
