"""From when on the sales of each Vindi account of a tenant are its to issue."""

from datetime import datetime
from typing import Final

from msgspec import json

from shared.db.connection import Connection
from shared.domain.account_lines import AccountLines, AccountName
from shared.domain.ids import TenantId

LOAD: Final = """
    -- account_lines_store.load
    SELECT line_from, lines::text AS before FROM vindi_connections WHERE tenant_id = $1
"""
PUT: Final = """
    -- account_lines_store.put
    UPDATE vindi_connections SET line_from = $2, lines = $3::text::jsonb WHERE tenant_id = $1
"""


async def load(conn: Connection, tenant: TenantId) -> AccountLines:
    """The lines of a tenant's accounts; of one without any, none."""
    row = await conn.fetchrow(LOAD, tenant)
    if row is None:
        return AccountLines()
    before = json.decode(row["before"], type=dict[AccountName, datetime | None])
    return AccountLines(line_from=row["line_from"], before=before)


async def put(conn: Connection, tenant: TenantId, lines: AccountLines) -> None:
    """Keep them; lives in the transaction that connects the account."""
    before = json.encode(lines.before).decode()
    await conn.execute(PUT, tenant, lines.line_from, before)
