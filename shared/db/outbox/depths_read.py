"""How much waits, and for how long, over all tenants: what gauges are made of.

Each tenant is looked up in the indexes of what is open, so that nothing here grows with what is
done; of one tenant no more than MOST are counted. With ten thousand tenants all of it takes some
tenths of a second.
"""

from datetime import timedelta
from typing import Final

from msgspec import Struct

from shared.db.connection import Connection
from shared.db.outbox.outbox_store import Lane
from shared.domain.sale import SaleStatus

MOST: Final = 1_000  # of one tenant


class Depth(Struct, frozen=True, kw_only=True):
    """How many wait, and how long the oldest has."""

    waiting: int
    oldest_for: timedelta


DUE: Final = """
    -- depths_read.due_any_tenant
    SELECT coalesce(sum(o.waiting), 0)::bigint AS waiting, now() - min(o.oldest) AS oldest_for
      FROM tenants t
      JOIN LATERAL (
          SELECT count(*) AS waiting, min(d.due_at) AS oldest
            FROM (SELECT o.due_at FROM outbox o
                   WHERE o.tenant_id = t.tenant_id AND o.state = 'due' AND o.lane = $1
                     AND o.due_at <= now()
                   ORDER BY o.due_at LIMIT $2) d
      ) o ON true
"""


async def due_any_tenant(conn: Connection, lane: Lane) -> Depth:
    """Say what is due now in a lane."""
    return await _depth(conn, DUE, lane, MOST)


LEASED: Final = """
    -- depths_read.leased_any_tenant
    SELECT count(*) FROM outbox WHERE state = 'leased'
"""


async def leased_any_tenant(conn: Connection) -> int:
    """Count the sales that emitters are working on."""
    found: int = await conn.fetchval(LEASED)
    return found


STANDING: Final = """
    -- depths_read.standing_any_tenant
    SELECT coalesce(sum(s.standing), 0)::bigint
      FROM tenants t
      JOIN LATERAL (
          SELECT count(*) AS standing
            FROM (SELECT s.bill_id FROM sales s
                   WHERE s.tenant_id = t.tenant_id AND s.status = $1 LIMIT $2) one
      ) s ON true
"""


async def standing_any_tenant(conn: Connection, status: SaleStatus) -> int:
    """Count the sales that stand at a status."""
    found: int = await conn.fetchval(STANDING, status.value, MOST)
    return found


STOPPED: Final = """
    -- depths_read.stopped_any_tenant
    SELECT coalesce(s.code, '') AS cause, count(*) AS standing
      FROM tenants t
      JOIN LATERAL (
          SELECT s.code FROM sales s WHERE s.tenant_id = t.tenant_id AND s.status = $1 LIMIT $2
      ) s ON true
     GROUP BY cause
"""


async def stopped_any_tenant(conn: Connection, status: SaleStatus) -> dict[str, int]:
    """Count the sales that stand at a status, by the code of why."""
    rows = await conn.fetch(STOPPED, status.value, MOST)
    return {row["cause"]: row["standing"] for row in rows}


DELIVERIES: Final = """
    -- depths_read.deliveries_any_tenant
    SELECT coalesce(sum(w.waiting), 0)::bigint AS waiting, now() - min(w.oldest) AS oldest_for
      FROM tenants t
      JOIN LATERAL (
          SELECT count(*) AS waiting, min(d.next_at) AS oldest
            FROM (SELECT w.next_at FROM webhook_deliveries w
                   WHERE w.tenant_id = t.tenant_id AND w.state = 'pending' AND w.next_at <= now()
                   ORDER BY w.next_at LIMIT $1) d
      ) w ON true
"""


async def deliveries_any_tenant(conn: Connection) -> Depth:
    """Say which status webhooks should have gone out by now."""
    return await _depth(conn, DELIVERIES, MOST)


PASSES: Final = """
    -- depths_read.passes_any_tenant
    SELECT count(*) AS waiting, now() - min(next_pass_at) AS oldest_for
      FROM reconciler_passes
     WHERE next_pass_at <= now() AND (lease_until IS NULL OR lease_until <= now())
"""


async def passes_any_tenant(conn: Connection) -> Depth:
    """Say which accounts the reconciler should be reading by now, and nobody does."""
    return await _depth(conn, PASSES)


BACKFILLS: Final = """
    -- depths_read.backfills_any_tenant
    SELECT count(*) AS waiting,
           now() - min(greatest(requested_at, not_before, lease_until)) AS oldest_for
      FROM backfills
     WHERE status IN ('queued', 'running') AND coalesce(lease_until, '-infinity') <= now()
       AND coalesce(not_before, '-infinity') <= now()
"""
BULK_JOBS: Final = """
    -- depths_read.bulk_jobs_any_tenant
    SELECT count(*) AS waiting, now() - min(turn_at) AS oldest_for
      FROM bulk_jobs WHERE status IN ('queued', 'running') AND turn_at <= now()
"""


