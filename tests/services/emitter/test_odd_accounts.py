"""Accounts that answer oddly: one failure reaches one sale, and what was read is used."""

import asyncio
import contextlib
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from services.sandbox.vindi import operations
from services.sandbox.vindi.raw import load_raw
from services.sandbox.vindi.records import Bill
from shared.domain.ids import BillId
from shared.domain.sale import SaleStatus
from shared.vindi.budget import Budget
from tests.services.emitter.conftest import Desk
from tests.vendors.bodies import a_bill as a_bill_body


async def statuses(desk: Desk, bills: list[Bill]) -> list[str]:
    return [(await desk.sale(bill)).status.value for bill in bills]


async def entry(desk: Desk, bill: BillId) -> Any:
    async with desk.pool.acquire() as conn:
        return await conn.fetchrow(
            "SELECT state, tries, due_at > now() AS later FROM outbox WHERE bill_id = $1", bill
        )


async def test_a_bill_that_vindi_refuses_is_held_alone_and_looked_at_again(desk: Desk) -> None:
    desk.account.faults.refused_filters = {"id"}
    bills = [await desk.sold() for _ in range(8)]
    bad = bills[3]
    desk.account.weather.add(status=422, path_has=f"/bills/{bad.id}")

    await desk.work()
    await desk.work()

    held = await desk.sale(bad)
    assert (held.status, held.code) == (SaleStatus.HELD, "bill_unreadable")
    others = [bill for bill in bills if bill is not bad]
    assert set(await statuses(desk, others)) <= {"issuing", "issued"}
    assert all(desk.notas_of(bill) for bill in others)
    row = await entry(desk, BillId(bad.id))
    assert (row["state"], row["tries"], row["later"]) == ("due", 1, True)

    desk.account.weather.clear()
    await desk.later(timedelta(minutes=2))
    await desk.work()
    assert desk.notas_of(bad)


async def test_a_customer_that_vindi_refuses_holds_its_own_sale(desk: Desk) -> None:
    desk.account.faults.refused_filters = {"id"}
    bills = [await desk.sold() for _ in range(4)]
    desk.account.weather.add(status=422, path_has=f"/customers/{bills[0].customer_id}")

    await desk.work()

    held = await desk.sale(bills[0])
    assert (held.status, held.code) == (SaleStatus.HELD, "customer_unreadable")
    assert all(desk.notas_of(bill) for bill in bills[1:])
    assert (await entry(desk, BillId(bills[0].id)))["state"] == "due"


async def test_where_charge_id_is_ignored_each_sale_still_gets_its_own_refunds(desk: Desk) -> None:
    desk.account.faults.ignored_filters = {"charge_id"}
    bills = [desk.sell() for _ in range(6)]
    operations.refund(desk.account, bill_id=bills[2].id, amount="20.00", events=False)
    operations.refund(desk.account, bill_id=bills[4].id, events=False)
    await desk.heard(*(BillId(bill.id) for bill in bills))

    await desk.work()

    codes = [(await desk.sale(bill)).code for bill in bills]
    assert (codes[2], codes[4]) == ("partially_refunded", "refunded")
    assert all(desk.notas_of(bills[n]) for n in (0, 1, 3, 5))


async def test_where_refunds_cannot_be_asked_for_only_sales_that_may_have_some_are_held(
    desk: Desk,
) -> None:
    desk.account.faults.refused_filters = {"charge_id", "transaction_type"}
    bills = [desk.sell() for _ in range(4)]
    operations.refund(desk.account, bill_id=bills[0].id, amount="20.00", events=False)
    await desk.heard(*(BillId(bill.id) for bill in bills))

    await desk.work()

    held = await desk.sale(bills[0])
    assert (held.status, held.code) == (SaleStatus.HELD, "bill_unreadable")
    assert all(desk.notas_of(bill) for bill in bills[1:])


def paid(at: str) -> dict[str, Any]:
    return {"charges": [{"id": 5, "status": "paid", "amount": "1.0", "paid_at": at}]}


@pytest.mark.parametrize(
    "odd",
    [
        {"created_at": "9999-12-31T23:59:59.000-03:00"},
        paid("9999-12-31T00:00:00.000-03:00"),
        paid("0001-01-01T00:00:00.000+03:00"),
        {"amount": "99999999999999.0"},
    ],
)
async def test_a_bill_of_another_century_is_held_and_its_batch_goes_on(
    desk: Desk, odd: dict[str, Any]
) -> None:
    bills = [await desk.sold() for _ in range(20)]
    body = a_bill_body(880001, customer={"id": bills[0].customer_id, "name": "Cliente"}, **odd)
    load_raw(desk.account, kind="bills", body=body)
    await desk.heard(BillId(880001))

    await desk.work()

    async with desk.pool.acquire() as conn:
        row = await conn.fetchrow(
            "SELECT status, code, unread IS NOT NULL FROM sales WHERE bill_id = 880001"
        )
    assert row is not None
    assert tuple(row) == ("held", "bill_unreadable", True)
    assert all(desk.notas_of(bill) for bill in bills)


async def test_an_account_that_ignores_or_makes_progress_in_each_window(desk: Desk) -> None:
    """Eighty customers' sales cost 3 × 80 single requests, and a window has room for 60."""
    window = timedelta(seconds=4)
    desk.account.faults.ignore_or_filters = True
    desk.account.rate.limit, desk.account.rate.length = 60, window.total_seconds()
    desk.tools.clients._budget = Budget(None, per_window=60, window=window)
    bills = [desk.sell() for _ in range(80)]
    await desk.heard(*(BillId(bill.id) for bill in bills))
    per_window: list[int] = []

    working = asyncio.create_task(_work_for_ever(desk))
    try:
        async with asyncio.timeout(180):
            while (done := _sent(desk)) < 80:
                per_window.append(done)
                await asyncio.sleep(window.total_seconds())
    finally:
        working.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await working

    assert all(later > before for before, later in pairwise(per_window[1:]))
    asked = [one for one in desk.account.journal if one.status == 200]
    assert len(asked) <= 2 * 80 + 60
    assert not [one for one in desk.account.journal if one.status == 429]


async def _work_for_ever(desk: Desk) -> None:
    while True:
        await desk.work()
        await asyncio.sleep(0.2)


def _sent(desk: Desk) -> int:
    return len(desk.company.notas)
