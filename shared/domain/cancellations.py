"""Why a nota was not cancelled: who acts, and whether it is asked for again by itself. Pure."""

from datetime import datetime, timedelta
from typing import Final

CITY_REFUSED: Final = "cancel_refused"  # the city said no, or words of no known kind
DEADLINE: Final = "cancel_deadline"
BY_PORTAL: Final = "cancel_by_portal"
ACCOUNT: Final = "cancel_account"
CERTIFICATE: Final = "cancel_certificate"
NOT_FOUND: Final = "cancel_not_found"
IN_PROGRESS: Final = "cancel_in_progress"
OUTAGE: Final = "cancel_outage"
UNEXPLAINED: Final = "cancel_unexplained"  # refused without a word: nobody's no, not the city's

_MINUTE: Final = timedelta(minutes=1)
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)

# Pauses before it is asked for again by itself. What only the city or a person can change waits
# for a person; an unpaid account is paid within days, and one request a day harms nobody.
WAITS: Final[dict[str, tuple[timedelta, ...]]] = {
    CITY_REFUSED: (),
    DEADLINE: (),
    BY_PORTAL: (),
    ACCOUNT: (_MINUTE, 10 * _MINUTE, _HOUR, 6 * _HOUR, *([_DAY] * 14)),
    CERTIFICATE: (_HOUR, 6 * _HOUR, *([_DAY] * 14)),
    NOT_FOUND: (_MINUTE, 10 * _MINUTE, _HOUR, 6 * _HOUR),
    IN_PROGRESS: (_MINUTE, 5 * _MINUTE, 20 * _MINUTE, _HOUR, 6 * _HOUR, _DAY),
    UNEXPLAINED: (_MINUTE, 10 * _MINUTE, _HOUR, 6 * _HOUR),
    OUTAGE: (10 * _MINUTE, _HOUR, 6 * _HOUR, _DAY),
}


def cancel_again_at(code: str, tries: int, now: datetime) -> datetime | None:
    """When cancelling is asked for again by itself; None when a person has to ask.

    `tries` counts how often it was refused by itself before, since a person last asked.
    """
    waits = WAITS.get(code, ())
    return now + waits[tries] if tries < len(waits) else None
