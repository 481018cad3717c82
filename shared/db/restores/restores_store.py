"""Which life of which server this database belongs to, and what follows when it is another one.

PostgreSQL counts a new timeline whenever it was restored to a moment, and whenever a replica takes
over; a server made from a dump has another identifier. Both are asked of the running server and
held against what the database remembers of itself. A copy of the files carries neither mark: for
that whoever starts the server remembers outside how far it was written (`shared.local.seen`), and
people say so for servers that others run (`make restored`). Decision 0033.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Literal, TypeVar

import asyncpg
import structlog
from msgspec import Struct

from shared.db import clock
from shared.db.connection import Connection

log = structlog.get_logger()

T = TypeVar("T", bound=Struct)
Sign = Literal["timeline", "server", "older_copy", "told"]

SEEN_EVERY: Final = timedelta(seconds=5)  # how often it is written down that all is well
# Clocks differ, and what is written down is a little older than what is lost.
MARGIN: Final = timedelta(minutes=5)
UNKNOWN_WHEN: Final = timedelta(days=1)
# What left under a lease of before, and is still on its way to the issuer when this is noticed.
SETTLES: Final = timedelta(seconds=30)


class Life(Struct, frozen=True, kw_only=True):
    """What tells one life of a server from another; equal as long as nothing was lost."""

    system_identifier: int
    wal_timeline: int


class Restore(Struct, frozen=True, kw_only=True):
    """That an older copy was noticed: what was written from `since` on may be missing."""

    restore_id: int
    why: Sign
    since: datetime
    noticed_at: datetime
    read_after: datetime  # readings of issuers' lists count from here on


# Of the running server, so no table stands in it: a node of Citus would answer for itself.
LIVE: Final = """
    -- restores_store.live
    SELECT pg_backend_pid() AS process, system_identifier,
           ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::int
               AS wal_timeline
      FROM pg_control_system()
"""


async def live(conn: Connection) -> Life | None:
    """Ask the server which one it is; None where it does not say, as some managed ones.

    It is asked once on a connection: a server that was restored has been started anew, and one
    that took over could not tell before it had. A pooler between numbers its sessions by itself,
    and may put another server's process beneath each transaction.
    """
    remembered: dict[str, object] | None = getattr(conn, "remembered", None)
    if remembered is not None and isinstance(known := remembered.get(LIVE), Life):
        return known
    try:
        row = await conn.fetchrow(LIVE)
    except (asyncpg.InsufficientPrivilegeError, asyncpg.FeatureNotSupportedError):
        return None
    if row is None:
        return None
    life = _picked(Life, row)
    if remembered is not None and row["process"] == conn.get_server_pid():
        remembered[LIVE] = life
    return life


REMEMBERED: Final = """
    -- restores_store.remembered
    SELECT system_identifier, wal_timeline FROM database_life
"""


async def remembered(conn: Connection) -> Life | None:
    """What the database says of itself; None before it was first asked."""
    row = await conn.fetchrow(REMEMBERED)
    return None if row is None else Life(**dict(row))


NEWEST: Final = """
    -- restores_store.newest
    SELECT restore_id, why, since, noticed_at, read_after
      FROM restores ORDER BY restore_id DESC LIMIT 1
"""


async def newest(conn: Connection) -> Restore | None:
    """The restore that was noticed last; None if there never was one."""
    row = await conn.fetchrow(NEWEST)
    return None if row is None else Restore(**dict(row))


OLDER_CODE: Final = """
    -- restores_store.older_code_until
    SELECT older_code_until FROM database_life
"""


async def older_code_until(conn: Connection) -> datetime | None:
    """Until when emitters may run that say nothing of themselves; None where there never were."""
    until: datetime | None = await conn.fetchval(OLDER_CODE)
    return until


# A lease of a process that said no word of itself is one of older code, or of one that was cut off
# as it ended. Its sales are worked on within seconds, and it takes some again and again.
NOTE_OLDER: Final = """
    -- restores_store.note_older_code_any_tenant
    UPDATE database_life SET older_code_until = now() + $1::interval
     WHERE coalesce(older_code_until, '-infinity') < now() + $1::interval / 2
       AND EXISTS (SELECT o.leased_by FROM outbox o
                    WHERE o.state = 'leased' AND o.lease_until > now()
                      AND o.leased_by <> ALL($2::text[]))
"""
OLDER_FOR: Final = timedelta(minutes=30)


async def note_older_code_any_tenant(conn: Connection, emitters: Sequence[str]) -> None:
    """Write down that emitters run beside these that say nothing of themselves, where some do.

    An upgrade may stop half-way for a day: what the migration foresaw is then long over.
    """
    await conn.execute(NOTE_OLDER, OLDER_FOR, emitters)


class Itself(Struct, frozen=True, kw_only=True):
    """What a database knows of itself, by its own clock."""

    life: Life | None  # None before it was first asked
    restore: Restore | None  # the last one that was noticed
    now: datetime


ITSELF: Final = """
    -- restores_store.itself
    SELECT l.system_identifier, l.wal_timeline, r.restore_id, r.why, r.since, r.noticed_at,
           r.read_after, n.now
      FROM (SELECT now()) AS n
      LEFT JOIN database_life l ON true
      LEFT JOIN (SELECT restore_id, why, since, noticed_at, read_after
                   FROM restores ORDER BY restore_id DESC LIMIT 1) r ON true
