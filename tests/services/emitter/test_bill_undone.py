"""Whatever becomes of a bill before, during or after its nota ends in a name, never in silence."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from services.sandbox.vindi import operations
from services.sandbox.vindi.payments import issue_charge
from services.sandbox.vindi.records import Bill
from shared.domain.ids import BillId
from tests.services.emitter.conftest import Desk

Change = Callable[[Desk, Bill], object]


def given_back(desk: Desk, bill: Bill) -> None:
    operations.refund(desk.account, bill_id=bill.id, events=False)


def a_part_given_back(desk: Desk, bill: Bill) -> None:
    operations.refund(desk.account, bill_id=bill.id, amount="20.00", events=False)


def given_back_above_its_payment(desk: Desk, bill: Bill) -> None:
    given_back(desk, bill)
    for charge in bill.charge_ids:
        desk.account.charges.rows[charge].cents -= 1_000


def disputed(desk: Desk, bill: Bill) -> None:
    operations.chargeback(desk.account, bill_id=bill.id, as_refund=False)


def disputed_as_a_refund(desk: Desk, bill: Bill) -> None:
    operations.chargeback(desk.account, bill_id=bill.id, as_refund=True)


def canceled(desk: Desk, bill: Bill) -> None:
    operations.cancel_bill(desk.account, bill_id=bill.id)


def changed(desk: Desk, bill: Bill) -> None:
    operations.edit_bill(desk.account, bill_id=bill.id, amount="150.00", line_amounts=["150.00"])


def moved(desk: Desk, bill: Bill) -> None:
    desk.account.changing("bills", bill)
    bill.customer_id = operations.create_customer(desk.account, name="Outro Fictício").id
    desk.account.changed("bills", bill)


def paid_twice(desk: Desk, bill: Bill) -> None:
    issue_charge(desk.account, bill, events=False)
    reopened(desk, bill)
    operations.pay_bill(desk.account, bill_id=bill.id, events=False)


def reopened(desk: Desk, bill: Bill) -> None:
    desk.account.changing("bills", bill)
    bill.status = "pending"
    desk.account.changed("bills", bill)


@dataclass(frozen=True, slots=True)
class Ends:
    """How a sale is shown, and how many valid notas the issuer has for it."""

    status: str
    code: str | None = None
    attention: str | None = None
    valid: int = 1


KEPT = Ends("issued", attention="kept_by_rule")
BY_DEFAULT: list[tuple[Change, Ends]] = [
    (given_back, Ends("cancelled", "refunded", valid=0)),
    (a_part_given_back, Ends("issued", attention="partially_refunded")),
    (
        given_back_above_its_payment,
        Ends("cancelled", "refunded", "refunded_above_payment", valid=0),
    ),
    (disputed, Ends("issued", attention="payment_undone")),
    (disputed_as_a_refund, Ends("cancelled", "refunded", valid=0)),
    (canceled, Ends("cancelled", "bill_canceled", valid=0)),
    (changed, Ends("issued", attention="bill_changed_after_issue")),
    (moved, Ends("issued", attention="bill_moved_after_issue")),
    (paid_twice, Ends("issued", attention="paid_twice")),
    (reopened, Ends("issued", attention="bill_reopened_after_issue")),
]
BY_CHOICE: list[tuple[dict[str, Any], Change, Ends]] = [
    ({"full": "hold"}, given_back, Ends("issued", attention="refunded")),
    ({"full": "nothing"}, given_back, KEPT),
    ({"partial": "cancel"}, a_part_given_back, Ends("cancelled", "partially_refunded", valid=0)),
    ({"partial": "nothing"}, a_part_given_back, KEPT),
    ({"chargeback": "cancel"}, disputed, Ends("cancelled", "payment_undone", valid=0)),
    ({"chargeback": "nothing"}, disputed, KEPT),
    ({"bill_canceled": "hold"}, canceled, Ends("issued", attention="bill_canceled")),
    ({"bill_canceled": "nothing"}, canceled, KEPT),
    (
        {"city_window": {"days_after_issue": 365}},
        given_back,
        Ends("cancelled", "refunded", valid=0),
    ),
]
BEFORE: list[tuple[Change, Ends]] = [
    (given_back, Ends("skipped", "refunded", valid=0)),
    (a_part_given_back, Ends("held", "partially_refunded", valid=0)),
    (
        given_back_above_its_payment,
        Ends("skipped", "refunded", "refunded_above_payment", valid=0),
    ),
    (disputed, Ends("held", "payment_undone", valid=0)),
    (canceled, Ends("skipped", "bill_canceled", valid=0)),
    (moved, Ends("held", "customer_document_missing", valid=0)),
    (paid_twice, Ends("issued", attention="paid_twice")),
    (reopened, Ends("waiting_payment", valid=0)),
]


async def settle(desk: Desk, bill: Bill) -> None:
    """Let the bill be heard of and everything that follows come to its end."""
    await desk.heard(BillId(bill.id))
    for _ in range(3):
        await desk.work()
        await desk.later()
    await desk.work()


async def ends(desk: Desk, bill: Bill) -> Ends:
    sale = await desk.sale(bill)
    valid = [nota for nota in desk.notas_of(bill) if nota.status == "Autorizada"]
    assert desk.sandbox.enotas.invariants.report()["ok"]
    return Ends(sale.status.value, sale.code, sale.attention, len(valid))


def name_of(value: object) -> str | None:
    return getattr(value, "__name__", None)


@pytest.mark.parametrize(("change", "expected"), BY_DEFAULT, ids=name_of)
async def test_after_the_nota_it_has_a_name(desk: Desk, change: Change, expected: Ends) -> None:
    bill = desk.sell()
    await settle(desk, bill)

    change(desk, bill)
    await settle(desk, bill)

    assert await ends(desk, bill) == expected


@pytest.mark.parametrize(("change", "expected"), BY_DEFAULT, ids=name_of)
async def test_while_the_issuer_works_it_comes_to_the_same(
    desk: Desk, change: Change, expected: Ends
) -> None:
    bill = await desk.sold()
    await desk.work()
    assert (await desk.sale(bill)).status == "issuing"

    change(desk, bill)
    await settle(desk, bill)

    assert await ends(desk, bill) == expected


@pytest.mark.parametrize(("change", "expected"), BEFORE, ids=name_of)
async def test_before_the_nota_it_has_a_name(desk: Desk, change: Change, expected: Ends) -> None:
    bill = desk.sell()

    change(desk, bill)
    await settle(desk, bill)

    assert await ends(desk, bill) == expected


@pytest.mark.parametrize(("policy", "change", "expected"), BY_CHOICE, ids=name_of)
async def test_the_tenants_choice_is_done(
    desk: Desk, policy: dict[str, Any], change: Change, expected: Ends
) -> None:
    await desk.rule(refunds=policy)
    bill = desk.sell()
    await settle(desk, bill)

    change(desk, bill)
    await settle(desk, bill)

    assert await ends(desk, bill) == expected


async def test_past_the_citys_window_nothing_is_asked_until_a_person_does(desk: Desk) -> None:
    await desk.rule(refunds={"city_window": {"days_after_issue": 3}})
    bill = desk.sell()
    await settle(desk, bill)
    async with desk.pool.acquire() as conn:
        await conn.execute("UPDATE notas SET issued_at = issued_at - interval '5 days'")

    given_back(desk, bill)
    await settle(desk, bill)
    told = await ends(desk, bill)
    async with desk.pool.acquire() as conn:
        await conn.execute("UPDATE sales SET wish = 'cancel', wish_at = now()")
    await settle(desk, bill)

    assert told == Ends("issued", attention="cancel_window_over")
    assert await ends(desk, bill) == Ends("cancelled", "refunded", valid=0)
