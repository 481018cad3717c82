"""How much of a bill was given back (design D10)."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Final, Literal

from shared.domain.bill import Bill, BillStatus
from shared.domain.ids import ChargeId

RefundState = Literal["none", "partial", "full", "payment_undone"]
Cause = Literal["full", "partial", "chargeback", "bill_canceled"]

# Vindi's words for a refund that will not change any more; a new word is taken for one that may.
ENDED: Final = frozenset({"success", "rejected", "failure", "canceled"})
SOONEST: Final = timedelta(minutes=4)
RAREST: Final = timedelta(hours=6)
GIVEN_UP: Final = timedelta(days=60)  # a bank takes days; whoever waits longer asks by hand


def under_way(kind: object, status: object) -> bool:
    """Say whether a transaction is a refund that may still succeed."""
    return kind == "refund" and isinstance(status, str) and status not in ENDED


def look_again(seen_at: datetime, now: datetime) -> datetime | None:
    """When to ask about a refund under way again: the older, the rarer; None: never more."""
    age = now - seen_at
    return None if age > GIVEN_UP else now + min(max(age / 8, SOONEST), RAREST)


def refund_state(bill: Bill, refunds: Mapping[ChargeId, int]) -> RefundState:
    """Judge the refunds of a bill against what was paid.

    Refunds on a charge that a later paid charge replaced do not count, nor do those that give
    back only what was paid above the bill (a fine, or a second payment). `payment_undone`: the
    bill says paid, its charges say canceled and no refund explains it (a chargeback's likely
    shape; vindi-api, section 7.1).
    """
    paid = bill.paid_charges
    if not refunds and (paid or bill.status is not BillStatus.PAID):
        return "none"  # nearly every bill
    owed = max(bill.lines_total, bill.amount)
    if paid:
        given_back = sum(refunds.get(charge.id, 0) for charge in paid)
        return _compare(given_back, sum(charge.amount for charge in paid), owed)
    given_back = sum(refunds.values())
    if given_back:
        return _compare(given_back, min(_received(bill) or owed, owed), owed)
    undone = any(charge.status == "canceled" for charge in bill.charges)
    if bill.status is BillStatus.PAID and bill.charges and undone:
        return "payment_undone"
    return "none"


def _received(bill: Bill) -> int:
    """What was ever paid of a bill whose charges have all ended; 0 where that cannot be told.

    Less than its lines where these and its amount disagree: all of that is all there was.
    """
    if any(charge.status != "canceled" for charge in bill.charges):
        return 0
    return sum(charge.amount for charge in bill.charges if charge.paid_at is not None)


def cause_of(bill: Bill, refunds: Mapping[ChargeId, int]) -> Cause | None:
    """Name what undid a sale, the gravest first; None while nothing did."""
    state = refund_state(bill, refunds)
    if state == "full":
        return "full"
    if bill.status is BillStatus.CANCELED:
        return "bill_canceled"
    match state:
        case "partial":
            return "partial"
        case "payment_undone":
            return "chargeback"
        case _:
            return None


def refunded_above(bill: Bill, refunds: Mapping[ChargeId, int]) -> bool:
    """Say whether more was given back than was ever paid."""
    received = [c.amount for c in bill.charges if c.status == "paid" or c.paid_at is not None]
    return sum(refunds.values()) > sum(received) > 0


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


def paid_twice(bill: Bill, refunds: Mapping[ChargeId, int]) -> bool:
    """Say whether one of the payments kept is not needed to pay the bill; parts do not count."""
    kept = [charge.amount - refunds.get(charge.id, 0) for charge in bill.paid_charges]
    kept = [amount for amount in kept if amount > 0]
    return len(kept) > 1 and sum(kept) - min(kept) >= max(bill.lines_total, bill.amount) > 0


def _compare(given_back: int, received: int, owed: int) -> RefundState:
    if given_back <= 0 or 0 < owed <= received - given_back:
        return "none"
    return "full" if given_back >= received else "partial"
