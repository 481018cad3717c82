"""How much was given back of a bill whose charges have ended, where its lines say another sum."""

from typing import Any

import pytest

from shared.domain.bill import Bill
from shared.domain.ids import ChargeId
from shared.domain.money import Cents
from shared.domain.refunds import RefundState, refund_state
from tests.builders import a_bill, a_charge

FIRST, SECOND = ChargeId(50), ChargeId(51)


def ended(amount: int, **changes: Any) -> Bill:
    """A bill with lines of 100.00 whose one charge, once paid, was given back and canceled."""
    charge = a_charge(status="canceled", amount=Cents(amount))
    return a_bill(amount=Cents(amount), charges=(charge,), **changes)


@pytest.mark.parametrize(
    ("amount", "given_back", "state"),
    [
        (9_000, 9_000, "full"),  # lines of 100.00 and a charge of 90.00
        (9_000, 8_999, "partial"),
        (10_000, 10_000, "full"),
        (10_000, 9_000, "partial"),
        (11_000, 10_500, "partial"),  # paid above its lines
        (11_000, 11_000, "full"),
    ],
)
def test_all_that_was_paid_is_all_there_was_to_give_back(
    amount: int, given_back: int, state: RefundState
) -> None:
    assert refund_state(ended(amount), {FIRST: given_back}) == state


def test_what_an_open_charge_may_bring_is_still_owed() -> None:
    back = a_charge(status="canceled", amount=Cents(3_000))
    opened = a_charge(id=SECOND, status="pending", amount=Cents(7_000), paid_at=None)
    assert refund_state(a_bill(charges=(back, opened)), {FIRST: 3_000}) == "partial"


def test_without_an_instant_of_payment_the_bill_says_what_there_was() -> None:
    charge = a_charge(status="canceled", amount=Cents(9_000), paid_at=None)
    assert refund_state(a_bill(charges=(charge,)), {FIRST: 9_000}) == "partial"


def test_two_payments_of_which_one_came_back_are_no_full_refund() -> None:
    both = tuple(a_charge(id=one, status="canceled") for one in (FIRST, SECOND))
    assert refund_state(a_bill(charges=both), {FIRST: 5_000, SECOND: 0}) == "partial"
