"""How much of a bill was given back (design D10)."""

from collections.abc import Collection, Mapping
from typing import Literal

from shared.domain.bill import Bill, BillStatus
from shared.domain.ids import ChargeId

RefundState = Literal["none", "partial", "full", "payment_undone"]


def refund_state(bill: Bill, refunds: Mapping[ChargeId, int]) -> RefundState:
    """Judge the refunds of a bill against what was paid.

    Refunds on a charge that a later paid charge replaced do not count. `payment_undone`: the
    bill says paid, its charges say canceled and no refund explains it (a chargeback's likely
    shape; vindi-api, section 7.1).
    """
    paid = bill.paid_charges
    if paid:
        given_back = sum(refunds.get(charge.id, 0) for charge in paid)
        return _compare(given_back, sum(charge.amount for charge in paid))
    given_back = sum(refunds.values())
    if given_back:
        owed = max(bill.lines_total, bill.amount)
        return _compare(given_back, owed)
    undone = any(charge.status == "canceled" for charge in bill.charges)
    if bill.status is BillStatus.PAID and bill.charges and undone:
        return "payment_undone"
    return "none"


def maybe_refunded(bill: Bill, known: Collection[ChargeId]) -> list[ChargeId]:
    """Charges of a bill whose refunds have to be read; `known` are those refunded before.

    A partial refund shows only as the charge's last transaction.
    """
    return [
        charge.id
        for charge in bill.charges
        if charge.transaction_type == "refund"
        or charge.id in known
        or (charge.status == "canceled" and charge.paid_at is not None)
    ]


def _compare(given_back: int, whole: int) -> RefundState:
    if given_back <= 0:
        return "none"
    return "full" if given_back >= whole else "partial"
