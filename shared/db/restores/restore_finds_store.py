"""Notas of ours that an issuer lists after a restore, and that we knew nothing of."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from shared.db.connection import Connection
from shared.domain.ids import BillId, ExternalId, TenantId

FIND: Final = """
    -- restore_finds_store.find
    INSERT INTO restore_finds (tenant_id, external_id, bill_id, restore_id, found_at)
    SELECT $1, external_id, bill_id, $4, $5
      FROM unnest($2::text[], $3::bigint[]) AS f (external_id, bill_id)
        ON CONFLICT (tenant_id, external_id) DO UPDATE
       SET restore_id = excluded.restore_id, found_at = excluded.found_at, wished_at = NULL,
           known_at = NULL
     WHERE restore_finds.restore_id < excluded.restore_id
"""


async def find(
    conn: Connection,
    tenant: TenantId,
    restore_id: int,
    found: Mapping[ExternalId, BillId],
    at: datetime,
) -> None:
    """Write down notas of ours that a list has, and that we know nothing of."""
    if found:
        ids, bills = list(found), list(found.values())
        await conn.execute(FIND, tenant, ids, bills, restore_id, at)


KNOW: Final = """
    -- restore_finds_store.know
    UPDATE restore_finds f SET known_at = $2
     WHERE f.tenant_id = $1 AND f.known_at IS NULL
       AND EXISTS (
           SELECT FROM notas n
            WHERE n.tenant_id = $1 AND n.bill_id = f.bill_id AND n.external_id = f.external_id)
"""
# A sale that rests, or waits for a day, although a nota of it was issued: whatever had it issued is
# among what is missing.
LEFT_OVER: Final = """
    -- restore_finds_store.left_over
    SELECT f.external_id, f.bill_id
      FROM restore_finds f
      JOIN sales s ON s.tenant_id = $1 AND s.bill_id = f.bill_id AND s.wish IS NULL
      JOIN outbox o ON o.tenant_id = $1 AND o.bill_id = f.bill_id
       AND (o.state = 'settled' OR o.state = 'due' AND o.due_at > $2)
     WHERE f.tenant_id = $1 AND f.known_at IS NULL AND f.wished_at IS NULL
       AND EXISTS (
           SELECT FROM issuer_notas i
            WHERE i.tenant_id = $1 AND i.bill_id = f.bill_id AND i.external_id = f.external_id
              AND i.valid)
     ORDER BY f.external_id LIMIT 500
"""
WISH: Final = """
    -- restore_finds_store.wish
    UPDATE sales SET wish = 'issue', wish_at = $3
     WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[]) AND wish IS NULL
 RETURNING bill_id
"""
WISHED: Final = """
    -- restore_finds_store.wish noted
    UPDATE restore_finds SET wished_at = $3
     WHERE tenant_id = $1 AND external_id = ANY($2::text[])
"""
OPEN: Final = """
    -- restore_finds_store.tenants_with_finds_any_tenant
    SELECT DISTINCT tenant_id FROM restore_finds WHERE known_at IS NULL LIMIT $1
"""


async def tenants_with_finds_any_tenant(conn: Connection, *, limit: int) -> list[TenantId]:
    """Tenants with notas that were found and are not known yet."""
    return [row["tenant_id"] for row in await conn.fetch(OPEN, limit)]


async def know(conn: Connection, tenant: TenantId, at: datetime) -> None:
    """Note which of a tenant's finds are known by now."""
    await conn.execute(KNOW, tenant, at)


async def left_over(
    conn: Connection, tenant: TenantId, later: datetime
) -> list[tuple[ExternalId, BillId]]:
    """Finds whose sales do nothing before `later`."""
    rows = await conn.fetch(LEFT_OVER, tenant, later)
    return [(row["external_id"], row["bill_id"]) for row in rows]


async def wish(
    conn: Connection, tenant: TenantId, found: Sequence[tuple[ExternalId, BillId]], at: datetime
) -> list[BillId]:
    """Have sales decided as somebody wished before, once; returns those that are."""
    ids, bills = [key for key, _ in found], [bill for _, bill in found]
    rows = await conn.fetch(WISH, tenant, bills, at)
    await conn.execute(WISHED, tenant, ids, at)
    return [BillId(row["bill_id"]) for row in rows]
