"""A small value under each key that seals, for services to try their keys on."""

from typing import Final

import asyncpg
from msgspec import Struct

from shared.crypto import columns
from shared.db.connection import Connection
from shared.domain.ids import TenantId

_SAMPLED: Final = {
    column.table: column
    for column in (columns.VINDI_KEY, columns.ISSUER_KEY, columns.WEBHOOK_SECRET)
}
CANARIES_LOCK: Final = 0x4E6F7461_6B657973  # "Notakeys": any number no other program locks


class SealedSample(Struct, frozen=True, kw_only=True):
    """A sealed value, and what it was bound to."""

    tenant_id: TenantId
    purpose: str
    row: str  # as `SealedColumn.row` names it
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


REPLACE: Final = """
    -- key_canaries_store.replace
    INSERT INTO key_canaries (key_id, value, created_at) VALUES ($1, $2, now())
        ON CONFLICT (key_id) DO UPDATE SET value = excluded.value
"""


async def replace(conn: Connection, *, key_id: bytes, value: bytes) -> None:
    """Keep a value of a key in the place of that it has."""
    await conn.execute(REPLACE, key_id, value)


HOLD: Final = """
    -- key_canaries_store.hold
    SELECT true FROM key_canaries WHERE key_id = $1 FOR SHARE
"""


async def hold(conn: Connection, *, key_id: bytes) -> bool:
    """Whether a key has its canary, which then stays until the transaction ends."""
    return bool(await conn.fetchval(HOLD, key_id))


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
            tenant_id, 'vindi_connections' AS kept_in, api_key AS value, NULL AS source,
            NULL::bytea AS secret_hash FROM vindi_connections)
    UNION ALL
    (SELECT DISTINCT ON (substring(api_key FROM 2 FOR 4))
            tenant_id, 'issuer_connections', api_key, NULL, NULL FROM issuer_connections)
    UNION ALL
    (SELECT DISTINCT ON (substring(sealed FROM 2 FOR 4))
            tenant_id, 'webhook_secrets', sealed, source, secret_hash
       FROM webhook_secrets WHERE sealed IS NOT NULL)
"""


async def samples_any_tenant(conn: Connection) -> list[SealedSample]:
    """Of what tenants entrusted to us, one value a key: what there was before any canary."""
    return [_sample(row) for row in await conn.fetch(SAMPLES)]


def _sample(row: asyncpg.Record) -> SealedSample:
    column = _SAMPLED[row["kept_in"]]
    key = (row["source"], row["secret_hash"]) if column.keys else ()
    return SealedSample(
        tenant_id=row["tenant_id"],
        purpose=column.purpose,
        row=column.row(key),
        value=row["value"],
    )
