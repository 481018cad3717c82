"""Which instant of a bill counts, and the days that follow from it (design D7 and D8)."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final, Literal
from zoneinfo import ZoneInfo

from msgspec import Struct

from shared.domain.bill import Bill, BillStatus, Charge

VINDI_ZONE: Final = ZoneInfo("America/Sao_Paulo")
TO_THE_SECOND: Final = frozenset({"credit_card", "debit_card", "pix"})  # others: by the day


class Moment(Struct, frozen=True, kw_only=True):
    """The instant a sale happened for its rule, and when Vindi recorded it."""

    kind: Literal["created", "paid"]
    at: datetime
    recorded_at: datetime  # as far as its bill tells; never before `at`, creations' own instant
    stated_day: date | None = None  # where only the day is known, and `at` is its midnight at Vindi

    def day(self, zone: ZoneInfo) -> date:
        """The calendar day it counts as. A boleto's is the day of payment wherever one lives."""
        return self.stated_day or local_day(self.at, zone)

    def counted_at(self, zone: ZoneInfo) -> datetime:
        """The instant by which it belongs to a local day and month, as it is stored.

        Where only its day is known that is the day's beginning in the zone, not at Vindi: the
        month of a sale and the competência of its nota are then of one calendar.
        """
        return self.at if self.stated_day is None else start_of_day(self.stated_day, zone)


def moment_created(bill: Bill, came_alive_at: datetime | None) -> Moment | None:
    """Say when a live bill was created; None while it is not live.

    `came_alive_at` is the `updated_at` with which a bill that we had seen in review or scheduled
    came alive. A canceled bill keeps the moment it would have had.
    """
    if bill.status in (BillStatus.REVIEW, BillStatus.SCHEDULED):
        return None
    at = came_alive_at or bill.billing_at or bill.created_at
    return Moment(kind="created", at=at, recorded_at=at)


def moment_paid(bill: Bill) -> Moment | None:
    """Say when a bill was paid: `paid_at` of the latest of its paid charges; None if unknown."""
    return _last_payment(bill.charges) if bill.status is BillStatus.PAID else None


@lru_cache(maxsize=1024)  # deciding, planning and storing one bill each ask
def _last_payment(charges: tuple[Charge, ...]) -> Moment | None:
    dated = [(charge.paid_at, charge) for charge in charges if _paid(charge) and charge.paid_at]
    if not dated:
        return None
    paid_at, charge = max(dated, key=lambda pair: (pair[0], pair[1].id))
    return Moment(
        kind="paid",
        at=paid_at,
        recorded_at=max(paid_at, charge.paid_by or paid_at),
        stated_day=_stated_day(charge, paid_at),
    )


def moment_undone(bill: Bill) -> Moment | None:
    """Say when a bill was paid whose payments were all undone since; None if unknown."""
    dated = [(charge.paid_at, charge) for charge in bill.charges if charge.paid_at is not None]
    if bill.status is not BillStatus.PAID or bill.paid_charges or not dated:
        return None
    at, charge = max(dated, key=lambda pair: (pair[0], pair[1].id))
    return Moment(kind="paid", at=at, recorded_at=at, stated_day=_stated_day(charge, at))


def is_paid_at(charge: Charge, known: datetime, zone: ZoneInfo) -> bool:
    """Whether a stored moment is this charge's: as it counts in a zone, or as Vindi dates it."""
    if charge.paid_at is None:
        return False
    stated = _stated_day(charge, charge.paid_at)
    counted = charge.paid_at if stated is None else start_of_day(stated, zone)
    return known in (charge.paid_at, counted)


def dated_at_vindi(known: datetime, zone: ZoneInfo) -> datetime:
    """The earliest that Vindi may date a stored moment: its midnight, for a day's beginning."""
    day = local_day(known, zone)
    if known != start_of_day(day, zone):
        return known
    return min(known, start_of_day(day, VINDI_ZONE))


def latest_counted(charges: Iterable[Charge], zone: ZoneInfo) -> datetime | None:
    """When the latest of the payments counts, undone ones too; None where none has a date."""
    dated = [(charge.paid_at, charge) for charge in charges if charge.paid_at is not None]
    if not dated:
        return None
    at, charge = max(dated, key=lambda pair: (pair[0], pair[1].id))
    stated = _stated_day(charge, at)
    return at if stated is None else start_of_day(stated, zone)


def _paid(charge: Charge) -> bool:
    return charge.status == "paid"


def _stated_day(charge: Charge, paid_at: datetime) -> date | None:
    """The day of a payment that Vindi dates by midnight of Brasília (vindi-api, section 5.2)."""
    at = paid_at.astimezone(VINDI_ZONE)
    to_the_second = charge.payment_method_code in TO_THE_SECOND
    return None if to_the_second or at.time() != time.min else at.date()


def local_day(instant: datetime, zone: ZoneInfo) -> date:
    """The calendar day of an instant in the tenant's zone."""
    return instant.astimezone(zone).date()


def start_of_day(day: date, zone: ZoneInfo) -> datetime:
    """The instant at which a local day begins, in UTC."""
    return datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC)


def guarantee_end(paid_on: date, days: int, zone: ZoneInfo) -> datetime:
    """When a guarantee of N days is over: 00:00 local of the day after the Nth day.

    The day of payment does not count (Civil Code, art. 132): paid on the 1st at any hour with 7
    days, the nota is due on the 9th at 00:00.
    """
    return start_of_day(paid_on + timedelta(days=days + 1), zone)


def month_of(day: date) -> tuple[int, int]:
    """Year and month of a day, for comparing months."""
    return day.year, day.month


def next_month(day: date) -> tuple[int, int]:
    """Year and month after the month of a day."""
    return (day.year + 1, 1) if day.month == 12 else (day.year, day.month + 1)
