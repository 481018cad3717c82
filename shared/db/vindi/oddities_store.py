"""How the lists and the events of accounts were seen to be odd."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final

from shared.db import clock
from shared.db.connection import Connection
from shared.domain.ids import TenantId

NOTED_EVERY: Final = timedelta(minutes=10)  # what is met with each request is not written as often
FLOOD_NOTED_EVERY: Final = timedelta(seconds=10)  # who minds a flood looks for how new its word is
# An account is read one by one for hours before lists are tried again; unseen for longer is over.
FORGOTTEN_AFTER: Final = timedelta(days=1)

BILLS_UNKNOWN: Final = "bills_unknown"  # events name bills that the account does not have
EVENTS_TOO_MANY: Final = "events_too_many"  # more than are kept of one tenant on a day
EVENTS_VAIN: Final = "events_vain"  # most name bills of which nothing is new
# In a flood what comes by events is no measure of what there is to do.
FLOODS: Final = (BILLS_UNKNOWN, EVENTS_TOO_MANY, EVENTS_VAIN)
FLOOD_LASTS: Final = timedelta(minutes=1)  # after its last word
NEWEST_LOOKED: Final = "newest_looked"  # when somebody last asked the account for what is new
REFUNDS_LOOKED: Final = "refunds_looked"  # the same of what was given back
INWARD: Final = (EVENTS_VAIN, NEWEST_LOOKED, REFUNDS_LOOKED)  # of our own work: nobody is told

NOTE: Final = """
    -- oddities_store.note
    INSERT INTO vindi_oddities AS v (tenant_id, oddity, since, seen_at)
    SELECT $1, oddity, $3, $3 FROM unnest($2::text[]) AS seen (oddity)
     ORDER BY oddity
        ON CONFLICT (tenant_id, oddity) DO UPDATE
       SET since = CASE WHEN excluded.seen_at - v.seen_at > $4::interval THEN excluded.since
                        ELSE v.since END,
           seen_at = excluded.seen_at
     WHERE excluded.seen_at - v.seen_at > $5::interval
"""


async def note(
    conn: Connection,
    tenant: TenantId,
    oddities: Collection[str],
    *,
    at: datetime,
    every: timedelta = NOTED_EVERY,
) -> None:
    """Remember that an account's lists were odd at an instant; written once in `every`."""
    if oddities:
        await conn.execute(NOTE, tenant, sorted(oddities), at, FORGOTTEN_AFTER, every)


async def note_flood(conn: Connection, tenant: TenantId, word: str) -> None:
    """Remember that a tenant's events are a flood just now: one of FLOODS."""
    at = await clock.now(conn)
    await note(conn, tenant, [word], at=at, every=FLOOD_NOTED_EVERY)


FLOODED: Final = """
    -- oddities_store.flooded_any_tenant
    SELECT DISTINCT tenant_id FROM vindi_oddities
     WHERE oddity = ANY($1::text[]) AND now() - seen_at < $2::interval
"""


async def flooded_any_tenant(conn: Connection) -> Sequence[TenantId]:
    """Tenants whose events are a flood just now, as any process saw it."""
    return [row["tenant_id"] for row in await conn.fetch(FLOODED, FLOODS, FLOOD_LASTS)]


TAKE_TURN: Final = """
    -- oddities_store.take_turn
    INSERT INTO vindi_oddities AS v (tenant_id, oddity, since, seen_at)
    VALUES ($1, $2, $3, $3)
        ON CONFLICT (tenant_id, oddity) DO UPDATE
       SET since = excluded.since, seen_at = excluded.seen_at
     WHERE excluded.seen_at - v.seen_at >= $4::interval
        OR v.seen_at > excluded.seen_at
 RETURNING v.tenant_id
"""


async def take_turn(
    conn: Connection, tenant: TenantId, *, every: timedelta, looked: str = NEWEST_LOOKED
) -> bool:
    """Whether it is time to ask the account what is new; of all processes one is told so.

    `looked` says what is asked for: NEWEST_LOOKED or REFUNDS_LOOKED.
    """
    now = await clock.now(conn)
    return await conn.fetchval(TAKE_TURN, tenant, looked, now, every) is not None
