"""Webhook secrets: kept as hashes, two valid at once while one is being replaced."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from shared.db.connection import Connection
from shared.db.vindi.events_store import Source
from shared.domain.ids import TenantId

FIND_HASHES_OF_MANY: Final = """
    -- secrets_store.find_hashes_of_many
    SELECT s.tenant_id, s.source, s.secret_hash
      FROM unnest($1::text[], $2::text[]) AS asked (tenant_id, source)
      JOIN webhook_secrets s ON s.tenant_id = asked.tenant_id AND s.source = asked.source
     WHERE s.expires_at IS NULL OR s.expires_at > now()
"""


async def find_hashes_of_many(
    conn: Connection, asked: Sequence[tuple[TenantId, Source]]
) -> dict[tuple[TenantId, Source], tuple[bytes, ...]]:
    """The hashes valid now, of several tenants at once; whoever has none is not in the answer."""
    rows = await conn.fetch(
        FIND_HASHES_OF_MANY, [tenant for tenant, _ in asked], [source for _, source in asked]
    )
    found: dict[tuple[TenantId, Source], tuple[bytes, ...]] = {}
    for row in rows:
        key = (row["tenant_id"], row["source"])
        found[key] = (*found.get(key, ()), row["secret_hash"])
    return found


ADD: Final = """
    -- secrets_store.add
    INSERT INTO webhook_secrets (tenant_id, source, secret_hash, sealed) VALUES ($1, $2, $3, $4)
"""


async def add(
    conn: Connection,
    tenant: TenantId,
    source: Source,
    *,
    secret_hash: bytes,
    sealed: bytes | None,
) -> None:
    """Add a current secret; call `expire_current` before it to replace the one there is.

    `sealed` is the secret itself, for as long as its URL may still be shown.
    """
    await conn.execute(ADD, tenant, source, secret_hash, sealed)


CURRENT_SEALED: Final = """
    -- secrets_store.current_sealed
    SELECT sealed FROM webhook_secrets
     WHERE tenant_id = $1 AND source = $2 AND expires_at IS NULL
     ORDER BY created_at DESC LIMIT 1
"""


async def current_sealed(conn: Connection, tenant: TenantId, source: Source) -> bytes | None:
    """The current secret, sealed; None when there is none or its URL may no longer be shown."""
    sealed: bytes | None = await conn.fetchval(CURRENT_SEALED, tenant, source)
    return sealed


EXPIRE_CURRENT: Final = """
    -- secrets_store.expire_current
    UPDATE webhook_secrets SET expires_at = $3, sealed = NULL
     WHERE tenant_id = $1 AND source = $2 AND expires_at IS NULL
"""


async def expire_current(conn: Connection, tenant: TenantId, source: Source, at: datetime) -> None:
    """Let the current secret end at `at`; its URL is not shown any more. Harmless to repeat."""
    await conn.execute(EXPIRE_CURRENT, tenant, source, at)
