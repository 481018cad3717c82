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
       SET restore_id = excluded.restore_id, found_at = excluded.found_at, woken_at = NULL,
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


UNKNOWN: Final = """
    -- restore_finds_store.unknown
    SELECT DISTINCT f.bill_id
      FROM restore_finds f
     WHERE f.tenant_id = $1 AND f.bill_id = ANY($2::bigint[]) AND f.known_at IS NULL
       AND NOT EXISTS (
           SELECT FROM notas n
            WHERE n.tenant_id = $1 AND n.bill_id = f.bill_id AND n.external_id = f.external_id)
"""


async def unknown(conn: Connection, tenant: TenantId, bills: Sequence[BillId]) -> set[BillId]:
    """Which of these sales have a nota at the issuer that is not known here yet."""
    return {BillId(row["bill_id"]) for row in await conn.fetch(UNKNOWN, tenant, bills)}


KNOW: Final = """
    -- restore_finds_store.know
    UPDATE restore_finds f SET known_at = $2
     WHERE f.tenant_id = $1 AND f.known_at IS NULL
       AND EXISTS (
           SELECT FROM notas n
            WHERE n.tenant_id = $1 AND n.bill_id = f.bill_id AND n.external_id = f.external_id)
 RETURNING bill_id
"""
# A sale that rests, or waits for a day, although a nota of it was issued: whatever had it issued is
# among what is missing, or it was undone since.
LEFT_OVER: Final = """
    -- restore_finds_store.left_over
    SELECT f.external_id, f.bill_id
      FROM restore_finds f
      JOIN sales s ON s.tenant_id = $1 AND s.bill_id = f.bill_id
      JOIN outbox o ON o.tenant_id = $1 AND o.bill_id = f.bill_id
       AND (o.state = 'settled' OR o.state = 'due' AND o.due_at > $2)
     WHERE f.tenant_id = $1 AND f.known_at IS NULL AND f.woken_at IS NULL
     ORDER BY f.external_id LIMIT 500
"""
WOKEN: Final = """
    -- restore_finds_store.woken
    UPDATE restore_finds SET woken_at = $3
     WHERE tenant_id = $1 AND external_id = ANY($2::text[])
"""
OPEN: Final = """
    -- restore_finds_store.tenants_with_finds_any_tenant
    SELECT DISTINCT tenant_id FROM restore_finds WHERE known_at IS NULL LIMIT $1
"""


async def tenants_with_finds_any_tenant(conn: Connection, *, limit: int) -> list[TenantId]:
    """Tenants with notas that were found and are not known yet."""
    return [row["tenant_id"] for row in await conn.fetch(OPEN, limit)]


async def know(conn: Connection, tenant: TenantId, at: datetime) -> list[BillId]:
    """Note which of a tenant's finds are known by now; returns their sales."""
    return [BillId(row["bill_id"]) for row in await conn.fetch(KNOW, tenant, at)]


async def left_over(
    conn: Connection, tenant: TenantId, later: datetime
) -> dict[ExternalId, BillId]:
    """Finds whose sales do nothing before `later`, and were not woken for it."""
    rows = await conn.fetch(LEFT_OVER, tenant, later)
    return {row["external_id"]: row["bill_id"] for row in rows}


async def woken(
    conn: Connection, tenant: TenantId, found: Sequence[ExternalId], at: datetime
) -> None:
    """Note that the sales of these were woken."""
    await conn.execute(WOKEN, tenant, found, at)
