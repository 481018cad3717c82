"""Months that a person locked, with what they said then."""

from typing import TYPE_CHECKING, Any, Final

import asyncpg

from shared.db.connection import Connection
from shared.domain.closing import Figures, Lock, Month, figures_from_json, figures_to_json
from shared.domain.ids import TenantId

if TYPE_CHECKING:
    from datetime import date


ADD: Final = """
    -- closing_locks_store.add
    INSERT INTO closing_locks (tenant_id, month, locked_by, reason, forced, figures)
    VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (tenant_id, month) DO NOTHING
 RETURNING month, locked_at, locked_by, reason, forced, figures
"""


async def add(
    conn: Connection,
    tenant: TenantId,
    month: Month,
    *,
    figures: Figures,
    by: str,
    reason: str,
    forced: bool,
) -> Lock | None:
    """Lock a month; None when it is locked already."""
    row = await conn.fetchrow(
        ADD, tenant, month.first_day, by, reason, forced, figures_to_json(figures)
    )
    return None if row is None else _lock(row)


GET: Final = """
    -- closing_locks_store.get
    SELECT month, locked_at, locked_by, reason, forced, figures
      FROM closing_locks WHERE tenant_id = $1 AND month = $2
"""


async def get(conn: Connection, tenant: TenantId, month: Month) -> Lock | None:
    """The lock of a month; None while it has none."""
    row = await conn.fetchrow(GET, tenant, month.first_day)
    return None if row is None else _lock(row)


REMOVE: Final = """
    -- closing_locks_store.remove
    DELETE FROM closing_locks WHERE tenant_id = $1 AND month = $2
 RETURNING month, locked_at, locked_by, reason, forced, figures
"""


async def remove(conn: Connection, tenant: TenantId, month: Month) -> Lock | None:
    """Unlock a month and return what was its lock; None when it had none."""
    row = await conn.fetchrow(REMOVE, tenant, month.first_day)
    return None if row is None else _lock(row)


def _lock(row: asyncpg.Record) -> Lock:
    fields: dict[str, Any] = dict(row)
    day: date = fields.pop("month")
    figures = figures_from_json(fields.pop("figures"))
    return Lock(month=Month(year=day.year, month=day.month), figures=figures, **fields)
