"""Pages that fail, or do not add up, for ever: what else can be read is read and issued."""

from datetime import UTC, datetime, timedelta

import pytest

from services.reconciler.accounts import read_list
from services.sandbox.vindi import operations
from services.sandbox.vindi.records import Bill
from tests.services.reconciler.conftest import Watch
from tests.services.reconciler.test_odd_rows import health


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_list, "PAUSES", (0.001, 0.001, 0.001))


async def issued(watch: Watch, bills: list[Bill]) -> list[bool]:
    await watch.desk.work()
    return [bool(watch.desk.notas_of(bill)) for bill in bills]


async def test_a_list_whose_total_is_one_too_many_for_ever_hides_no_sale(watch: Watch) -> None:
    watch.desk.account.faults.change({"total_off_by": 1})
    bills = [watch.desk.sell() for _ in range(4)]

    state = await watch.pass_once()

    assert state.error == "total_disagrees"
    assert all(await issued(watch, bills))


async def test_pages_shorter_than_they_say_are_followed_to_the_end(watch: Watch) -> None:
    watch.desk.account.faults.change({"per_page_cap": 5, "per_page_said": 50})
    bills = [watch.desk.sell() for _ in range(13)]

    state = await watch.pass_once()

    assert state.error is None
    assert all(await issued(watch, bills))


async def test_a_bill_that_no_list_can_show_hides_no_other(watch: Watch) -> None:
    bills = [watch.desk.sell() for _ in range(13)]
    bad = bills.pop(4)
    watch.desk.account.faults.change({"broken_rows": {f"bills/{bad.id}"}})

    state = await watch.pass_once()

    assert state.error == "vindi_unavailable"
    assert all(await issued(watch, bills))
    assert (await health(watch, "last_pass")).status != "ok"

    watch.desk.account.faults.change({"broken_rows": set()})
    assert (await watch.pass_once()).error is None
    assert all(await issued(watch, [bad]))


async def test_a_bill_that_no_list_can_show_hides_no_other_of_the_newest(watch: Watch) -> None:
    watch.desk.account.faults.change({"ignored_filters": {"updated_at"}})
    bills = [watch.desk.sell() for _ in range(13)]
    bad = bills.pop(4)
    watch.desk.account.faults.change({"broken_rows": {f"bills/{bad.id}"}})

    await watch.pass_once()

    assert all(await issued(watch, bills))


@pytest.mark.parametrize("cap", [{"per_page_cap": 5}, {"per_page_cap": 7}, {"per_page_cap": 20}])
@pytest.mark.parametrize("place", [4, 29])
@pytest.mark.parametrize("said", [{}, {"per_page_said": 50}])
async def test_a_bill_that_no_list_can_show_hides_no_other_whatever_a_page_holds(
    watch: Watch, cap: dict[str, int], place: int, said: dict[str, int]
) -> None:
    bills = [watch.desk.sell() for _ in range(30)]
    bad = bills.pop(place)
    watch.desk.account.faults.change({"broken_rows": {f"bills/{bad.id}"}, **cap, **said})

    state = await watch.pass_once()

    assert state.error in ("vindi_unavailable", "total_disagrees")
    assert all(await issued(watch, bills))


async def test_a_list_neither_filtered_nor_in_order_hides_no_sale(watch: Watch) -> None:
    watch.desk.account.faults.change(
        {"ignored_filters": {"all"}, "unordered": {"all"}, "per_page_cap": 5}
    )
    made = [datetime.now(UTC) - timedelta(minutes=number) for number in range(23)]
    days = [at.replace(microsecond=0).isoformat() for at in made]
    bills = [watch.desk.sell(created_at=at, paid_at=at) for at in days]

    state = await watch.pass_once()

    assert state.error == "order_ignored"
    assert all(await issued(watch, bills))


async def test_a_refund_whose_charge_cannot_be_read_hides_no_other_refund(watch: Watch) -> None:
    bills = [watch.desk.sell() for _ in range(3)]
    await watch.pass_once()
    await watch.desk.work()
    bad, *others = bills
    for bill in bills:
        operations.refund(watch.desk.account, bill_id=bill.id, amount="10.00", events=False)
    charges = watch.desk.account.charges.rows.values()
    broken = {f"charges/{charge.id}" for charge in charges if charge.bill_id == bad.id}
    watch.desk.account.faults.change({"broken_rows": broken})

    await watch.pass_once()
    await watch.desk.work()

    assert [(await watch.desk.sale(bill)).attention for bill in others] == [
        "partially_refunded",
        "partially_refunded",
    ]
    watch.desk.account.faults.change({"broken_rows": set()})
    await watch.pass_once()
    await watch.desk.work()
    assert (await watch.desk.sale(bad)).attention == "partially_refunded"
