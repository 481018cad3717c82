"""How the lists and the events of accounts were seen to be odd."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from shared.db import clock
from shared.db.connection import Connection
from shared.domain.ids import TenantId

NOTED_EVERY: Final = timedelta(minutes=10)  # what is met with each request is not written as often
# An account is read one by one for hours before lists are tried again; unseen for longer is over.
FORGOTTEN_AFTER: Final = timedelta(days=1)

BILLS_UNKNOWN: Final = "bills_unknown"  # events name bills that the account does not have
EVENTS_TOO_MANY: Final = "events_too_many"  # more than are kept of one tenant on a day

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
    conn: Connection, tenant: TenantId, oddities: Collection[str], *, at: datetime
) -> None:
    """Remember that an account's lists were odd at an instant."""
    if oddities:
        await conn.execute(NOTE, tenant, sorted(oddities), at, FORGOTTEN_AFTER, NOTED_EVERY)


async def note_now(conn: Connection, tenant: TenantId, oddities: Collection[str]) -> None:
    """Remember that an account is odd just now."""
    await note(conn, tenant, oddities, at=await clock.now(conn))