CLOSING_CHECKS: Final = """
    -- depths_read.closing_checks_any_tenant
    SELECT count(*) AS waiting,
           now() - min(greatest(requested_at, not_before, lease_until)) AS oldest_for
      FROM closing_checks
     WHERE status IN ('queued', 'running') AND coalesce(lease_until, '-infinity') <= now()
       AND coalesce(not_before, '-infinity') <= now()
"""
MONTH_FILES: Final = """
    -- depths_read.month_files_any_tenant
    SELECT count(*) AS waiting, now() - min(greatest(asked_at, lease_until)) AS oldest_for
      FROM month_files
     WHERE state IN ('queued', 'working') AND coalesce(lease_until, '-infinity') <= now()
"""


async def backfills_any_tenant(conn: Connection) -> Depth:
    """Say which backfills could go on, and nobody works on them."""
    return await _depth(conn, BACKFILLS)


async def bulk_jobs_any_tenant(conn: Connection) -> Depth:
    """Say which actions for many sales wait for their next turn."""
    return await _depth(conn, BULK_JOBS)


async def closing_checks_any_tenant(conn: Connection) -> Depth:
    """Say which months wait to be compared with Vindi bill by bill."""
    return await _depth(conn, CLOSING_CHECKS)


async def month_files_any_tenant(conn: Connection) -> Depth:
    """Say which files of a month wait to be written."""
    return await _depth(conn, MONTH_FILES)


# From when they were asked for, or due, whatever was tried since: the law counts so.
ERASURES: Final = """
    -- depths_read.erasures_any_tenant
    SELECT count(*) AS waiting, now() - min(asked_at) AS oldest_for
      FROM erasures WHERE completed_at IS NULL
"""
DEPARTURES: Final = """
    -- depths_read.departures_any_tenant
    SELECT count(*) AS waiting, now() - min(delete_at) AS oldest_for
      FROM departures WHERE state IN ('waiting', 'deleting') AND delete_at <= now()
"""


async def erasures_any_tenant(conn: Connection) -> Depth:
    """Say which customers are to be erased and are not yet."""
    return await _depth(conn, ERASURES)


async def departures_any_tenant(conn: Connection) -> Depth:
    """Say which tenants should be deleted by now and are not wholly."""
    return await _depth(conn, DEPARTURES)


# A company that its tenant has left holds nobody up.
UNREAD_LISTS: Final = """
    -- depths_read.unread_lists_any_tenant
    SELECT count(*) AS waiting, now() - min(c.read_after) AS oldest_for
      FROM restore_checks c
      JOIN issuer_connections i
        ON i.tenant_id = c.tenant_id AND lower(i.company_id) = c.company_id
       AND i.environment = 'Producao'
     WHERE c.read_at IS NULL AND c.opened_at IS NULL
"""
UNKNOWN_NOTAS: Final = """
    -- depths_read.unknown_notas_any_tenant
    SELECT count(*) FROM restore_finds WHERE known_at IS NULL
"""


async def unread_lists_any_tenant(conn: Connection) -> Depth:
    """Say of which companies nothing is issued until their list was read for a restore."""
    return await _depth(conn, UNREAD_LISTS)


async def unknown_notas_any_tenant(conn: Connection) -> int:
    """Count the notas that were found after a restore and are not known again yet."""
    found: int = await conn.fetchval(UNKNOWN_NOTAS)
    return found


BREAKERS: Final = """
    -- depths_read.breakers_any_tenant
    SELECT scope, state, count(*) AS breakers FROM issuer_breakers
     WHERE state <> 'closed' GROUP BY scope, state
"""
COMPANIES: Final = """
    -- depths_read.breakers_any_tenant of companies
    SELECT 'company' AS scope, state, count(*) AS breakers FROM company_breakers
     WHERE state <> 'closed' GROUP BY state
"""


async def breakers_any_tenant(conn: Connection) -> dict[tuple[str, str], int]:
    """Count the breakers that are not closed, by scope and state."""
    rows = [*await conn.fetch(BREAKERS), *await conn.fetch(COMPANIES)]
    return {(row["scope"], row["state"]): row["breakers"] for row in rows}


async def _depth(conn: Connection, statement: str, *arguments: int) -> Depth:
    [row] = await conn.fetch(statement, *arguments)
    return Depth(waiting=row["waiting"], oldest_for=row["oldest_for"] or timedelta())
