"""Does what Vindi says now differ from what is stored? Pure, so that it can be tried on anything.

Rows that differ make a sale due; the rest costs nothing. The tie rule is that of vindi-api,
section 8.5: an older stamp is a lagging replica, an equal one decides by content. A clock of
Vindi's that was set back stamps what is new as older, too: so what differs and is older is not
stored, but read again, by whoever believes it once it is said again and again.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import Enum, auto

from msgspec.structs import replace

from shared.domain.bill import LIVE_STATUSES, Bill, BillStatus, Charge
from shared.domain.ids import ChargeId
from shared.domain.money import Cents


class Verdict(Enum):
    """What became of a row that was read."""

    SAME = auto()
    DIFFERS = auto()
    OLDER = auto()  # and different: of a lagging replica, or stamped by a clock that was set back


def compare_bill(
    stored: Bill | None,
    read: Bill,
    *,
    refunds_known: Mapping[ChargeId, Cents] | None = None,
    refunds_read: Mapping[ChargeId, Cents] | None = None,
) -> Verdict:
    """Compare a bill with what is stored of it; refunds only where they were read too."""
    if stored is None:
        return Verdict.DIFFERS
    known = refunds_known or {}
    if not stored.customer_name:
        stored, read = _as_bare(stored), _as_bare(read)
    moved = any(known.get(charge) != cents for charge, cents in (refunds_read or {}).items())
    if not moved and _content(read) == _content(stored):
        return Verdict.SAME
    return Verdict.OLDER if read.updated_at < stored.updated_at else Verdict.DIFFERS


def charge_differs(stored: Bill | None, read: Charge) -> bool:
    """Say whether a charge shows something its stored bill does not."""
    if stored is None:
        return True
    known = next((charge for charge in stored.charges if charge.id == read.id), None)
    if known is None:
        return True
    return _charge(read) != _charge(known)


def event_due(stored: Bill | None, read: Bill, *, refunded_at: datetime | None) -> datetime | None:
    """When Vindi should have sent an event for this difference; None when no event is sent.

    Edits of a bill send none (vindi-api, section 8.7): their absence says nothing of a webhook.
    """
    if refunded_at is not None:
        return refunded_at
    if stored is None and read.status in LIVE_STATUSES:
        return read.updated_at if read.status is BillStatus.PAID else read.created_at
    ended = read.status in (BillStatus.PAID, BillStatus.CANCELED)
    if ended and (stored is None or stored.status is not read.status):
        return read.updated_at
    return None


def _as_bare(bill: Bill) -> Bill:
    """A bill as it is kept once its customer was erased: who it was is no difference."""
    lines = tuple(replace(line, description=None) for line in bill.lines)
    return replace(bill, code=None, customer_name="", customer_code=None, metadata={}, lines=lines)


def _content(bill: Bill) -> Bill:
    return replace(bill, charges=tuple(_charge(charge) for charge in bill.charges))


def _charge(charge: Charge) -> Charge:
    # Sub-seconds vanish when a value is read again (vindi-api, section 4).
    return replace(
        charge, paid_at=_second(charge.paid_at), transaction_at=_second(charge.transaction_at)
    )


def _second(instant: datetime | None) -> datetime | None:
    return instant.replace(microsecond=0) if instant else None
