"""Backfills of accounts whose lists, or some of whose bills, are odd: they end, and say what is."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from services.reconciler.accounts import read_list
from services.reconciler.backfill import reading
from services.sandbox.vindi import operations
from services.sandbox.vindi.raw import load_raw
from services.sandbox.vindi.records import Bill
from shared.db.backfill import backfills_store
from shared.domain.backfill_run import OPEN_STATUSES, Backfill
from shared.domain.ids import BackfillId
from tests.services.reconciler.backfill.conftest import Office
from tests.services.reconciler.backfill.test_runs import JUNE
from tests.vendors.bodies import a_bill

AT = "2026-06-10T12:00:00.000-03:00"


def sales(office: Office, count: int) -> None:
    for number in range(count):
        day = f"2026-06-{number % 28 + 1:02d}T12:00:00-03:00"
        office.desk.sell(created_at=day, paid_at=day, known_at=day)


@pytest.mark.parametrize("repeat", [False, True])
async def test_lists_that_do_not_say_how_long_they_are_are_read_to_their_end(
    office: Office, repeat: bool
) -> None:
    sales(office, 20)
    faults = office.desk.account.faults
    faults.lists_without_total = {"all"}
    faults.repeat_pages = {"all"} if repeat else set()

    done = await office.did(*JUNE, dry_run=False)

    assert done.bills == 20
    assert len(await office.taken()) == 20
    assert office.requests() < 60


async def test_full_pages_that_repeat_end_a_run_and_say_so(office: Office) -> None:
    sales(office, 30)
    faults = {"lists_without_total": ["bills"], "repeat_pages": ["bills"], "per_page_cap": 50}
    office.desk.account.faults.change(faults)
    for _ in range(30):
        office.desk.sell(created_at=AT, paid_at=AT, known_at=AT)

    backfill = await office.ask(*JUNE, dry_run=True)
    await office.run()
    ended = await office.get(backfill)

    assert (ended.status, ended.error) == ("failed", "rows_omitted")
    assert office.requests() < 20


@pytest.mark.parametrize(
    "odd",
    [
        {"updated_at": "9999-12-31T23:59:59.000-03:00"},
        {"bill_items": [{"id": 1, "amount": "9e14"}]},
        {"status": ["paid"]},
    ],
)
async def test_a_bill_that_cannot_be_read_is_held_and_the_run_goes_on(
    office: Office, odd: dict[str, Any]
) -> None:
    sales(office, 5)
    body = a_bill(880001, **{"created_at": AT, "updated_at": AT, **odd})
    load_raw(office.desk.account, kind="bills", body=body)

    done = await office.did(*JUNE, dry_run=False)
    await office.desk.work()

    assert done.hold == {"bill_unreadable": 1}
    assert len(office.desk.company.notas) == 5


async def test_a_bill_kept_by_the_run_that_cannot_be_opened_is_held_alone(office: Office) -> None:
    sales(office, 60)
    backfill = await office.ask(*JUNE, dry_run=False)
    run = await office.leased(backfill)
    assert await run.step()
    async with office.pool.acquire() as conn:
        damaged = await conn.fetchval(
            "UPDATE backfill_bills SET body = '\\x00' WHERE bill_id = ("
            "SELECT min(bill_id) FROM backfill_bills WHERE body IS NOT NULL) RETURNING bill_id"
        )
        await conn.execute("UPDATE backfills SET lease_until = NULL")

    await office.run()
    ended = await office.get(backfill)
    await office.desk.work()

    assert damaged is not None
    assert ended.status == "completed"
    assert ended.summary is not None
    assert ended.summary.hold == {"decision_failed": 1}
    assert len(office.desk.company.notas) >= 59


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_list, "PAUSES", (0.001, 0.001, 0.001))
    monkeypatch.setattr(backfills_store, "PAUSES", (timedelta(milliseconds=1),))


async def worked_on(office: Office, backfill: BackfillId) -> Backfill:
    """Work until the run has ended, also after pauses."""
    async with asyncio.timeout(30):
        while (run := await office.get(backfill)).status in OPEN_STATUSES:
            await office.run()
    return run


def sold(office: Office, count: int) -> list[Bill]:
    days = [f"2026-06-{number % 28 + 1:02d}T12:00:00-03:00" for number in range(count)]
    return [office.desk.sell(created_at=day, paid_at=day, known_at=day) for day in days]


@pytest.mark.usefixtures("short_pauses")
@pytest.mark.parametrize(("place", "count"), [(0, 13), (4, 13), (12, 13), (49, 53), (50, 53)])
async def test_a_bill_that_no_list_can_show_is_held_by_name_and_the_rest_taken(
    office: Office, place: int, count: int
) -> None:
    bills = sold(office, count)
    bad = bills.pop(place)
    office.desk.account.faults.change({"broken_rows": {f"bills/{bad.id}"}})

    done = await worked_on(office, await office.ask(*JUNE, dry_run=False))
    await office.desk.work()

    assert (done.status, done.error) == ("completed", None)
    assert done.summary is not None
    assert (done.summary.bills, done.summary.hold) == (count, {"bill_unreadable": 1})
    assert all(office.desk.notas_of(bill) for bill in bills)

    office.desk.account.faults.change({"broken_rows": set()})
    await office.desk.later()
    await office.desk.work()

    assert len(office.desk.notas_of(bad)) == 1


@pytest.mark.usefixtures("short_pauses")
@pytest.mark.parametrize("place", [None, 17])
@pytest.mark.parametrize("unordered", ["all", "bills"])
async def test_a_list_that_is_out_of_order_for_ever_is_read_whole_and_what_it_hides_is_named(
    office: Office, place: int | None, unordered: str
) -> None:
    bills = sold(office, 53)
    bad = None if place is None else bills.pop(place)
    office.desk.account.faults.change({"unordered": {unordered}, "per_page_cap": 20})
    if bad is not None:
        office.desk.account.faults.change({"broken_rows": {f"bills/{bad.id}"}})

    done = await worked_on(office, await office.ask(*JUNE, dry_run=False))
    await office.desk.work()

    assert (done.status, done.error) == ("completed", None)
    assert done.summary is not None
    assert done.summary.bills == 53
    assert done.summary.hold == ({"bill_unreadable": 1} if bad else {})
    assert all(office.desk.notas_of(bill) for bill in bills)


@pytest.mark.usefixtures("short_pauses")
@pytest.mark.parametrize("place", [0, 12])
@pytest.mark.parametrize("cap", [1, 7])
async def test_what_pages_of_a_few_rows_never_show_is_held_by_name_and_the_rest_taken(
    office: Office, place: int, cap: int
) -> None:
    bills = sold(office, 13)
    bad = bills.pop(place)
    faults = {"broken_rows": {f"bills/{bad.id}"}, "per_page_cap": cap}
    office.desk.account.faults.change(faults)

    done = await worked_on(office, await office.ask(*JUNE, dry_run=False))
    await office.desk.work()

    assert (done.status, done.error) == ("completed", None)
    assert done.summary is not None
    assert (done.summary.bills, done.summary.hold) == (13, {"bill_unreadable": 1})
    assert all(office.desk.notas_of(bill) for bill in bills)


@pytest.mark.usefixtures("short_pauses")
async def test_a_bill_that_nothing_names_fails_the_run_once_the_rest_is_taken(
    office: Office,
) -> None:
    bills = sold(office, 13)
    bad = bills.pop(4)
    charges = office.desk.account.charges.rows.values()
    broken = {f"charges/{charge.id}" for charge in charges if charge.bill_id == bad.id}
    office.desk.account.faults.change({"broken_rows": broken | {f"bills/{bad.id}"}})

    done = await worked_on(office, await office.ask(*JUNE, dry_run=False))
    await office.desk.work()

    assert (done.status, done.error) == ("failed", "rows_omitted")
    assert all(office.desk.notas_of(bill) for bill in bills)


@pytest.mark.usefixtures("short_pauses")
async def test_a_total_that_is_wrong_for_ever_fails_the_run_once_the_rest_is_taken(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PAGES_A_LIST", 2)
    office.desk.account.faults.change({"total_off_by": 1, "per_page_cap": 5})
    bills = sold(office, 23)

    done = await worked_on(office, await office.ask(*JUNE, dry_run=False))
    await office.desk.work()

    assert (done.status, done.error) == ("failed", "rows_omitted")
    assert all(office.desk.notas_of(bill) for bill in bills)


@pytest.mark.usefixtures("short_pauses")
async def test_pages_shorter_than_they_say_are_followed_to_the_end(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PAGES_A_LIST", 2)
    office.desk.account.faults.change({"per_page_cap": 5, "per_page_said": 50})
    bills = sold(office, 23)

    done = await worked_on(office, await office.ask(*JUNE, dry_run=False))
    await office.desk.work()

    assert (done.status, done.error) == ("completed", None)
    assert all(office.desk.notas_of(bill) for bill in bills)


@pytest.mark.usefixtures("short_pauses")
@pytest.mark.parametrize("kind", ["customers", "transactions"])
async def test_what_is_never_shown_of_one_sale_holds_it_alone(office: Office, kind: str) -> None:
    bills = sold(office, 4)
    bad = bills.pop()
    account = office.desk.account
    if kind == "customers":
        broken = {f"customers/{bad.customer_id}"}
    else:
        operations.refund(account, bill_id=bad.id, amount="10.00", events=False)
        refunds = account.transactions.rows.values()
        broken = {f"transactions/{one.id}" for one in refunds if one.kind == "refund"}
    account.faults.change({"broken_rows": broken})

    done = await worked_on(office, await office.ask(*JUNE, dry_run=False))
    await office.desk.work()

    assert (done.status, done.error) == ("completed", None)
    assert done.summary is not None
    assert sum(done.summary.hold.values()) == 1
    assert all(office.desk.notas_of(bill) for bill in bills)
    assert not office.desk.notas_of(bad)
