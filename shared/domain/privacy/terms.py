"""How long what is kept of people is kept. The table of data and the sweeps both read it here."""

from datetime import date, timedelta
from typing import Final

EVENTS: Final = timedelta(days=180)  # Vindi repeats for two days; disputes of a card take 120 days
DENIED_TEXTS: Final = timedelta(days=400)  # a year's closing looks back on the year before
UNREAD_ANSWERS: Final = timedelta(days=180)
UNKNOWN_TEXTS: Final = timedelta(days=365)
DELIVERIES: Final = timedelta(days=30)
MONTH_FILES: Final = timedelta(days=1)
BULK_JOBS: Final = timedelta(days=90)
IDEMPOTENCY: Final = timedelta(days=7)
LINKS: Final = timedelta(days=30)  # after their end
PEOPLE_WITHOUT_COMPANY: Final = timedelta(days=30)
DEPARTURE_DAYS: Final = 30
FEWEST_DEPARTURE_DAYS: Final = 7
MOST_DEPARTURE_DAYS: Final = 365

# CTN (Lei 5.172/1966), arts. 173, 174 and 195: what proves a tax is kept until it cannot be
# demanded any more, five years counted from the first day of the year after the fact. A tenant
# that was told of a longer one (a suit, a fiscal audit) has it set by the operator.
FISCAL_YEARS: Final = 5
MOST_FISCAL_YEARS: Final = 30


def kept_until(day: date, years: int = FISCAL_YEARS) -> date:
    """The last day on which what proves a fact of `day` is kept: that of the year, years later."""
    return date(day.year + years, 12, 31)


def fiscal_start(today: date, years: int = FISCAL_YEARS) -> date:
    """The first day whose proofs are still kept today; all before it may be forgotten."""
    return date(today.year - years, 1, 1)
