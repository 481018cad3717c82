"""Each day of the raw events has a partition, made and dropped without a delivery's noticing."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta

import asyncpg
import pytest

from services.reconciler.keep_event_days import (
    DAYS_AHEAD,
    FELT,
    KEEP_EVENTS,
    keep_once,
    keep_today,
)
from shared.db.connection import Connection, Pool
from shared.db.vindi import event_days_store
from shared.db.vindi.event_days_store import name_of

NOW = datetime.now(UTC)
TODAY = NOW.date()
YESTERDAY = TODAY - timedelta(days=1)
LONG_AGO = TODAY - KEEP_EVENTS - timedelta(days=9)

PUT = """
    INSERT INTO events (tenant_id, received_at, source, body)
    VALUES ('tabcdefghij', $1, 'vindi', 'sealed') RETURNING tableoid::regclass::text
"""
WHERE_IT_LIES = "SELECT tableoid::regclass::text FROM events ORDER BY received_at"


def at(day: date, hour: int = 12) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


async def days(pool: Pool) -> set[date]:
    async with pool.acquire() as conn:
        return set((await event_days_store.held_any_tenant(conn)).days)


async def where_they_lie(pool: Pool) -> list[str]:
    return [row[0] for row in await pool.fetch(WHERE_IT_LIES)]


def coming(today: date) -> set[date]:
    return {today + timedelta(days=offset) for offset in range(DAYS_AHEAD + 1)}


@asynccontextmanager
async def a_backup(pool: Pool) -> AsyncIterator[Connection]:
    """A transaction that reads every event and ends when the block does, as pg_dump's."""
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute("LOCK TABLE events IN ACCESS SHARE MODE")
        yield conn


@asynccontextmanager
async def a_delivery(pool: Pool, when: datetime) -> AsyncIterator[None]:
    """A delivery whose commit is still to come while the block runs."""
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute(PUT, when)
        yield


async def test_the_coming_days_are_there_today(pool: Pool) -> None:
    assert await keep_once(pool, now=NOW)
    assert await keep_once(pool, now=NOW)

    assert await days(pool) == coming(TODAY)
    assert await pool.fetchval(PUT, NOW) == name_of(TODAY)


async def test_events_past_their_time_go_and_all_others_stay(pool: Pool) -> None:
    for now in (at(LONG_AGO), NOW):
        assert await keep_once(pool, now=now)

    assert await days(pool) == coming(TODAY)


async def test_one_event_in_the_default_partition_does_not_stop_the_days(pool: Pool) -> None:
    for day in (YESTERDAY, TODAY + timedelta(days=3)):
        await pool.execute(PUT, at(day))

    assert await keep_once(pool, now=NOW)

    assert await days(pool) == coming(TODAY) | {YESTERDAY}
    assert await where_they_lie(pool) == [name_of(YESTERDAY), name_of(TODAY + timedelta(days=3))]


async def test_a_day_that_began_in_the_default_partition_moves_when_it_is_over(pool: Pool) -> None:
    await pool.execute(PUT, at(TODAY, 0))

    assert await keep_once(pool, now=NOW)
    assert await days(pool) == coming(TODAY) - {TODAY}
    assert await pool.fetchval(PUT, at(TODAY, 23)) == "events_default"

    assert await keep_once(pool, now=at(TODAY + timedelta(days=1), 0))
    assert await where_they_lie(pool) == [name_of(TODAY)] * 2


async def test_the_time_events_are_kept_holds_in_the_default_partition_too(pool: Pool) -> None:
    await pool.execute(PUT, at(LONG_AGO))
    await pool.execute(PUT, at(YESTERDAY))

    assert await keep_once(pool, now=NOW)

    assert await where_they_lie(pool) == [name_of(YESTERDAY)]


async def test_a_running_backup_stalls_no_delivery_and_the_days_come_after_it(pool: Pool) -> None:
    slowest = 0.0
    async with a_backup(pool):
        keeping = asyncio.create_task(keep_once(pool, now=NOW))
        while not keeping.done():
            began = time.monotonic()
            await pool.execute(PUT, NOW)
            slowest = max(slowest, time.monotonic() - began)
        assert not await keeping

    assert slowest < 2  # a lock's whole time-out is 5 s
    assert await keep_once(pool, now=NOW)
    assert coming(TODAY) - await days(pool) == {TODAY}


async def test_a_backup_holds_nothing_up_once_the_days_are_there(pool: Pool) -> None:
    await keep_once(pool, now=NOW)

    async with a_backup(pool):
        assert await keep_once(pool, now=NOW)


async def test_days_are_made_while_deliveries_are_under_way(pool: Pool) -> None:
    await keep_once(pool, now=NOW - timedelta(days=1))

    async with a_delivery(pool, NOW):
        assert await keep_once(pool, now=NOW)

    assert coming(TODAY) <= await days(pool)


async def test_old_events_are_gone_in_time_though_a_delivery_never_ends(pool: Pool) -> None:
    await keep_once(pool, now=at(LONG_AGO))
    await pool.execute(PUT, at(LONG_AGO))

    async with a_delivery(pool, NOW):
        assert not await keep_once(pool, now=NOW)  # its place is still there, and empty
        assert await where_they_lie(pool) == []

    assert await keep_once(pool, now=NOW)
    assert LONG_AGO not in await days(pool)


