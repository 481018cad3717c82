"""Backfills of accounts whose lists, or some of whose bills, are odd: they end, and say what is."""

from typing import Any

import pytest

from services.sandbox.vindi.raw import load_raw
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