"""


async def itself(conn: Connection) -> Itself:
    """What `remembered` and `newest` tell, in one statement: each batch begins with it."""
    [row] = await conn.fetch(ITSELF)
    return Itself(
        life=_picked(Life, row) if row["system_identifier"] is not None else None,
        restore=_picked(Restore, row) if row["restore_id"] is not None else None,
        now=row["now"],
    )


def _picked(kind: type[T], row: asyncpg.Record) -> T:
    return kind(**{name: row[name] for name in kind.__struct_fields__})


FIRST: Final = """
    -- restores_store.look_any_tenant first
    INSERT INTO database_life (one, system_identifier, wal_timeline, seen_at)
    VALUES (true, $1, $2, $3)
        ON CONFLICT (one) DO NOTHING
"""
LOCK: Final = """
    -- restores_store.look_any_tenant lock
    SELECT system_identifier, wal_timeline, seen_at FROM database_life FOR UPDATE
"""
SEEN: Final = """
    -- restores_store.look_any_tenant seen
    UPDATE database_life
       SET system_identifier = $1, wal_timeline = $2, seen_at = greatest(seen_at, $3)
"""
SEEN_LATELY: Final = """
    -- restores_store.look_any_tenant lately
    SELECT $1 - seen_at < $2::interval FROM database_life
     WHERE system_identifier = $3 AND wal_timeline = $4
"""
ADD: Final = """
    -- restores_store.look_any_tenant add
    INSERT INTO restores (restore_id, why, since, noticed_at, read_after)
    SELECT coalesce(max(restore_id), 0) + 1, $1, $2, $3, $4 FROM restores
 RETURNING restore_id, why, since, noticed_at, read_after
"""
WANT_CHECKS: Final = """
    -- restores_store.look_any_tenant checks
    INSERT INTO restore_checks (tenant_id, restore_id, company_id, since_on, until_on, read_after)
    SELECT DISTINCT k.tenant_id, $1::int, lower(k.company_id), $2::date, $3::date, $4::timestamptz
      FROM nota_connections k WHERE k.environment = 'Producao'
        ON CONFLICT (tenant_id, restore_id, company_id) DO NOTHING
"""
WANT_DAYS: Final = """
    -- restores_store.look_any_tenant days
    INSERT INTO issuer_days AS d (tenant_id, company_id, day, wanted_at, urgent)
    SELECT DISTINCT k.tenant_id, lower(k.company_id), $1::date + later, $3::timestamptz, true
      FROM nota_connections k CROSS JOIN generate_series(0, $2::date - $1::date) AS later
     WHERE k.environment = 'Producao'
        ON CONFLICT (tenant_id, company_id, day) DO UPDATE
       SET wanted_at = excluded.wanted_at, urgent = true,
           read_at = CASE WHEN d.read_at < excluded.wanted_at THEN d.read_at END
"""


async def look_any_tenant(
    conn: Connection, *, told: Sign | None = None, since: datetime | None = None
) -> Restore | None:
    """Hold the server against what its database remembers; the restore where it is another one.

    Where all is well that is written down every few seconds: the last time it was is where what is
    missing begins. `told`: somebody outside knows that it is an older copy, of `since` if they know
    that too; what left before has then long arrived. Whatever is noticed is so for all tenants: the
    lists of their companies are wanted, and nothing is issued there before those were read. Safe to
    repeat, and to be called by many at once; opens transactions of its own.
    """
    life = await live(conn)
    if life is None and told is None:
        return None
    life = life or Life(system_identifier=0, wal_timeline=0)
    now = await clock.this_instant(conn)
    if told is None and await conn.fetchval(
        SEEN_LATELY, now, SEEN_EVERY, life.system_identifier, life.wal_timeline
    ):
        return None
    async with conn.transaction():
        await conn.execute(FIRST, life.system_identifier, life.wal_timeline, now)
        row = await conn.fetchrow(LOCK)
        if row is None:
            raise RuntimeError("the row of this database's life is gone")
        before = Life(system_identifier=row["system_identifier"], wal_timeline=row["wal_timeline"])
        await conn.execute(SEEN, life.system_identifier, life.wal_timeline, now)
        why = told or _why(before, life)
        if why is None:
            return None
        begins = (since or _last_well(row["seen_at"], now)) - MARGIN
        read_after = now if told else now + SETTLES
        added = await conn.fetchrow(ADD, why, min(begins, now), now, read_after)
        if added is None:
            raise RuntimeError("a restore that was added is not there")
        restore = Restore(**dict(added))
        days = restore.since.date(), restore.read_after.date()
        await conn.execute(WANT_CHECKS, restore.restore_id, *days, restore.read_after)
        await conn.execute(WANT_DAYS, *days, restore.read_after)
    log.error(
        "database_restored",
        restore_id=restore.restore_id,
        why=restore.why,
        since=restore.since.isoformat(),
    )
    return restore


def _last_well(seen_at: datetime, now: datetime) -> datetime:
    """When all was last well. What a clock that was ahead wrote down says nothing of when."""
    return min(seen_at, now) if seen_at <= now + MARGIN else now - UNKNOWN_WHEN


def _why(before: Life, life: Life) -> Sign | None:
    if before.system_identifier != life.system_identifier:
        return "server"
    return None if before.wal_timeline == life.wal_timeline else "timeline"
