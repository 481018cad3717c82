"""On which side of the activation a payment lies."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from shared.domain.bill import Bill, Charge, Payment
from shared.domain.decide import asks_when_recorded, decide
from shared.domain.decision import Hold, Skip
from shared.domain.ids import ChargeId
from shared.domain.money import Cents
from shared.domain.stream import LONGEST_CLEARING, ActivationSide, Sighting, side_of
from tests.builders import a_bill, a_charge, a_rule, a_sale, terms

ACTIVE = datetime(2026, 11, 29, 12, tzinfo=UTC)  # a Sunday
FRIDAY = datetime(2026, 11, 27, 3, tzinfo=UTC)  # midnight of the day of payment, in Brasília
MONDAY = ACTIVE + timedelta(days=1)
DAY = timedelta(days=1)


def a_boleto(**changes: Any) -> Charge:
    """Registered ten days ago, paid on Friday; its only transaction dates from its registration."""
    registered = FRIDAY - 8 * DAY
    values = {
        "payment_method_code": "online_bank_slip",
        "paid_at": FRIDAY,
        "transaction_at": registered,
        "updated_at": MONDAY,
    }
    return a_charge(**{**values, **changes})


def paid_by(*charges: Charge) -> Bill:
    return a_bill(charges=charges, created_at=FRIDAY - 9 * DAY, updated_at=MONDAY)


def seen(paid: datetime | None = MONDAY, unpaid: datetime | None = None) -> Sighting:
    return Sighting(paid_at=paid, unpaid_at=unpaid)


def looked_up(
    created: datetime = FRIDAY - 8 * DAY, updated: datetime | None = None
) -> dict[ChargeId, Payment]:
    payment = Payment(charge_id=ChargeId(50), created_at=created, updated_at=updated)
    return {ChargeId(50): payment}


REJECTED = {
    "transaction_at": MONDAY,
    "transaction_type": "capture",
    "transaction_status": "rejected",
}


@pytest.mark.parametrize(
    ("charge", "sight", "payments", "side"),
    [
        # A new transaction tells of the payment.
        (a_boleto(transaction_at=MONDAY), seen(), {}, "after"),
        (a_boleto(transaction_at=FRIDAY + DAY), seen(), {}, "before"),
        # One that dates from the registration tells nothing: then its own stamp, ...
        (a_boleto(), seen(), looked_up(updated=MONDAY), "after"),
        (a_boleto(), seen(), looked_up(updated=FRIDAY + DAY), "before"),
        # ... or the instant of our first sight,
        (a_boleto(), seen(), looked_up(), "after"),
        (a_boleto(), seen(paid=FRIDAY + DAY), {}, "before"),
        (a_boleto(), seen(paid=MONDAY, unpaid=ACTIVE), {}, "after"),
        # also where the stamp is of a touch since then.
        (a_boleto(), seen(paid=MONDAY), looked_up(updated=MONDAY + DAY), "after"),
        (a_boleto(), seen(paid=MONDAY), looked_up(updated=MONDAY + LONGEST_CLEARING), "after"),
        # Later than any bank tells, it was touched more likely than paid.
        (a_boleto(paid_at=FRIDAY - 7 * DAY), seen(), looked_up(), "unclear"),
        (a_boleto(paid_at=FRIDAY - 7 * DAY), seen(), looked_up(updated=MONDAY), "unclear"),
        (
            a_boleto(paid_at=FRIDAY - 7 * DAY),
            seen(unpaid=ACTIVE - DAY),
            looked_up(updated=MONDAY),
            "after",
        ),
        # No paying transaction is told at all.
        (a_boleto(), seen(), {}, "unclear"),
        (a_boleto(transaction_at=None, transaction_type=None), seen(), {}, "unclear"),
        # Registered and paid on one day: which of the two the transaction is cannot be told.
        (a_boleto(transaction_at=FRIDAY + DAY / 2), seen(), {}, "unclear"),
        (a_boleto(), seen(), looked_up(FRIDAY + DAY / 2, FRIDAY + DAY / 2), "before"),
        (a_boleto(), seen(), looked_up(FRIDAY + DAY / 2, MONDAY), "unclear"),
        # A later attempt that failed is no payment; a card's is dated to the second.
        (a_boleto(**REJECTED), seen(), {}, "unclear"),
        (a_boleto(**REJECTED), seen(), looked_up(FRIDAY + DAY), "before"),
        (a_charge(paid_at=FRIDAY, **REJECTED), seen(), {}, "before"),
        (a_charge(paid_at=FRIDAY, transaction_at=FRIDAY), seen(), {}, "before"),
        (a_charge(paid_at=MONDAY, transaction_at=MONDAY), seen(), {}, "after"),
        # Nor is a refund, a check of the card, or an attempt still under way.
        (a_boleto(transaction_at=MONDAY, transaction_type="refund"), seen(), {}, "unclear"),
        (a_boleto(transaction_at=MONDAY, transaction_type="verify"), seen(), {}, "unclear"),
        (a_boleto(transaction_at=MONDAY, transaction_status="processing"), seen(), {}, "unclear"),
        (a_boleto(transaction_at=MONDAY, transaction_type="register"), seen(), {}, "unclear"),
    ],
)  # fmt: skip
def test_only_what_paid_says_when_a_payment_was_recorded(
    charge: Charge, sight: Sighting, payments: dict[ChargeId, Payment], side: ActivationSide
) -> None:
    assert side_of(paid_by(charge), ACTIVE, sight, payments) == side


def the_second(**changes: Any) -> Charge:
    return a_charge(id=ChargeId(51), paid_at=MONDAY, transaction_at=MONDAY, **changes)


THE_FIRST = a_charge(paid_at=FRIDAY, transaction_at=FRIDAY)


@pytest.mark.parametrize(
    ("charges", "side"),
    [
        ((THE_FIRST, the_second()), "before"),
        ((the_second(), THE_FIRST), "before"),
        # Half before, half after: it was not paid in full before.
        ((a_charge(paid_at=FRIDAY, amount=Cents(5_000)), the_second(amount=Cents(5_000))), "after"),
        # Paid before, given back, paid again: whoever issued before us may have a nota of it.
        ((a_charge(paid_at=FRIDAY, status="canceled"), the_second()), "unclear"),
        ((a_charge(paid_at=None, status="canceled"), the_second()), "after"),
        ((a_boleto(**REJECTED), the_second()), "unclear"),
    ],
)
def test_a_second_payment_moves_nothing(charges: tuple[Charge, ...], side: ActivationSide) -> None:
    assert side_of(paid_by(*charges), ACTIVE, seen()) == side


def test_what_was_left_out_stays_out_whatever_is_read_later() -> None:
    bill = paid_by(a_boleto(transaction_at=MONDAY), the_second())
    sale = a_sale(bill, left_out=True, known_moment=FRIDAY, seen=seen())

    decision = decide(sale, a_rule(), terms(active_from=ACTIVE), MONDAY + DAY)

    assert decision == Skip(code="before_activation")


def test_a_payment_that_was_removed_and_made_anew_is_asked_about() -> None:
    """Nothing in the bill tells of the first: only that it was seen, or left out for it."""
    bill = paid_by(the_second())
    seen_before = a_sale(bill, seen=seen(FRIDAY + DAY))
    left_out, reopened = (
        a_sale(bill, left_out=out, known_moment=FRIDAY, seen=seen()) for out in (True, False)
    )
    in_guarantee = a_sale(bill, known_moment=FRIDAY, competencia=MONDAY.date(), seen=seen())

    decisions = [
        decide(sale, a_rule(), terms(active_from=ACTIVE), MONDAY + DAY)
        for sale in (seen_before, left_out, reopened, in_guarantee)
    ]

    assert decisions[:3] == [Hold(code="activation_unclear")] * 3
    assert not isinstance(decisions[3], Skip | Hold)  # it was ours already


@pytest.mark.parametrize(
    ("stamps", "side"),
    [
        # What moved since the activation is the charge alone: that was no payment.
        ({"updated_at": FRIDAY + DAY}, "unclear"),
        # The bill alone: somebody edited it, or its customer looked at it.
        ({"charge": FRIDAY + DAY}, "unclear"),
        # Not in one go: whichever of both was the payment, if any.
        ({"charge": MONDAY + DAY / 2}, "unclear"),
        # Nothing moved: it was paid when it last did.
        ({"updated_at": FRIDAY + DAY, "charge": FRIDAY + DAY}, "before"),
        # A bill that did not exist was not paid.
        ({"created_at": ACTIVE + DAY / 2}, "after"),
        ({}, "after"),
    ],
)
def test_a_bill_is_not_paid_without_its_stamp_moving(stamps: dict[str, Any], side: str) -> None:
    charge = a_boleto(updated_at=stamps.pop("charge", MONDAY))
    bill = replace(paid_by(charge), **stamps)

    assert side_of(bill, ACTIVE, seen(), looked_up(updated=MONDAY)) == side


def test_a_later_payment_explains_why_a_bill_moved() -> None:
    bill = paid_by(a_boleto(), the_second())

    assert side_of(bill, ACTIVE, seen(), looked_up()) == "unclear"
    assert side_of(bill, ACTIVE, seen(unpaid=ACTIVE), looked_up()) == "after"


@pytest.mark.parametrize(
    ("method", "paid_at", "recorded", "side"),
    [
        ("credit_card", -1, -1, "before"),  # at 23:59:59 of the day before, in Brasília
        ("credit_card", 0, 0, "after"),
        ("pix", -1, -1, "before"),
        ("pix", 0, 0, "after"),
        ("online_bank_slip", 0, 10 * 3_600, "after"),  # dated by the very day
        ("online_bank_slip", -86_400, -1, "before"),
        ("online_bank_slip", -86_400, 0, "after"),  # told in the first second of the day
        ("online_bank_slip", -86_400, 10 * 3_600, "after"),
    ],
)
def test_the_first_second_of_the_day_from_which_notas_are_issued_is_ours(
    method: str, paid_at: int, recorded: int, side: ActivationSide
) -> None:
    since = datetime(2026, 12, 1, 3, tzinfo=UTC)  # midnight in Brasília
    known = since + timedelta(seconds=recorded)
    charge = a_charge(
        payment_method_code=method,
        paid_at=since + timedelta(seconds=paid_at),
        transaction_at=known,
        updated_at=known,
    )
    bill = a_bill(charges=(charge,), created_at=since - 9 * DAY, updated_at=known)

    assert side_of(bill, since, seen(paid=known + timedelta(minutes=5))) == side


def test_a_bill_seen_open_again_was_paid_before_all_the_same() -> None:
    """Its first payment was undone before we saw it, so that it was open says nothing of that."""
    undone = a_boleto(status="canceled")
    bill = paid_by(undone, the_second())

    assert side_of(bill, ACTIVE, seen(paid=MONDAY + DAY, unpaid=MONDAY)) == "unclear"


def test_a_bill_left_out_for_its_creation_is_ours_once_a_rule_counts_its_later_payment() -> None:
    bill = paid_by(the_second())
    sale = a_sale(bill, left_out=True, known_moment=bill.created_at, seen=seen())

    decision = decide(sale, a_rule(), terms(active_from=ACTIVE), MONDAY + DAY)

    assert not isinstance(decision, Skip | Hold)


def test_one_seen_paid_under_a_rule_that_counts_creation_is_asked_about_once_paid_anew() -> None:
    """Its first payment is in it no more; one that was seen open before was paid to us."""
    bill = paid_by(the_second())
    first = MONDAY - timedelta(hours=1)
    sights = (seen(first), seen(first, unpaid=FRIDAY), seen(first, unpaid=ACTIVE), seen(None))
    sales = [
        a_sale(bill, left_out=True, known_moment=bill.created_at, seen=sight) for sight in sights
    ]

    asked = [
        decide(sale, a_rule(), terms(active_from=ACTIVE), MONDAY + DAY)
        == Hold(code="activation_unclear")
        for sale in sales
    ]

    assert asked == [True, True, False, False]


def test_a_dispute_of_a_payment_before_activation_is_not_issued_for_being_let_be() -> None:
    bill = paid_by(a_charge(paid_at=FRIDAY, transaction_at=FRIDAY, status="canceled"))
    leave = a_rule(refunds={"chargeback": "nothing"})

    decision = decide(a_sale(bill), leave, terms(active_from=ACTIVE), MONDAY)

    assert decision == Skip(code="before_activation")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, "hold activation_unclear"),
        ({"wish": "hold"}, "hold held_by_person"),
        ({"wish": "cancel"}, "skip canceled_by_person"),
        ({"wish": "issue"}, "issue"),
        ({"backfill": "original"}, "issue"),
        ({"refunds": {ChargeId(50): Cents(10_000)}}, "skip refunded"),
    ],
)
def test_what_cannot_be_told_is_held_for_a_person(changes: dict[str, Any], code: str) -> None:
    sale = a_sale(paid_by(a_boleto()), seen=seen(), **changes)

    decision = decide(sale, a_rule(), terms(active_from=ACTIVE), MONDAY + DAY)

    said = f"{type(decision).__name__.lower()} {getattr(decision, 'code', '')}".strip()
    assert said == code


@pytest.mark.parametrize(
    ("sale", "asked"),
    [
        (a_sale(paid_by(a_boleto()), seen=seen()), 1),
        (a_sale(paid_by(a_boleto()), seen=seen(FRIDAY + DAY)), 0),
        (a_sale(paid_by(a_boleto(transaction_at=FRIDAY + DAY)), seen=seen()), 0),
        (a_sale(paid_by(a_boleto(paid_at=MONDAY)), seen=seen()), 0),
        (a_sale(paid_by(a_boleto()), seen=seen(), backfill="today"), 0),
        (a_sale(paid_by(a_boleto()), seen=seen(), left_out=True, known_moment=FRIDAY), 0),
    ],
)
def test_transactions_are_asked_for_only_where_they_could_tell(sale: Any, asked: int) -> None:
    assert len(asks_when_recorded(sale, terms(active_from=ACTIVE))) == asked


instants = st.integers(-40, 40).map(lambda hours: ACTIVE + timedelta(hours=hours * 7))


@given(
    st.lists(
        st.builds(
            a_boleto,
            id=st.integers(50, 53),
            status=st.sampled_from(["paid", "canceled", "pending"]),
            paid_at=st.none() | instants.filter(lambda at: at < ACTIVE),
            transaction_at=st.none() | instants.filter(lambda at: at < ACTIVE),
            transaction_type=st.sampled_from(["charge", "capture", "refund", "register", None]),
            transaction_status=st.sampled_from(["success", "rejected", None]),
            updated_at=instants,
        ),
        min_size=1,
        max_size=3,
    ),
    st.none() | instants,
)
def test_no_touch_of_a_charge_ever_brings_in_what_was_paid_before(
    charges: list[Charge], first_seen: datetime | None
) -> None:
    bill = paid_by(*charges)
    if all(charge.paid_at is None for charge in charges):
        return

    assert side_of(bill, ACTIVE, seen(first_seen)) != "after"


def test_the_longest_clearing_covers_a_long_holiday() -> None:
    assert timedelta(days=7) < LONGEST_CLEARING < timedelta(days=10)
