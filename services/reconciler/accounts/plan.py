"""When an account is read next: pure, so that the spread of thousands can be tried."""

import hashlib
import math
import random
from datetime import UTC, datetime, timedelta
from typing import Final

from shared.domain.ids import TenantId

JITTER: Final = 0.1  # of the interval
FIRST_RETRY: Final = timedelta(seconds=15)
SOONEST: Final = timedelta(seconds=1)
CHANCE: Final = random.SystemRandom()  # processes that are forks of one draw apart, too
BLOCKED_REST: Final = timedelta(hours=1)  # vindi-api, section 2.1: retry hourly after a 402


def phase(tenant: TenantId) -> float:
    """A tenant's own place in every interval, in [0, 1): the same in every process."""
    digest = hashlib.sha256(tenant.encode()).digest()
    return float(int.from_bytes(digest[:6], "big")) / 2**48


def next_pass(tenant: TenantId, now: datetime, every: timedelta) -> datetime:
    """The next turn of a tenant: one an interval, at its own place, with some jitter.

    A pass that ran late does not push the later ones, and never makes two of one turn.
    """
    length = every.total_seconds()
    turn = math.floor(now.timestamp() / length - phase(tenant) + JITTER) + 1
    at = (turn + phase(tenant)) * length
    at += CHANCE.uniform(-JITTER, JITTER) / 2 * length
    return datetime.fromtimestamp(at, UTC)


def retry(now: datetime, failures: int, every: timedelta) -> datetime:
    """When to try again after a pass that was not complete."""
    wait = min(every, FIRST_RETRY * 2 ** min(failures, 10))
    part = CHANCE.uniform(0.75, 1)
    return now + timedelta(seconds=wait.total_seconds() * part)
