"""On a renewal day a pass does not read over again what is known, and still misses nothing."""

from datetime import UTC, datetime, timedelta

import pytest

from services.reconciler.accounts import run_pass, since
from services.reconciler.accounts.known import KnownRow
from services.reconciler.accounts.since import best_cut
from services.sandbox.vindi import operations
from services.sandbox.vindi.records import Bill
from shared.domain.ids import BillId
from tests.services.reconciler.conftest import Watch

NOON = datetime(2026, 10, 5, 15, 0, tzinfo=UTC)
SALES = 40


def row(number: int, *, stamp: float, read: float) -> KnownRow:
    return KnownRow(
        id=number,
        bill_id=BillId(number),
        stamp=(NOON + timedelta(seconds=stamp)).replace(microsecond=0),
        read_at=NOON + timedelta(seconds=read),
    )


@pytest.fixture(autouse=True)
def small_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(since, "LONG_OVERLAP", 10)
    monkeypatch.setattr(since, "LEAST_SAVED", 5)


@pytest.fixture
async def bills(watch: Watch) -> list[Bill]:
    """A renewal some minutes ago, all of it heard of and worked off; no pass since."""
    watch.desk.sell(created_at=(datetime.now(UTC) - timedelta(minutes=40)).timestamp())
    await watch.pass_once()
    watch.desk.account.faults.change({"per_page_cap": 5})
    async with watch.desk.pool.acquire() as conn:
        await conn.execute(
            "UPDATE reconciler_passes SET bills_mark = now() - interval '10 minutes',"
            " charges_mark = now() - interval '10 minutes',"
            " refunds_mark = now() - interval '10 minutes'"
        )
    sold = [sold_at(watch, timedelta(minutes=4, seconds=n)) for n in range(SALES)]
    await watch.desk.heard(*(BillId(bill.id) for bill in sold))
    await watch.desk.work()
    return sold


def sold_at(watch: Watch, ago: timedelta, *, paid: bool = True) -> Bill:
    at = (datetime.now(UTC) - ago).timestamp()
    return watch.desk.sell(created_at=at, **({"paid_at": at} if paid else {"paid": False}))


async def asked_in_a_pass(watch: Watch) -> int:
    before = watch.requests()
    state = await watch.pass_once()
    assert state.error is None
    return watch.requests() - before


@pytest.mark.usefixtures("bills")
async def test_bills_read_to_be_issued_are_counted_by_a_pass_and_not_read_again(
    watch: Watch,
) -> None:
    # Bills and charges: one page tells that there are many, a count, the empty rest; refunds.
    assert await asked_in_a_pass(watch) == 3 + 3 + 1
    assert await watch.due() == set()


@pytest.mark.usefixtures("bills")
async def test_a_sale_whose_event_was_lost_amid_a_renewal_is_found(watch: Watch) -> None:
    lost = sold_at(watch, timedelta(minutes=4, seconds=20))

    await watch.pass_once()

    assert await watch.due() == {lost.id}


async def test_a_bill_that_changed_after_it_was_read_is_found(
    watch: Watch, bills: list[Bill]
) -> None:
    operations.refund(watch.desk.account, bill_id=bills[7].id, cancel_bill=True)

    await watch.pass_once()

    changed = await watch.stored(bills[7])
    assert changed is not None
    assert changed.status == "canceled"


@pytest.mark.parametrize("ahead", [60, -60])
async def test_a_change_is_found_amid_a_renewal_whatever_clock_vindi_goes_by(
    watch: Watch, bills: list[Bill], ahead: int
) -> None:
    clock = watch.desk.sandbox.clock
    clock.set(clock.now() + ahead)
    watch.desk.account.faults.change({"shuffle_ties": True})
    operations.refund(watch.desk.account, bill_id=bills[7].id, cancel_bill=True)
    lost = sold_at(watch, timedelta(minutes=4, seconds=20))

    await watch.pass_once()

    changed = await watch.stored(bills[7])
    assert changed is not None
    assert changed.status == "canceled"
    assert lost.id in await watch.due()


async def test_one_that_left_and_one_that_is_unknown_do_not_cancel_out(
    watch: Watch, bills: list[Bill]
) -> None:
    operations.refund(watch.desk.account, bill_id=bills[7].id, cancel_bill=True)
    lost = sold_at(watch, timedelta(minutes=4, seconds=20))

    await watch.pass_once()

    changed = await watch.stored(bills[7])
    assert changed is not None
    assert changed.status == "canceled"
    assert await watch.due() == {lost.id}


async def test_bills_read_before_others_changed_are_read_afresh(
    watch: Watch, bills: list[Bill], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(since, "SETTLED_AFTER", timedelta(minutes=2))
    async with watch.desk.pool.acquire() as conn:
        await conn.execute(
            "UPDATE bills SET read_at = updated_at + interval '1 second', status = 'pending'"
            " WHERE bill_id = ANY($1)",
            [bill.id for bill in bills[30:]],
        )
    before = watch.requests()

    await watch.pass_once()

    asked = [entry.path for entry in list(watch.desk.account.journal)[before:]]
    assert any("/bills" in path for path in asked)
    assert await watch.due() == set()


async def test_a_charge_that_changed_without_its_bill_is_found(
    watch: Watch, bills: list[Bill]
) -> None:
    pending = sold_at(watch, timedelta(minutes=5), paid=False)
    await watch.desk.heard(BillId(pending.id))
    await watch.desk.work()
    operations.reject_attempt(watch.desk.account, bill_id=pending.id)

    await watch.pass_once()

    assert await watch.due() == {pending.id}
    assert pending.id not in {bill.id for bill in bills}


async def test_a_pass_gives_way_to_sales_just_heard_of_but_not_for_long(
    watch: Watch, bills: list[Bill], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_pass, "GIVES_WAY_TO", 10)
    await watch.desk.heard(*(BillId(bill.id) for bill in bills[:10]))
    before, started = watch.requests(), await watch.state()

    put_off = await watch.pass_once()

    assert watch.requests() == before
    assert put_off.bills_mark == started.bills_mark
    assert put_off.failures == 0
    async with watch.desk.pool.acquire() as conn:
        await conn.execute("UPDATE reconciler_passes SET complete_at = now() - interval '9 min'")
    read = await watch.pass_once()
    assert read.bills_mark > started.bills_mark


def test_the_cut_is_where_most_was_changed_and_not_yet_read() -> None:
    rows = [row(n, stamp=n / 10, read=30 + n) for n in range(100)]

    cut = best_cut(rows, settled_after=timedelta(seconds=5))

    assert cut == NOON + timedelta(seconds=10)


def test_there_is_no_cut_where_all_is_read_at_once() -> None:
    rows = [row(n, stamp=n, read=n + 1) for n in range(100)]

    assert best_cut(rows, settled_after=timedelta(seconds=5)) is None


def test_there_is_no_cut_of_nothing() -> None:
    assert best_cut([], settled_after=timedelta(seconds=5)) is None
