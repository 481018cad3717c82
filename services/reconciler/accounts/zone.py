"""In which zone an account reads the times of a query, measured with a bill just read."""

from datetime import datetime, timedelta
from typing import Final

from services.reconciler.accounts.context import PassContext
from shared.db.vindi.passes_store import PassState, Zone
from shared.domain.bill import Bill
from shared.vindi.client import BILLS, Read
from shared.vindi.query import all_of, where

MEASURE_AGAIN: Final = timedelta(days=7)
ASK_AGAIN: Final = timedelta(days=1)  # when the answers were not clear
IN_NO_ZONE: Final = timedelta(hours=5)
HOUR: Final = timedelta(hours=1)


def zone_is_due(state: PassState, now: datetime) -> bool:
    """Say whether to measure, given a bill to measure with."""
    rest = ASK_AGAIN if state.zone == "unknown" else MEASURE_AGAIN
    return state.zone_at is None or now - state.zone_at >= rest


def zone_told(*, at_its_time: bool, an_hour_later: bool) -> Zone:
    """Read the answers of vindi-api, section 11: whether the bill matched each bound."""
    match at_its_time, an_hour_later:
        case True, False:
            return "brasilia"
        case True, True:
            return "utc"  # the bound was read as three hours earlier
        case _:
            return "unknown"


async def measure_zone(context: PassContext, bill: Bill) -> Zone:
    """Ask for a bill by its own time and by an hour later; costs two requests, or three.

    Where it matches both it must not match what is later in either zone: an account that ignores
    the filter shows it whatever is asked, and tells nothing of zones.
    """
    answers = [
        await _matches(context, bill, bill.updated_at + later) for later in (timedelta(), HOUR)
    ]
    if None in answers:
        return "unknown"
    if all(answers) and await _matches(context, bill, bill.updated_at + IN_NO_ZONE) is not False:
        return "unknown"
    return zone_told(at_its_time=bool(answers[0]), an_hour_later=bool(answers[1]))


async def _matches(context: PassContext, bill: Bill, bound: datetime) -> bool | None:
    """Whether it is found by that bound; None when it changed meanwhile or others came too."""
    query = all_of(where("id", "=", bill.id), where("updated_at", ">=", bound))
    page = await context.vindi.read_page(BILLS, query)
    if not page.rows:
        return False
    row = page.rows[0]
    same = isinstance(row, Read) and (row.value.id, row.value.updated_at) == (
        bill.id,
        bill.updated_at,
    )
    return True if same and len(page.rows) == 1 else None
