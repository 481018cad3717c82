"""Lists of sales that have a name, of a tenant."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct

from shared.db.connection import Connection
from shared.domain.ids import TenantId

MOST: Final = 30  # more are no help to anybody


class SavedFilter(Struct, frozen=True, kw_only=True):
    """A list's address under a name; `key` is the name without case."""

    key: str
    name: str
    query: str


PUT: Final = """
    -- saved_filters_store.put
    INSERT INTO saved_filters AS f (tenant_id, name_key, name, query, saved_by, saved_at)
    VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (tenant_id, name_key) DO UPDATE
       SET name = excluded.name, query = excluded.query, saved_by = excluded.saved_by,
           saved_at = excluded.saved_at
"""


async def put(
    conn: Connection, tenant: TenantId, name: str, query: str, *, by: str, now: datetime
) -> None:
    """Give a list a name; one that has it already is replaced."""
    await conn.execute(PUT, tenant, name.casefold(), name, query, by, now)


ALL: Final = """
    -- saved_filters_store.all_of
    SELECT name_key AS key, name, query FROM saved_filters
     WHERE tenant_id = $1 ORDER BY name_key LIMIT $2
"""


async def all_of(conn: Connection, tenant: TenantId) -> Sequence[SavedFilter]:
    """A tenant's lists by their names."""
    return [SavedFilter(**dict(row)) for row in await conn.fetch(ALL, tenant, MOST)]


REMOVE: Final = """
    -- saved_filters_store.remove
    DELETE FROM saved_filters WHERE tenant_id = $1 AND name_key = $2
"""


async def remove(conn: Connection, tenant: TenantId, key: str) -> None:
    """Forget a name; the sales are no matter of it."""
    await conn.execute(REMOVE, tenant, key)
