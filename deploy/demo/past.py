"""Sales of last March, from before the activation: something to import by hand, with KEEP=1."""

from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from deploy.demo.people import Buyer, a_customer
from deploy.demo.stories import COURSE, FIRST_BILL, PLAN

_MARCH: Final = 3
_FIRST: Final = 3900  # far below the month's own bills
_BUYERS: Final[tuple[Buyer, ...]] = (*("whole",) * 9, "no_address", "partner", "whole")


def past_sales(today: datetime, zone: ZoneInfo) -> list[dict[str, Any]]:
    """Each with its `customer`, and how the sandbox is told of the `sale`; nobody else is told."""
    local = today.astimezone(zone)
    year = local.year if local.month > _MARCH else local.year - 1
    return [_sale(number, buyer, year, zone) for number, buyer in enumerate(_BUYERS)]


def _sale(number: int, buyer: Buyer, year: int, zone: ZoneInfo) -> dict[str, Any]:
    paid_at = datetime(year, _MARCH, 2 + 2 * number, 12, tzinfo=zone).timestamp()
    course = number % 4 == 1
    return {
        "customer": a_customer(FIRST_BILL + number, buyer),
        "product": COURSE if course else PLAN,
        "sale": {
            "id": _FIRST + number,
            "paid_at": paid_at,
            "known_at": paid_at,
            "events": False,
            "amount": "349.00" if course else "179.90",
        },
    }
