"""Words that several resources share; those of the panel's forms too are in `shared.words`."""

from services.reconciler.api.kit.problem import Problem
from shared.domain.closing import Month
from shared.words import (
    ZONES,
    ApiKey,
    CompanyId,
    Confirm,
    Cursor,
    Day,
    Instant,
    Limit,
    Money,
    Name,
    Reason,
    Timezone,
    Word,
    plain_number,
)

__all__ = [
    "ZONES",
    "ApiKey",
    "CompanyId",
    "Confirm",
    "Cursor",
    "Day",
    "Instant",
    "Limit",
    "Money",
    "Name",
    "Reason",
    "Timezone",
    "Word",
    "month_of",
    "plain_number",
]


def month_of(text: str) -> Month:
    """The month a path names; a Problem when there is none of that name."""
    try:
        return Month.read(text)
    except ValueError as error:
        raise Problem(404, "month_unknown", "A month is YYYY-MM.") from error
