"""Lists of sales that have a name keep what was searched for sealed, inside their address."""

from typing import Final
from urllib.parse import parse_qsl, urlencode

from shared.crypto.seal import Sealer
from shared.crypto.sealed_words import reseal_words
from shared.db.connection import Connection
from shared.domain.ids import TenantId

READ: Final = """
    -- rotate_filters.read_any_tenant
    SELECT tenant_id, name_key, query FROM saved_filters ORDER BY tenant_id, name_key
"""
WRITE: Final = """
    -- rotate_filters.write
    UPDATE saved_filters SET query = $4
     WHERE tenant_id = $1 AND name_key = $2 AND query = $3
"""


async def reseal_filters_any_tenant(conn: Connection, sealer: Sealer) -> int:
    """Seal the words of every named list under the first key; how many lists changed.

    A tenant has thirty of them at most. What nobody can open any more is left as it is.
    """
    changed = 0
    for row in await conn.fetch(READ):
        tenant, query = TenantId(row["tenant_id"]), row["query"]
        before = parse_qsl(query, keep_blank_values=True)
        after = [(name, reseal_words(sealer, tenant, value)) for name, value in before]
        if after != before:
            await conn.execute(WRITE, tenant, row["name_key"], query, urlencode(after))
            changed += 1
    return changed
