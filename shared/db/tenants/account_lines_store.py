"""From when on the sales of each Vindi account of a tenant are its to issue."""

from datetime import datetime
from typing import Final

from msgspec import json

from shared.db.connection import Connection
from shared.domain.account_lines import AccountLines, AccountName, Away
from shared.domain.ids import TenantId

LOAD: Final = """
    -- account_lines_store.load
    SELECT line_from, lines::text AS before, left_at::text AS left_at, away_from, away_until
      FROM vindi_connections WHERE tenant_id = $1
"""
PUT: Final = """
    -- account_lines_store.put
    UPDATE vindi_connections
       SET line_from = $2, lines = $3::text::jsonb, left_at = $4::text::jsonb, away_from = $5,
           away_until = $6
     WHERE tenant_id = $1
"""


async def load(conn: Connection, tenant: TenantId) -> AccountLines:
    """The lines of a tenant's accounts; of one without any, none."""
    row = await conn.fetchrow(LOAD, tenant)
    if row is None:
        return AccountLines()
    before = json.decode(row["before"], type=dict[AccountName, datetime | None])
    since, until = row["away_from"], row["away_until"]
    return AccountLines(
        line_from=row["line_from"],
        before=before,
        left_at=json.decode(row["left_at"], type=dict[AccountName, datetime]),
        away=Away(since=since, until=until) if since and until else None,
    )


async def put(conn: Connection, tenant: TenantId, lines: AccountLines) -> None:
    """Keep them; lives in the transaction that connects the account."""
    before, left_at = (json.encode(one).decode() for one in (lines.before, lines.left_at))
    away = (lines.away.since, lines.away.until) if lines.away else (None, None)
    await conn.execute(PUT, tenant, lines.line_from, before, left_at, *away)
