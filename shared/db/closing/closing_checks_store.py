"""Deep checks of closings: one for each tenant and month, shared by replicas through leases."""

from datetime import date, timedelta
from typing import Any, Final

import asyncpg

from shared.db import clock
from shared.db.connection import Connection
from shared.domain.closing import Month
from shared.domain.closing_check import OMITTED, CheckStep, DeepCheck
from shared.domain.ids import TenantId

# A check that has ended gives way to the new one; one that is open stays.
ASK: Final = """
    -- closing_checks_store.ask
    INSERT INTO closing_checks AS c (tenant_id, month, requested_by, requested_at)
    VALUES ($1, $2, $3, now())
        ON CONFLICT (tenant_id, month) DO UPDATE
       SET status = 'queued', requested_by = excluded.requested_by,
           requested_at = excluded.requested_at, started_at = NULL, finished_at = NULL,
           error = NULL, attempt = c.attempt + 1, lease_until = NULL, not_before = NULL,
           failures = 0, phase = 'known', cursor = 0, bills_total = 0,
           bills_read = 0, differed = 0, found = 0
     WHERE c.status IN ('completed', 'failed')
 RETURNING c.*
"""


async def ask(conn: Connection, tenant: TenantId, month: Month, *, by: str) -> DeepCheck | None:
    """Ask for a check; None when one of that month is open already."""
    row = await conn.fetchrow(ASK, tenant, month.first_day, by)
    return None if row is None else _check(row)


GET: Final = """
    -- closing_checks_store.get
    SELECT * FROM closing_checks WHERE tenant_id = $1 AND month = $2
"""


async def get(conn: Connection, tenant: TenantId, month: Month) -> DeepCheck | None:
    """The last check of a month; None before the first."""
    row = await conn.fetchrow(GET, tenant, month.first_day)
    return None if row is None else _check(row)


OPEN: Final = """
    -- closing_checks_store.open_any_tenant
    SELECT tenant_id, month FROM closing_checks
     WHERE status IN ('queued', 'running') AND coalesce(lease_until, '-infinity') <= now()
       AND coalesce(not_before, '-infinity') <= now()
     ORDER BY requested_at LIMIT $1
"""


async def open_any_tenant(conn: Connection, *, limit: int) -> list[tuple[TenantId, Month]]:
    """Checks that nobody works on now, the longest waiting first."""
    rows = await conn.fetch(OPEN, limit)
    return [(TenantId(row["tenant_id"]), _month(row["month"])) for row in rows]


CLAIM: Final = """
    -- closing_checks_store.claim
    UPDATE closing_checks
       SET status = 'running', started_at = coalesce(started_at, $4), attempt = attempt + 1,
           lease_until = $4 + $3::interval, not_before = NULL
     WHERE tenant_id = $1 AND month = $2 AND status IN ('queued', 'running')
       AND coalesce(lease_until, '-infinity') <= $4
 RETURNING *
"""


async def claim(
    conn: Connection, tenant: TenantId, month: Month, *, lease: timedelta
) -> DeepCheck | None:
    """Lease a check for one step; None when somebody else has it, or it has ended."""
    row = await conn.fetchrow(CLAIM, tenant, month.first_day, lease, await clock.now(conn))
    return None if row is None else _check(row)


ADVANCE: Final = """
    -- closing_checks_store.advance
    UPDATE closing_checks
       SET status = CASE WHEN $4::text IS NOT NULL THEN 'running'
                         WHEN $11::text IS NULL THEN 'completed' ELSE 'failed' END,
           finished_at = CASE WHEN $4::text IS NULL THEN $10::timestamptz END,
           phase = coalesce($4, phase), cursor = $5, bills_total = coalesce($6, bills_total),
           bills_read = bills_read + $7, differed = differed + $8, found = found + $9,
           lease_until = NULL, failures = 0, error = $11
     WHERE tenant_id = $1 AND month = $2 AND attempt = $3 AND status = 'running'
"""


async def advance(conn: Connection, check: DeepCheck, step: CheckStep) -> None:
    """Write what a step did and free the lease; nothing if the lease was lost meanwhile."""
    await conn.execute(
        ADVANCE,
        check.tenant_id,
        check.month.first_day,
        check.attempt,
        step.phase,
        step.cursor,
        step.bills_total,
        step.bills_read,
        step.differed,
        step.found,
        await clock.now(conn),
        step.omitted or omitted_before(check),
    )


def omitted_before(check: DeepCheck) -> str | None:
    """What an earlier step could not read, which stays said until the check ends."""
    return check.error if check.error == OMITTED else None


REST: Final = """
    -- closing_checks_store.rest
    UPDATE closing_checks
       SET lease_until = NULL, not_before = now() + $4::interval, error = $5,
           failures = failures + CASE WHEN $6 THEN 1 ELSE 0 END
     WHERE tenant_id = $1 AND month = $2 AND attempt = $3 AND status = 'running'
"""


async def rest(
    conn: Connection, check: DeepCheck, *, wait: timedelta, error: str | None, failed: bool
) -> None:
    """Put a check off; `failed` counts failures in a row."""
    await conn.execute(
        REST,
        check.tenant_id,
        check.month.first_day,
        check.attempt,
        wait,
        omitted_before(check) or error,
        failed,
    )


FAIL: Final = """
    -- closing_checks_store.fail
    UPDATE closing_checks
       SET status = 'failed', finished_at = now(), error = $4, lease_until = NULL
     WHERE tenant_id = $1 AND month = $2 AND attempt = $3 AND status = 'running'
"""


async def fail(conn: Connection, check: DeepCheck, error: str) -> None:
    """End a check that cannot go on; `error` is a stable word."""
    await conn.execute(FAIL, check.tenant_id, check.month.first_day, check.attempt, error)


def _month(day: date) -> Month:
    return Month(year=day.year, month=day.month)


def _check(row: asyncpg.Record) -> DeepCheck:
    fields: dict[str, Any] = dict(row)
    for name in ("lease_until", "not_before"):
        del fields[name]
    return DeepCheck(month=_month(fields.pop("month")), **fields)
