"""Sees to it that the coming days of the raw events have a partition, and that old ones go.

One process at a time does it, whichever comes first (`event_days_store`).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Final

import structlog
from msgspec import Struct
from prometheus_client import Gauge

from services.reconciler.services import Services
from shared.db import clock
from shared.db.connection import Pool
from shared.db.vindi import event_days_store
from shared.db.vindi.event_days_store import DaysHeld, ElsewhereError
from shared.domain.privacy import terms
from shared.run.loops import Periodic
from shared.telemetry.severity import severity

EVERY: Final = timedelta(hours=1)
AFTER_FAILURE: Final = timedelta(seconds=30)
DAYS_AHEAD: Final = 7  # a backup that runs for days holds nothing up
# So many events in the default partition are moved, and looked through, before a delivery feels it.
FELT: Final = 20_000
LOOKED_THROUGH: Final = 10  # events cost together what one does that is moved
POLITE: Final = timedelta(seconds=1)  # for deliveries, between two days that are moved beside them
CLOCKS_APART: Final = timedelta(minutes=5)
KEEP_EVENTS: Final = terms.EVENTS  # stated in the README and docs/privacy.md

AHEAD: Final = Gauge("notaponte_event_days_ahead", "Days to come whose events have a partition.")
STRAYS: Final = Gauge(
    "notaponte_events_without_day", "Events in the default partition, which should be empty."
)

log = structlog.get_logger()


class DayStep(Struct, frozen=True, kw_only=True):
    """One thing to do for one day."""

    what: str
    day: date
    run: Callable[[Pool, date], Awaitable[object]]


class DaysLeft(Exception):
    """Something is still to be done."""


async def keep_event_days(services: Services) -> None:
    """Keep them at once and every hour, until cancelled.

    A failure costs nothing: days are made ahead, and the default partition takes what no other
    does until its day is over.
    """

    async def step() -> None:
        if not await keep_today(services.pool, ours=datetime.now(UTC)):
            raise DaysLeft

    await Periodic(
        name="keep-event-days",
        step=step,
        every=EVERY,
        after_failure=AFTER_FAILURE,
        failed="event_days_left",
    ).run()


async def keep_today(pool: Pool, *, ours: datetime) -> bool:
    """As `keep_once`, by the database's clock, as the days of the events are by it; `ours` is here.

    Nothing goes before its time is over by both: a machine whose clock is a year ahead would empty
    every day there is.
    """
    try:
        async with pool.acquire() as conn:
            theirs = await clock.now(conn)
    except Exception as error:  # noqa: BLE001 - the database is away: tried again soon
        log.log(severity(error), "event_days_not_seen", error=type(error).__name__)
        return False
    if abs(theirs - ours) > CLOCKS_APART:
        log.error("clocks_apart", seconds=round((ours - theirs).total_seconds()))
    return await keep_once(pool, now=theirs, past_by=min(theirs, ours))


async def keep_once(pool: Pool, *, now: datetime, past_by: datetime | None = None) -> bool:
    """Make, move, empty and drop what `now` asks for; says whether nothing is left to do.

    What is past its time is so at `past_by` too, if that is another instant. Each step stands
    alone: one that fails, or whose lock somebody holds, is tried another time and stops no other.
    """
    today = now.astimezone(UTC).date()
    oldest = (past_by or now).astimezone(UTC).date() - KEEP_EVENTS
    while True:
        held = await _held(pool)
        if held is None:
            return False
        done = [await _done(pool, step) for step in steps(held, today, oldest)]
        if not all(done) or movable(held, today, oldest) is None:
            break
        await asyncio.sleep(POLITE.total_seconds())  # one more may be moved now
    await _measure(pool, today)
    return all(done)


async def _held(pool: Pool) -> DaysHeld | None:
    """What is there; None where that cannot be seen just now."""
    try:
        async with pool.acquire() as conn:
            return await event_days_store.held_any_tenant(conn)
    except Exception as error:  # noqa: BLE001 - the database is away: tried again soon
        log.log(severity(error), "event_days_not_seen", error=type(error).__name__)
        return None


def steps(held: DaysHeld, today: date, oldest: date) -> Iterator[DayStep]:
    """What has to be done, the most urgent first; days before the `oldest` go."""
    make = partial(DayStep, what="made", run=event_days_store.make)
    for day in _wanted(held, today, oldest):
        yield make(day=day)
    past = sorted(day for day in held.days if day < oldest)
    yield from (DayStep(what="emptied", day=day, run=event_days_store.empty) for day in past)
    yield from (DayStep(what="dropped", day=day, run=event_days_store.drop) for day in past)
    gone = sorted(day for day in held.strays if day < oldest)
    yield from (
        DayStep(what="forgotten", day=day, run=event_days_store.forget_strays) for day in gone
    )


def _wanted(held: DaysHeld, today: date, oldest: date) -> list[date]:
    """The days that are to have a partition now.

    Today's events are being written: if they go to the default partition, they do until the day is
    over, and are moved then. To move another day out of it locks it, and a day made looks through
    it: where much lies there while deliveries go there, tomorrow is made, and one day is moved at a
    time, if that is not felt. With tomorrow nobody writes to it any more.
    """
    ahead = [today + timedelta(days=offset) for offset in range(DAYS_AHEAD + 1)]
    if _is_felt(held, today):
        moved = movable(held, today, oldest)
        tomorrow = {ahead[1]} - held.days - held.strays.keys()
        return [*tomorrow, *([moved] if moved else [])]
    kept = {day for day in held.strays if oldest <= day != today}
    wanted = {day for day in ahead if day != today or day not in held.strays} | kept
    return sorted(wanted - held.days, key=lambda day: (day < today, day))


def _is_felt(held: DaysHeld, today: date) -> bool:
    """Whether deliveries go where more lies than may be moved at once."""
    written = today in held.strays and today not in held.days
    return written and sum(held.strays.values()) > FELT


def movable(held: DaysHeld, today: date, oldest: date) -> date | None:
    """The oldest day that may be moved alone beside deliveries to where it lies, if there is any.

    None also where all that is to be moved is moved at once.
    """
    if not _is_felt(held, today):
        return None
    looked_through = sum(held.strays.values()) // LOOKED_THROUGH
    days = sorted(day for day in held.strays.keys() - held.days if oldest <= day != today)
    return next((day for day in days if held.strays[day] + looked_through <= FELT), None)


async def _done(pool: Pool, step: DayStep) -> bool:
    try:
        if await step.run(pool, step.day) is not False:
            log.info("event_day", done=step.what, day=step.day.isoformat())
    except ElsewhereError:
        return False
    except Exception as error:  # noqa: BLE001 - a lock not had, or the database is away: soon again
        log.warning(
            "event_day_waits",
            wanted=step.what,
            day=step.day.isoformat(),
            error=type(error).__name__,
        )
        return False
    return True


async def _measure(pool: Pool, today: date) -> None:
    held = await _held(pool)  # figures only
    if held is not None:
        AHEAD.set(sum(1 for day in held.days if day > today))
        STRAYS.set(sum(held.strays.values()))
