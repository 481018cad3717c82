"""Refunds that Vindi has begun and not ended, and when to ask about each again."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from shared.db.connection import Connection
from shared.domain.ids import TenantId

DUE: Final = """
    -- refunds_pending_store.due
    SELECT transaction_id, seen_at FROM refunds_pending
     WHERE tenant_id = $1 AND look_at <= $2 ORDER BY look_at, transaction_id LIMIT $3
"""


async def due(
    conn: Connection, tenant: TenantId, now: datetime, *, limit: int
) -> dict[int, datetime]:
    """Refunds to ask about, and when each was first seen under way."""
    rows = await conn.fetch(DUE, tenant, now, limit)
    return {row["transaction_id"]: row["seen_at"] for row in rows}


ADD: Final = """
    -- refunds_pending_store.add
    INSERT INTO refunds_pending (tenant_id, transaction_id, seen_at, look_at)
    SELECT $1, transaction_id, $4, look_at
      FROM unnest($2::bigint[], $3::timestamptz[]) AS p (transaction_id, look_at)
        ON CONFLICT (tenant_id, transaction_id) DO NOTHING
"""


async def add(
    conn: Connection, tenant: TenantId, look_at: Mapping[int, datetime], now: datetime
) -> None:
    """Remember refunds met under way; those remembered already stay as they are."""
    if look_at:
        await conn.execute(ADD, tenant, list(look_at), list(look_at.values()), now)


KEEP: Final = """
    -- refunds_pending_store.keep
    UPDATE refunds_pending r SET look_at = p.look_at
      FROM unnest($2::bigint[], $3::timestamptz[]) AS p (transaction_id, look_at)
     WHERE r.tenant_id = $1 AND r.transaction_id = p.transaction_id
"""


async def keep(conn: Connection, tenant: TenantId, look_at: Mapping[int, datetime]) -> None:
    """Say when refunds that are still under way are asked about again."""
    if look_at:
        await conn.execute(KEEP, tenant, list(look_at), list(look_at.values()))


FORGET: Final = """
    -- refunds_pending_store.forget
    DELETE FROM refunds_pending WHERE tenant_id = $1 AND transaction_id = ANY($2::bigint[])
"""


async def forget(conn: Connection, tenant: TenantId, transactions: Sequence[int]) -> None:
    """Forget refunds that have ended and were dealt with."""
    if transactions:
        await conn.execute(FORGET, tenant, list(transactions))
