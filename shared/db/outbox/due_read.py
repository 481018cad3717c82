"""Who has sales that are due, and how many: read, before any is claimed."""

from datetime import timedelta
from operator import itemgetter
from typing import Final

import asyncpg
from msgspec import Struct

from shared.db.connection import Connection
from shared.db.outbox.outbox_store import BACKFILL, LIVE, RECONCILE, Lane
from shared.domain.ids import TenantId


class DueTenant(Struct, frozen=True, kw_only=True):
    """A tenant with work due now, in which lanes, and since when in the live one."""

    tenant_id: TenantId
    lanes: frozenset[Lane]  # one at least
    live_for: timedelta | None  # None without any


# Two ways to the same answer, neither of which grows with what is settled. Where little is open all
# of it is read, from its own index: tenants without any cost nothing. Where more is, each tenant is
# looked up there, whatever the number of rows. (A skip scan would be one way for both, but recurses
# over all tenants, which Citus refuses; PostgreSQL's own guess of how much is open is often hours
# old, so it is not left to choose.) Who looks often says how many rows are worth reading: to look a
# tenant up costs as much as to read so many.
READ_AT_MOST: Final = 2_000
ROWS_A_TENANT: Final = 20
OF_FEW: Final = """
    -- due_read.due_of_few_any_tenant
    SELECT tenant_id, min(due_at) FILTER (WHERE due_at <= now()) AS due_at,
           now() - min(due_at) FILTER (WHERE due_at <= now() AND lane = 0) AS live_for,
           count(*) FILTER (WHERE due_at <= now() AND lane = 1) AS found,
           count(*) FILTER (WHERE due_at <= now() AND lane = 2) AS past,
           count(*) AS entries
      FROM (SELECT tenant_id, lane, due_at FROM outbox WHERE state = 'due'
             ORDER BY tenant_id, lane, due_at LIMIT $1) o
     GROUP BY tenant_id
"""
OF_MANY: Final = """
    -- due_read.due_of_many_any_tenant
    SELECT t.tenant_id, now() - live.due_at AS live_for,
           (found.due_at IS NOT NULL)::int AS found, (past.due_at IS NOT NULL)::int AS past
      FROM tenants t
      JOIN LATERAL (
          SELECT o.lane FROM outbox o WHERE o.tenant_id = t.tenant_id AND o.state = 'due'
           ORDER BY o.lane LIMIT 1
      ) first ON true
      LEFT JOIN LATERAL (
          SELECT o.due_at FROM outbox o
           WHERE o.tenant_id = t.tenant_id AND o.state = 'due' AND o.lane = 0
             AND o.due_at <= now() AND first.lane <= 0
           ORDER BY o.due_at LIMIT 1
      ) live ON true
      LEFT JOIN LATERAL (
          SELECT o.due_at FROM outbox o
           WHERE o.tenant_id = t.tenant_id AND o.state = 'due' AND o.lane = 1
             AND o.due_at <= now() AND first.lane <= 1
           ORDER BY o.due_at LIMIT 1
      ) found ON true
      LEFT JOIN LATERAL (
          SELECT o.due_at FROM outbox o
           WHERE o.tenant_id = t.tenant_id AND o.state = 'due' AND o.lane = 2
             AND o.due_at <= now() AND first.lane <= 2
           ORDER BY o.due_at LIMIT 1
      ) past ON true
     WHERE least(live.due_at, found.due_at, past.due_at) IS NOT NULL
     ORDER BY least(live.due_at, found.due_at, past.due_at) LIMIT $1
"""


async def due_of_few_any_tenant(
    conn: Connection, *, limit: int, read_at_most: int
) -> list[DueTenant] | None:
    """Tenants that have work due now, the longest waiting first; None where more rows are open."""
    few = await conn.fetch(OF_FEW, read_at_most)
    if sum(row["entries"] for row in few) >= read_at_most:
        return None
    due = sorted((row for row in few if row["due_at"] is not None), key=itemgetter("due_at"))
    return [_due_tenant(row) for row in due[:limit]]


async def due_of_many_any_tenant(conn: Connection, *, limit: int) -> list[DueTenant]:
    """The same, whatever number of rows is open."""
    return [_due_tenant(row) for row in await conn.fetch(OF_MANY, limit)]


WORTH_READING: Final = """
    -- due_read.worth_reading
    SELECT count(*) FROM (SELECT tenant_id FROM tenants LIMIT $1) AS t
"""


async def worth_reading_any_tenant(conn: Connection) -> int:
    """How many open rows cost no more to read than a look at each tenant."""
    most = READ_AT_MOST // ROWS_A_TENANT
    tenants: int = await conn.fetchval(WORTH_READING, most)
    return max(1, tenants) * ROWS_A_TENANT


def _due_tenant(row: asyncpg.Record) -> DueTenant:
    live_for = row["live_for"]
    there = ((LIVE, live_for is not None), (RECONCILE, row["found"]), (BACKFILL, row["past"]))
    return DueTenant(
        tenant_id=row["tenant_id"],
        lanes=frozenset(lane for lane, is_due in there if is_due),
        live_for=live_for,
    )


class DueToRead(Struct, frozen=True, kw_only=True):
    """What is due of one lane, told apart by whether a bill was heard of and has to be read."""

    to_read: int
    to_read_for: timedelta  # how long the oldest of these has been due; nothing without any
    others: int


DUE_TO_READ: Final = """
    -- due_read.due_to_read
    SELECT count(*) FILTER (WHERE heard) AS to_read,
           now() - min(due_at) FILTER (WHERE heard) AS to_read_for,
           count(*) FILTER (WHERE NOT heard) AS others
      FROM (SELECT due_at, bill_facts > bill_facts_read AS heard FROM outbox
             WHERE tenant_id = $1 AND state = 'due' AND lane = $2 AND due_at <= now()
             ORDER BY due_at LIMIT $3) AS due
"""


async def due_to_read(conn: Connection, tenant: TenantId, *, lane: Lane, most: int) -> DueToRead:
    """Look at a tenant's sales that are due in a lane, the `most` that wait longest."""
    [row] = await conn.fetch(DUE_TO_READ, tenant, lane, most)
    return DueToRead(
        to_read=row["to_read"],
        to_read_for=row["to_read_for"] or timedelta(),
        others=row["others"],
    )


DUE_NOW: Final = """
    -- due_read.due_now
    SELECT count(*) FROM (SELECT FROM outbox
                           WHERE tenant_id = $1 AND state = 'due' AND lane = $2 AND due_at <= now()
                           LIMIT $3) AS due
"""


async def due_now(conn: Connection, tenant: TenantId, *, lane: Lane, most: int) -> int:
    """Count a tenant's sales that are due in a lane, no further than `most`."""
    found: int = await conn.fetchval(DUE_NOW, tenant, lane, most)
    return found
