"""Every issuer, company and environment that notas of a tenant were born under (design D18).

One is the connection in use; the others were left, and stay readable for their notas.
"""

from datetime import datetime
from typing import Final

import asyncpg
from msgspec import Struct

from shared.crypto import columns
from shared.crypto.seal import Sealer
from shared.db.connection import Connection
from shared.domain.ids import TenantId
from shared.domain.nota import IssuerEnvironment

# Of a nota `n`: what names no connection was born under the oldest one of its environment.
BORN_UNDER: Final = """
    coalesce(n.connection_id, (
        SELECT min(b.connection_id) FROM nota_connections b
         WHERE b.tenant_id = $1 AND b.environment = n.environment))
"""

# A key that replaces another is that of the same account, so companies left with the replaced one
# get it too: whoever renews a key would otherwise lose sight of notas that are still under way.
REMEMBER: Final = """
    -- nota_connections_store.remember
    INSERT INTO nota_connections AS k
           (tenant_id, connection_id, kind, environment, api_key, key_hint, key_word, company_id,
            company_name, company_cnpj, connected_at)
    SELECT c.tenant_id, 1 + coalesce((SELECT max(connection_id) FROM nota_connections
                                       WHERE tenant_id = $1), 0),
           c.kind, c.environment, c.api_key, c.key_hint, c.key_word, c.company_id, c.company_name,
           c.company_cnpj, c.connected_at
      FROM issuer_connections c WHERE c.tenant_id = $1
        ON CONFLICT (tenant_id, kind, lower(company_id), environment) DO UPDATE
       SET company_name = excluded.company_name, company_cnpj = excluded.company_cnpj,
           connected_at = excluded.connected_at
 RETURNING k.key_word
"""
RENEW_KEYS: Final = """
    -- nota_connections_store.remember keys
    UPDATE nota_connections k
       SET api_key = c.api_key, key_hint = c.key_hint, key_word = c.key_word, state = 'ok',
           state_since = c.connected_at
      FROM issuer_connections c
     WHERE c.tenant_id = $1 AND k.tenant_id = $1 AND k.kind = c.kind
       AND (lower(k.company_id) = lower(c.company_id) OR k.key_word = $2)
"""


# Keys that were just copied as they are: they are still bound to the row they came from.
COPIED: Final = """
    -- nota_connections_store.remember copied
    SELECT k.connection_id, k.api_key
      FROM nota_connections k
      JOIN issuer_connections c ON c.tenant_id = $1 AND k.api_key = c.api_key
     WHERE k.tenant_id = $1
"""
BIND: Final = """
    -- nota_connections_store.remember bind
    UPDATE nota_connections SET api_key = $3 WHERE tenant_id = $1 AND connection_id = $2
"""


async def remember(conn: Connection, sealer: Sealer, tenant: TenantId) -> None:
    """Give the connection in use its place among those notas are born under; safe to repeat.

    Raises UnsealError.
    """
    async with conn.transaction():
        replaced: str | None = await conn.fetchval(REMEMBER, tenant)
        if replaced is not None:
            await conn.execute(RENEW_KEYS, tenant, replaced)
        for number, sealed in await conn.fetch(COPIED, tenant):
            key = columns.ISSUER_KEY.open(sealer, tenant, sealed)
            bound = columns.NOTA_CONNECTION_KEY.seal(sealer, tenant, key, number)
            await conn.execute(BIND, tenant, number, bound)


# After a SELECT: the id of the connection in use, of tenant $1.
CURRENT_ID: Final = """k.connection_id
      FROM issuer_connections c
      JOIN nota_connections k
        ON k.tenant_id = $1 AND k.kind = c.kind AND lower(k.company_id) = lower(c.company_id)
       AND k.environment = c.environment
     WHERE c.tenant_id = $1"""
CURRENT: Final = f"""
    -- nota_connections_store.current_id
    SELECT {CURRENT_ID}
"""


async def current_id(conn: Connection, tenant: TenantId) -> int | None:
    """The id of the connection in use; None without one."""
    found: int | None = await conn.fetchval(CURRENT, tenant)
    return found


LEFT: Final = """
    -- nota_connections_store.left_ones
    SELECT k.connection_id AS id, k.kind, k.environment, k.api_key, k.key_hint, k.key_word,
           k.company_id, k.company_name, k.company_cnpj, k.state, k.state_since,
           '' AS state_detail, NULL::timestamptz AS not_before, k.connected_at
      FROM nota_connections k
     WHERE k.tenant_id = $1 AND k.connection_id IS DISTINCT FROM $2
     ORDER BY k.connection_id
"""


async def left_ones(
    conn: Connection, tenant: TenantId, current: int | None
) -> list[asyncpg.Record]:
    """The connections that are not in use, by id; `connections_store.left_issuer` reads them."""
    return await conn.fetch(LEFT, tenant, current)


MARK: Final = """
    -- nota_connections_store.mark
    UPDATE nota_connections SET state = $3, state_since = $4
     WHERE tenant_id = $1 AND connection_id = $2 AND (state <> 'ok' OR $3 <> 'ok')
"""


async def mark(
    conn: Connection, tenant: TenantId, connection: int, code: str, now: datetime
) -> None:
    """Say whether a connection that was left can be asked: `ok`, or the word of what blocks it."""
    await conn.execute(MARK, tenant, connection, code, now)


class OpenElsewhere(Struct, frozen=True, kw_only=True):
    """Notas under way at a connection that is not in use."""

    company_name: str
    environment: IssuerEnvironment
    notas: int
    state: str  # `ok`, or the word of what keeps us from asking about them
    since: datetime


# Nearly every tenant has the one connection alone: then nothing that is under way is read, which
# may be a hundred thousand sales on a renewal day.
OPEN_ELSEWHERE: Final = f"""
    -- nota_connections_store.open_elsewhere
    SELECT k.company_name, k.environment, count(*) AS notas, k.state, k.state_since AS since
      FROM notas n
      JOIN nota_connections k
        ON k.tenant_id = $1 AND k.connection_id = {BORN_UNDER}
     WHERE n.tenant_id = $1 AND n.status IN ('sending', 'uncertain', 'pending', 'cancelling')
       AND n.bill_id = ANY (ARRAY(
           SELECT s.bill_id FROM sales s
            WHERE s.tenant_id = $1
              AND s.status IN ('issuing', 'uncertain', 'cancelling', 'queued')))
       AND k.connection_id IS DISTINCT FROM $2
       AND EXISTS (SELECT FROM nota_connections x
                    WHERE x.tenant_id = $1 AND x.connection_id IS DISTINCT FROM $2)
     GROUP BY k.connection_id, k.company_name, k.environment, k.state, k.state_since
     ORDER BY k.connection_id
"""  # noqa: S608 - only our own constant is put in


async def open_elsewhere(
    conn: Connection, tenant: TenantId, current: int | None
) -> list[OpenElsewhere]:
    """The notas that are still under way where the tenant's notas are not born any more."""
    rows = await conn.fetch(OPEN_ELSEWHERE, tenant, current)
    return [OpenElsewhere(**row) for row in rows]
