"""When to ask again: waits that depend only on how long something has been going on."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

_SECOND: Final = timedelta(seconds=1)
_MINUTE: Final = timedelta(minutes=1)

# enotas-api, section 6.4: the webhook comes first, polling is the net.
POLL_AGES: Final = (
    timedelta(seconds=30),
    *(minutes * _MINUTE for minutes in (1, 2, 5, 10, 20, 40)),
)
# After news that the issuer does not show yet: copies of theirs lag by seconds.
NEWS_AGES: Final = tuple(timedelta(seconds=seconds) for seconds in (2, 4, 8, 16))
# While sales wait to be sent, a nota that was sent is asked about after these, and not for ever.
STANDS_BACK: Final = timedelta(seconds=10)  # at least
STANDS_BACK_UNTIL: Final = 10 * _MINUTE  # after it was sent
HOURLY_UNTIL: Final = timedelta(hours=50)  # the issuer itself gives up after 48 h
# For a sale that failed by itself: soon at first, then as often as a person may have mended it.
LOOK_AGAIN: Final = (
    *(minutes * _MINUTE for minutes in (1, 5, 15)),
    *(hours * timedelta(hours=1) for hours in (1, 6, 24)),
)
LONGEST_BACK_OFF: Final = timedelta(minutes=5)


def next_poll(since: datetime, now: datetime) -> datetime:
    """When to ask about a nota that was sent, or whose cancelling was asked for, at `since`."""
    return _by_age(POLL_AGES, since, now)


def poll_after_news(since: datetime, now: datetime) -> datetime:
    """When to ask about a nota of which there was news at `since` that the issuer did not show."""
    return _by_age((*NEWS_AGES, *POLL_AGES), since, now)


def poll_at_rest(since: datetime, now: datetime, lasts: timedelta) -> datetime | None:
    """When to ask about a nota at rest of which there was news at `since` that was not explained.

    As often as about one under way, but none of it later than `lasts`; None once that is over.
    """
    age = max(now - since, timedelta())
    steps = [step for step in (*NEWS_AGES, *POLL_AGES) if age < step <= lasts]
    return _spread(min(since, now) + steps[0], steps[0]) if steps else None


def _by_age(ages: Sequence[timedelta], since: datetime, now: datetime) -> datetime:
    """The end of the step that something begun at `since` is in; past the last, rarely.

    Where the clock was set back since, a step from now on is the most.
    """
    age = max(now - since, timedelta())
    since = min(since, now)
    for step in ages:
        if age < step:
            return _gathered(_spread(since + step, step), step)
    pause = timedelta(hours=1) if age < HOURLY_UNTIL else timedelta(days=1)
    return _gathered(_spread(now + pause, pause), pause)


def stand_back(since: datetime | None, now: datetime) -> datetime | None:
    """When to ask about a nota sent at `since` if sales are waiting; None: now all the same.

    Ever more seldom the longer it has been, so that thousands of them cost little meanwhile.
    """
    if since is None or now - since >= STANDS_BACK_UNTIL:
        return None
    pause = max(STANDS_BACK, (now - since) / 2)
    return _spread(now + pause, pause)


def is_stuck(since: datetime, now: datetime) -> bool:
    """Say whether a nota has been under way for longer than any issuer retries."""
    return now - since >= HOURLY_UNTIL


def next_look_up(waits: Sequence[timedelta], lookups: int) -> timedelta | None:
    """How long to wait after the `lookups`-th look-up that found nothing; None: send again."""
    return waits[lookups - 1] if lookups <= len(waits) else None


def back_off(tries: int, now: datetime) -> datetime:
    """When to try again after the `tries`-th failure in a row, with full jitter above a floor."""
    longest = min(timedelta(seconds=2 ** min(tries, 16)), LONGEST_BACK_OFF)
    share = random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, hides nothing
    return now + longest * share


def look_again(tries: int, now: datetime) -> datetime:
    """When to look again at a sale that is held for a failure of its own, after `tries` of them."""
    step = LOOK_AGAIN[min(tries, len(LOOK_AGAIN) - 1)]
    return _spread(now + step, step)


def _spread(moment: datetime, step: timedelta) -> datetime:
    return moment + step * random.uniform(0, 0.1)  # noqa: S311 - spreads load, hides nothing


def _gathered(moment: datetime, step: timedelta) -> datetime:
    """The end of a moment's second, for steps that are long beside it.

    Looks that are claimed and written by twos and threes cost PostgreSQL and us twice what they do
    by the hundred, and nobody waits for any: the webhook comes first.
    """
    if step < POLL_AGES[0] or not moment.microsecond:
        return moment
    return moment.replace(microsecond=0) + _SECOND
