"""How guessing is slowed down without locking anybody out. Pure.

What counts are the failures of one source for one account, and of one source for all accounts.
Nobody elsewhere is slowed down by them, so nobody can keep another person out.
"""

from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

FREE_FOR_ACCOUNT: Final = 5
FREE_FOR_SOURCE: Final = 30  # a company's people share an address
FIRST_WAIT: Final = timedelta(seconds=2)
LONGEST_WAIT: Final = timedelta(minutes=15)
FORGOTTEN_AFTER: Final = timedelta(hours=6)


class Failures(Struct, frozen=True, kw_only=True):
    """How often it failed, and when last."""

    count: int
    last_at: datetime


def fresh(failures: Failures | None, now: datetime) -> int:
    """How many failures still count."""
    if failures is None or now - failures.last_at >= FORGOTTEN_AFTER:
        return 0
    return failures.count


def wait_until(failures: Failures | None, free: int, now: datetime) -> datetime | None:
    """Until when the next try is refused unseen; None when it may be made now."""
    count = fresh(failures, now)
    if failures is None or count < free:
        return None
    doublings = min(count - free, 20)
    until = failures.last_at + min(FIRST_WAIT * 2**doublings, LONGEST_WAIT)
    return until if until > now else None
