"""Which sales are ours to issue: those that happened, or became known, after activation (D8). Pure.

Whoever issued before us issued what Vindi had recorded before. So of a payment the instant of its
recording counts, and where that cannot be told a person is asked: two notas are worse than one
that waits.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final, Literal

from msgspec import Struct

from shared.domain.bill import Bill, Charge, Payment
from shared.domain.ids import ChargeId
from shared.domain.moment import TO_THE_SECOND, VINDI_ZONE, local_day

ActivationSide = Literal["before", "after", "unclear"]

# A bank tells of a boleto within days, over a long holiday in a week. What is first seen later
# than that after its payment was more likely touched than paid.
LONGEST_CLEARING: Final = timedelta(days=8)
ONE_WRITE: Final = timedelta(minutes=1)  # a transaction made and settled in one go


class Sighting(Struct, frozen=True, kw_only=True):
    """When we first read a bill as paid, and when we last read it as not paid before that."""

    paid_at: datetime | None = None
    unpaid_at: datetime | None = None


NEVER_SEEN: Final = Sighting()
NO_PAYMENTS: Final[Mapping[ChargeId, Payment]] = {}


def side_of(
    bill: Bill,
    active_from: datetime,
    seen: Sighting = NEVER_SEEN,
    payments: Mapping[ChargeId, Payment] = NO_PAYMENTS,
) -> ActivationSide:
    """Say on which side of the activation a bill was first fully paid.

    A second payment moves nothing: what was paid in full before stays there. `payments` are the
    paying transactions that were looked up, for those charges of `doubtful`.
    """
    dated = [charge for charge in bill.charges if charge.paid_at is not None]
    sides = {c.id: _side(bill, c, active_from, seen, payments.get(c.id)) for c in dated}
    kept = [charge for charge in dated if charge.status == "paid"] or dated
    before = [charge for charge in kept if sides[charge.id] == "before"]
    if before and (len(before) == len(kept) or _sum(before) >= _owed(bill)):
        return "before"
    maybe = [charge for charge in dated if sides[charge.id] != "after"]  # undone ones too
    whole = all(sides[charge.id] != "after" for charge in kept) or _sum(maybe) >= _owed(bill)
    if not (maybe and whole) and _was_paid_before(active_from, seen):
        return "unclear"  # that payment is in the bill no more
    return "unclear" if maybe and whole else "after"


def _was_paid_before(active_from: datetime, seen: Sighting) -> bool:
    return seen.paid_at is not None and seen.paid_at < active_from


def doubtful(bill: Bill, active_from: datetime, seen: Sighting) -> list[ChargeId]:
    """Charges paid before activation of which the bill alone does not tell when it was recorded."""
    return [
        charge.id
        for charge in bill.paid_charges
        if charge.paid_at is not None
        and _at_once(bill, charge, charge.paid_at, active_from, seen) is None
    ]


def _side(
    bill: Bill, charge: Charge, active_from: datetime, seen: Sighting, payment: Payment | None
) -> ActivationSide:
    if charge.paid_at is None:
        return "after"
    at_once = _at_once(bill, charge, charge.paid_at, active_from, seen)
    if at_once is not None:
        return at_once
    side = _side_by_sight(charge.paid_at, active_from, seen, payment)
    doubted = side == "after" and _moved_otherwise(bill, charge, active_from, seen)
    return "unclear" if doubted else side


def _moved_otherwise(bill: Bill, charge: Charge, active_from: datetime, seen: Sighting) -> bool:
    """Whether something else than this payment may be why its bill came to our sight.

    A payment moves its bill and its charge in one go. Where one of them did not move since the
    activation, or not then, somebody edited or opened the bill, or touched the charge; and a later
    payment moves the bill as well.
    """
    if _was_open(charge, active_from, seen):
        return False
    paid_with = charge.updated_at or bill.updated_at
    stands = min(bill.updated_at, paid_with) < active_from
    apart = abs(bill.updated_at - paid_with) > ONE_WRITE
    paid_at = charge.paid_at or active_from
    later = any(one.paid_at is not None and one.paid_at > paid_at for one in bill.charges)
    return stands or apart or later


def _was_open(charge: Charge, active_from: datetime, seen: Sighting) -> bool:
    """Whether we saw a bill open after the activation that a payment then closed.

    One whose payment was undone since may have been open for that very reason.
    """
    watched = seen.unpaid_at is not None and seen.unpaid_at >= active_from
    return watched and charge.status == "paid"


def _at_once(
    bill: Bill, charge: Charge, paid_at: datetime, active_from: datetime, seen: Sighting
) -> Literal["before", "after"] | None:
    """The side that the bill itself and our own reads tell; None where they do not."""
    if paid_at >= active_from or (charge.paid_by is not None and charge.paid_by >= active_from):
        return "after"
    if seen.paid_at is not None and paid_at <= seen.paid_at < active_from:
        return "before"  # it was on record when we saw it
    told = _told(charge, paid_at)
    if told is not None:
        return "before" if told < active_from else "after"
    # Whatever day its payment is dated.
    if bill.created_at >= active_from or _was_open(charge, active_from, seen):
        return "after"
    moved = max(bill.updated_at, charge.updated_at or bill.updated_at) >= active_from
    return None if moved else "before"


def _told(charge: Charge, paid_at: datetime) -> datetime | None:
    """When a payment was recorded, where its charge alone says so."""
    made = charge.paid_by
    if charge.payment_method_code in TO_THE_SECOND:  # dated by the gateway's own answer
        return max(paid_at, made or paid_at)
    if made is None or made < paid_at:
        return None  # not the payment, or a registration older than it
    # On the day of payment itself it may be the registration too.
    return None if local_day(made, VINDI_ZONE) == local_day(paid_at, VINDI_ZONE) else made


def _side_by_sight(
    paid_at: datetime, active_from: datetime, seen: Sighting, payment: Payment | None
) -> ActivationSide:
    if payment is None:
        return "unclear"
    if payment.created_at >= paid_at:
        return _side_of_own_day(payment, active_from)
    recorded = _recorded(payment, paid_at, seen)
    if recorded is None:
        return "unclear"
    if recorded < active_from:
        return "before"
    in_time = seen.unpaid_at is not None or recorded - paid_at <= LONGEST_CLEARING
    return "after" if in_time else "unclear"


def _side_of_own_day(payment: Payment, active_from: datetime) -> ActivationSide:
    """Of a transaction that is not older than its payment, and may be touched or settled later."""
    if payment.created_at >= active_from:
        return "after"
    changed = payment.updated_at
    later = changed is not None and changed - payment.created_at > ONE_WRITE
    return "unclear" if later and changed is not None and changed >= active_from else "before"


def _recorded(payment: Payment, paid_at: datetime, seen: Sighting) -> datetime | None:
    """Of a registered boleto: its own stamp of the first sight, else that sight."""
    changed = payment.updated_at
    if changed is None or changed < paid_at:
        return seen.paid_at
    if seen.paid_at is not None and changed > seen.paid_at:
        return seen.paid_at  # touched since
    return changed


def _owed(bill: Bill) -> int:
    return max(bill.lines_total, bill.amount)


def _sum(charges: Iterable[Charge]) -> int:
    return sum(charge.amount for charge in charges)
