"""The days of the raw events: a partition a day, made ahead of time and dropped when it is over.

Nothing here takes a lock that ingest feels for longer than `LOCK_WAIT`. A partition is made as a
table of its own and attached: that locks `events` against other changes of its shape only, and the
default partition for an instant, which nothing is written to while each day has its own.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from msgspec import Struct

from shared.db.connection import Connection, Pool

# Whoever waits for a lock makes others wait behind it, deliveries among them.
LOCK_WAIT: Final = timedelta(milliseconds=50)
TURN_KEY: Final = 0x4E6F7461_65766E74  # "Notaevnt": any number no other program locks

TAKE_TURN: Final = """
    -- event_days_store.take_turn
    SELECT pg_try_advisory_xact_lock($1)
"""

WAIT_BRIEFLY: Final = """
    -- event_days_store.wait_briefly
    SELECT set_config('lock_timeout', $1, true)
"""


class ElsewhereError(Exception):
    """Another process is making or dropping days just now."""


class DetachedError(Exception):
    """A table has the name of a day and is no partition: somebody took it out by hand."""


class DaysHeld(Struct, frozen=True, kw_only=True):
    """Which days have a partition, and how many events of others lie in the default one."""

    days: frozenset[date]
    strays: dict[date, int]


DAYS: Final = """
    -- event_days_store.days
    SELECT to_date(right(c.relname, 8), 'YYYYMMDD') AS day
      FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
     WHERE i.inhparent = 'events'::regclass AND c.relname ~ '^events_[0-9]{8}$'
"""
STRAYS: Final = """
    -- event_days_store.strays_any_tenant
    SELECT (received_at AT TIME ZONE 'UTC')::date AS day, count(*) AS events
      FROM events_default GROUP BY 1
"""


async def held_any_tenant(conn: Connection) -> DaysHeld:
    """Look what is there; takes no lock that anybody feels."""
    days = await conn.fetch(DAYS)
    strays = await conn.fetch(STRAYS)
    return DaysHeld(
        days=frozenset(row["day"] for row in days),
        strays={row["day"]: row["events"] for row in strays},
    )


ATTACHED: Final = """
    -- event_days_store.attached
    SELECT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = c.oid)
      FROM pg_class c WHERE c.oid = to_regclass($1)
"""
# Functions of the owner's (migration 0033): a service owns no table, and may do no more than this.
MAKE: Final = """
    -- event_days_store.make
    SELECT make_event_day($1)
"""
EMPTY: Final = """
    -- event_days_store.empty
    SELECT empty_event_day($1)
"""
DROP: Final = """
    -- event_days_store.drop
    SELECT drop_event_day($1)
"""
FORGET_STRAYS: Final = """
    -- event_days_store.forget_strays_any_tenant
    DELETE FROM events_default WHERE received_at >= $1 AND received_at < $2
"""


async def make(pool: Pool, day: date) -> bool:
    """Give a day its partition, and the events of it that lie in the default one; once.

    False when it is there already. A day that is still being written to must have no events in the
    default partition: they would be waited for. Raises what the database does when a lock is not
    had at once, ElsewhereError and DetachedError; nothing is left half done.
    """
    table = name_of(day)
    async with _turn(pool) as conn:
        # Asked first: Citus refuses a partition that exists even where IF NOT EXISTS is said.
        attached = await conn.fetchval(ATTACHED, table)
        if attached:
            return False
        if attached is not None:
            raise DetachedError(table)
        await conn.execute(MAKE, day)
    return True


async def forget_strays(pool: Pool, day: date) -> None:
    """Delete a day's events from the default partition: they are past their time."""
    async with _turn(pool) as conn:
        await conn.execute(FORGET_STRAYS, *_bounds(day))


async def empty(pool: Pool, day: date) -> None:
    """Forget a day's events. Locks nothing but that day's partition, so ingest is never in it."""
    async with _turn(pool) as conn:
        await conn.execute(EMPTY, day)


async def drop(pool: Pool, day: date) -> None:
    """Drop a day's partition. The one step that locks `events` itself, for an instant.

    (DETACH … CONCURRENTLY is refused where there is a default partition.)
    """
    async with _turn(pool) as conn:
        await conn.execute(DROP, day)


def name_of(day: date) -> str:
    """The table of a day."""
    return f"events_{day:%Y%m%d}"


def _bounds(day: date) -> tuple[datetime, datetime]:
    first = datetime.combine(day, time(), tzinfo=UTC)
    return first, first + timedelta(days=1)


@asynccontextmanager
async def _turn(pool: Pool) -> AsyncIterator[Connection]:
    """A transaction that no other keeper has at the same time, and that waits for no lock long."""
    async with pool.acquire() as conn, conn.transaction():
        if not await conn.fetchval(TAKE_TURN, TURN_KEY):
            raise ElsewhereError
        await conn.execute(WAIT_BRIEFLY, str(int(LOCK_WAIT.total_seconds() * 1000)))
        yield conn
