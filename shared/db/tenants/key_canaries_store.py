"""A small value under each key that seals, for services to try their keys on."""

from typing import Final

from msgspec import Struct

from shared.db.connection import Connection
from shared.domain.ids import TenantId

CANARIES_LOCK: Final = 0x4E6F7461_6B657973  # "Notakeys": any number no other program locks


class SealedSample(Struct, frozen=True, kw_only=True):
    """A sealed value, and what it was bound to."""

    tenant_id: TenantId
    purpose: str
    value: bytes

    @property
    def key_id(self) -> bytes:
        """Of the key it was sealed under; see `Sealer`."""
        return self.value[1:5]


TAKE_TURNS: Final = """
    -- key_canaries_store.take_turns
    SELECT pg_advisory_xact_lock($1)
"""


async def take_turns(conn: Connection) -> None:
    """Of several that start at once, let one look and write, then the next."""
    await conn.execute(TAKE_TURNS, CANARIES_LOCK)


READ: Final = """
    -- key_canaries_store.read
    SELECT value FROM key_canaries
"""


async def read(conn: Connection) -> list[bytes]:
    """Every canary; none before the first service of this version has started."""
    return [row["value"] for row in await conn.fetch(READ)]


ADD: Final = """
    -- key_canaries_store.add
    INSERT INTO key_canaries (key_id, value, created_at) VALUES ($1, $2, now())
        ON CONFLICT (key_id) DO NOTHING
"""


async def add(conn: Connection, *, key_id: bytes, value: bytes) -> None:
    """Keep a value of a key, unless it has one."""
    await conn.execute(ADD, key_id, value)


FORGET_OTHERS: Final = """
    -- key_canaries_store.forget_others
    DELETE FROM key_canaries WHERE key_id <> $1 RETURNING key_id
"""


async def forget_others(conn: Connection, *, key_id: bytes) -> int:
    """Forget the canaries of every key but one, under which everything is sealed; how many."""
    return len(await conn.fetch(FORGET_OTHERS, key_id))


SAMPLES: Final = """
    -- key_canaries_store.samples_any_tenant
    (SELECT DISTINCT ON (substring(api_key FROM 2 FOR 4))
            tenant_id, 'vindi_key' AS purpose, api_key AS value FROM vindi_connections)
    UNION ALL
    (SELECT DISTINCT ON (substring(api_key FROM 2 FOR 4))
            tenant_id, 'issuer_key', api_key FROM issuer_connections)
    UNION ALL
    (SELECT DISTINCT ON (substring(sealed FROM 2 FOR 4))
            tenant_id, 'webhook_secret', sealed FROM webhook_secrets WHERE sealed IS NOT NULL)
"""


async def samples_any_tenant(conn: Connection) -> list[SealedSample]:
    """Of what tenants entrusted to us, one value a key: what there was before any canary."""
    return [SealedSample(**dict(row)) for row in await conn.fetch(SAMPLES)]