async def test_a_delivery_does_not_wait_for_a_drop_that_waits(pool: Pool) -> None:
    await keep_once(pool, now=at(LONG_AGO))
    await keep_once(pool, now=NOW - timedelta(days=1))
    async with a_backup(pool) as reading:
        await reading.execute(f"LOCK TABLE {name_of(TODAY)} IN ACCESS SHARE MODE")
        dropping = asyncio.create_task(event_days_store.drop(pool, LONG_AGO))
        async with pool.acquire() as conn, conn.transaction():
            await conn.execute("SET LOCAL lock_timeout = '2s'")
            await conn.execute(PUT, NOW)
        await asyncio.wait({dropping})

    assert dropping.exception() is None or isinstance(
        dropping.exception(), asyncpg.LockNotAvailableError
    )


async def test_keepers_that_start_together_are_in_nobody_s_way(pool: Pool) -> None:
    await asyncio.gather(*(keep_once(pool, now=NOW) for _ in range(4)))

    assert await keep_once(pool, now=NOW)
    assert await days(pool) == coming(TODAY)


async def test_a_second_keeper_leaves_a_day_to_the_first(pool: Pool) -> None:
    async with pool.acquire() as conn, conn.transaction():
        await conn.fetchval(event_days_store.TAKE_TURN, event_days_store.TURN_KEY)
        with pytest.raises(event_days_store.ElsewhereError):
            await event_days_store.make(pool, TODAY)


async def test_a_day_that_cannot_be_made_stops_no_other(pool: Pool) -> None:
    await pool.execute(f"CREATE TABLE {name_of(TODAY)} (id int)")  # somebody's detached one, say

    assert not await keep_once(pool, now=NOW)

    assert await days(pool) == coming(TODAY) - {TODAY}


@pytest.mark.parametrize("off", [timedelta(days=400), timedelta(days=-400)])
async def test_a_machine_whose_clock_is_off_by_a_year_drops_nothing_and_makes_the_days(
    pool: Pool, off: timedelta
) -> None:
    old = TODAY - KEEP_EVENTS + timedelta(days=1)
    await keep_once(pool, now=at(old))
    await pool.execute(PUT, at(old))

    assert await keep_today(pool, ours=NOW + off)

    assert await where_they_lie(pool) == [name_of(old)]
    assert coming(TODAY) <= await days(pool)


async def test_events_of_a_clock_that_was_years_ahead_stop_no_day(pool: Pool) -> None:
    ahead = TODAY.replace(day=1, month=1, year=TODAY.year + 12)
    await pool.execute(PUT, at(ahead))

    assert await keep_once(pool, now=NOW)

    assert await days(pool) == coming(TODAY) | {ahead}
    assert await where_they_lie(pool) == [name_of(ahead)]


@pytest.mark.parametrize("hour", [0, 3])
async def test_after_ten_days_without_a_keeper_each_day_has_its_events(
    pool: Pool, hour: int
) -> None:
    """At midnight in UTC, and in Brazil, on the last day of a month that has thirty."""
    before = date(2026, 11, 20)
    await keep_once(pool, now=at(before))
    missed = [date(2026, 11, 28), date(2026, 11, 29), date(2026, 11, 30)]
    for day in missed:
        assert await pool.fetchval(PUT, at(day, hour)) == "events_default"

    over = datetime(2026, 12, 1, hour, tzinfo=UTC)
    assert await keep_once(pool, now=over)

    assert await where_they_lie(pool) == [name_of(day) for day in missed]
    assert coming(over.date()) <= await days(pool)
    assert await pool.fetchval(PUT, over) == name_of(over.date())


MANY = """
    INSERT INTO events (tenant_id, received_at, source, body)
    SELECT 'tabcdefghij', $1, 'vindi', 'sealed' FROM generate_series(1, $2)
"""


async def test_many_days_are_moved_only_once_no_delivery_goes_where_they_lie(pool: Pool) -> None:
    tomorrow = TODAY + timedelta(days=1)
    await pool.execute(MANY, at(YESTERDAY), FELT)
    await pool.execute(PUT, at(TODAY, 0))

    assert await keep_once(pool, now=NOW)
    assert await days(pool) == {tomorrow}
    assert set(await where_they_lie(pool)) == {"events_default"}

    async with a_delivery(pool, at(tomorrow, 0)):  # under way all the time
        assert await keep_once(pool, now=at(tomorrow, 0))
        assert await days(pool) == coming(tomorrow) | {YESTERDAY, TODAY}
    lies = await where_they_lie(pool)
    assert (lies.count(name_of(YESTERDAY)), lies.count(name_of(TODAY))) == (FELT, 1)


async def test_of_many_days_those_nobody_feels_are_moved_one_by_one_beside_deliveries(
    pool: Pool,
) -> None:
    few = [TODAY - timedelta(days=offset) for offset in (4, 3, 2)]
    for day in few:
        await pool.execute(MANY, at(day), FELT // 4)
    await pool.execute(MANY, at(YESTERDAY), FELT)
    await pool.execute(PUT, at(TODAY, 0))

    keeping = asyncio.create_task(keep_once(pool, now=NOW))
    while not keeping.done():
        assert await pool.fetchval(PUT, NOW) == "events_default"
        await asyncio.sleep(0.01)

    assert await keeping
    assert await days(pool) == {TODAY + timedelta(days=1), *few}
    assert await pool.fetchval("SELECT count(*) FROM events") > 1.75 * FELT


async def test_a_few_are_moved_while_deliveries_go_there(pool: Pool) -> None:
    await pool.execute(MANY, at(YESTERDAY), 3)
    await pool.execute(PUT, at(TODAY, 0))

    assert await keep_once(pool, now=NOW)

    assert await days(pool) == (coming(TODAY) - {TODAY}) | {YESTERDAY}
