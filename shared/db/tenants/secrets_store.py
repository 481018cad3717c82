"""Webhook secrets: kept as hashes, two valid at once while one is being replaced."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from shared.crypto import columns
from shared.crypto.seal import Sealer
from shared.db.connection import Connection
from shared.db.vindi.events_store import Source
from shared.domain.ids import TenantId

# Those who remember notice so much later that a secret was made or revoked. Nothing is lost: Vindi
# repeats a refused delivery, and a revocation answers only once it holds everywhere.
REMEMBERED_SECONDS: Final = 1.0
FORMER_FOR: Final = timedelta(days=30)


class Hashes(Struct, frozen=True, kw_only=True):
    """Hashes of a tenant's secrets: those valid now, and those that were replaced lately.

    One that was revoked is in neither.
    """

    valid: tuple[bytes, ...] = ()
    former: tuple[bytes, ...] = ()


NONE: Final = Hashes()

FIND_HASHES_OF_MANY: Final = """
    -- secrets_store.find_hashes_of_many
    SELECT s.tenant_id, s.source, s.secret_hash,
           s.expires_at IS NULL OR s.expires_at > now() AS valid
      FROM unnest($1::text[], $2::text[]) AS asked (tenant_id, source)
      JOIN webhook_secrets s ON s.tenant_id = asked.tenant_id AND s.source = asked.source
     WHERE s.expires_at IS NULL OR (now() - s.expires_at < $3 AND NOT s.revoked)
"""


async def find_hashes_of_many(
    conn: Connection, asked: Sequence[tuple[TenantId, Source]]
) -> dict[tuple[TenantId, Source], Hashes]:
    """The hashes of several tenants at once; whoever has none is not in the answer."""
    rows = await conn.fetch(
        FIND_HASHES_OF_MANY,
        [tenant for tenant, _ in asked],
        [source for _, source in asked],
        FORMER_FOR,
    )
    found: dict[tuple[TenantId, Source], Hashes] = {}
    for row in rows:
        key = (row["tenant_id"], row["source"])
        known, one = found.get(key, NONE), (row["secret_hash"],)
        found[key] = (
            Hashes(valid=known.valid + one, former=known.former)
            if row["valid"]
            else Hashes(valid=known.valid, former=known.former + one)
        )
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
    -- secrets_store.current
    SELECT secret_hash, sealed FROM webhook_secrets
     WHERE tenant_id = $1 AND source = $2 AND expires_at IS NULL
     ORDER BY created_at DESC LIMIT 1
"""


async def current(conn: Connection, sealer: Sealer, tenant: TenantId, source: Source) -> str | None:
    """The current secret; None when there is none or its URL may no longer be shown.

    Raises UnsealError.
    """
    row = await conn.fetchrow(CURRENT_SEALED, tenant, source)
    if row is None or row["sealed"] is None:
        return None
    key = (source, row["secret_hash"])
    return columns.WEBHOOK_SECRET.open(sealer, tenant, row["sealed"], *key).decode()


EXPIRE_CURRENT: Final = """
    -- secrets_store.expire_current
    UPDATE webhook_secrets SET expires_at = $3, sealed = NULL
     WHERE tenant_id = $1 AND source = $2 AND expires_at IS NULL
"""


async def expire_current(conn: Connection, tenant: TenantId, source: Source, at: datetime) -> None:
    """Let the current secret end at `at`; its URL is not shown any more. Harmless to repeat."""
    await conn.execute(EXPIRE_CURRENT, tenant, source, at)


REVOKE_ALL: Final = """
    -- secrets_store.revoke_all
    UPDATE webhook_secrets SET expires_at = $3, sealed = NULL, revoked = true
     WHERE tenant_id = $1 AND source = $2 AND (expires_at IS NULL OR expires_at > $3)
"""


async def revoke_all(conn: Connection, tenant: TenantId, source: Source, at: datetime) -> None:
    """End every secret there is at `at`, those too that were only replaced."""
    await conn.execute(REVOKE_ALL, tenant, source, at)
