"""Rows that differ are told from rows that only look so."""

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from services.reconciler.accounts.compare import Verdict, charge_differs, compare_bill, event_due
from shared.domain.bill import BillStatus
from shared.domain.ids import ChargeId
from shared.domain.money import Cents
from tests.builders import a_bill

LATER = timedelta(seconds=1)


def test_a_bill_never_seen_differs() -> None:
    assert compare_bill(None, a_bill()) is Verdict.DIFFERS


def test_the_same_bill_is_the_same_and_an_older_one_is_a_lagging_replica() -> None:
    bill = a_bill()

    assert compare_bill(bill, bill) is Verdict.SAME
    older = replace(bill, updated_at=bill.updated_at - LATER, status=BillStatus.PENDING)
    assert compare_bill(bill, older) is Verdict.OLDER


def test_with_equal_stamps_the_content_decides() -> None:
    bill = a_bill()

    assert compare_bill(bill, replace(bill, amount=Cents(1))) is Verdict.DIFFERS


def test_sub_seconds_that_vanish_are_no_difference() -> None:
    bill = a_bill()
    at = datetime(2026, 3, 1, 12, 0, 0, 718_000, tzinfo=UTC)
    fresh = [replace(charge, transaction_at=at, paid_at=at) for charge in bill.charges]
    cut = [replace(charge, transaction_at=at.replace(microsecond=0),
                   paid_at=at.replace(microsecond=0)) for charge in bill.charges]  # fmt: skip

    before, after = replace(bill, charges=tuple(fresh)), replace(bill, charges=tuple(cut))

    assert bill.charges
    assert compare_bill(before, after) is Verdict.SAME
    assert not charge_differs(before, cut[0])


def test_a_refund_that_moves_nothing_else_differs_once() -> None:
    bill, charge = a_bill(), ChargeId(1)

    def compare(known: int) -> Verdict:
        return compare_bill(
            bill, bill, refunds_known={charge: Cents(known)}, refunds_read={charge: Cents(1000)}
        )

    assert compare(0) is Verdict.DIFFERS
    assert compare(1000) is Verdict.SAME


def test_an_edit_sends_no_event_and_a_payment_does() -> None:
    paid = a_bill()
    pending = replace(paid, status=BillStatus.PENDING)
    edited = replace(paid, metadata={"nota": "1"})

    assert paid.status is BillStatus.PAID
    assert event_due(paid, edited, refunded_at=None) is None
    assert event_due(pending, paid, refunded_at=None) == paid.updated_at
    assert event_due(None, pending, refunded_at=None) == pending.created_at
