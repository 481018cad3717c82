"""Where in a database a word stands: in every column of every table, sealed or not."""

import json
from collections.abc import Mapping, Sequence

from shared.crypto.columns import NOBODY, SEALED, RowKey, SealedColumn
from shared.crypto.seal import Sealer, UnsealError
from shared.db.connection import Pool
from shared.domain.ids import TenantId

COLUMNS = """
    SELECT c.relname::text AS table_name, a.attname::text AS column_name,
           a.atttypid = 'bytea'::regtype AS is_bytes
      FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
       AND NOT c.relispartition AND NOT a.attisdropped
     ORDER BY 1, 2
"""
HIDDEN = {(one.table, one.column): one for one in SEALED}


async def columns_with(
    pool: Pool, sealer: Sealer, tenant: TenantId, words: Sequence[str]
) -> dict[str, set[str]]:
    """The columns that have each word, as `table.column`, whoever's rows they are."""
    found: dict[str, set[str]] = {word: set() for word in words}
    looked_at = opened = 0
    for row in await pool.fetch(COLUMNS):
        table, column = row["table_name"], row["column_name"]
        hidden = HIDDEN.get((table, column))
        read = column if row["is_bytes"] else f"{column}::text"
        wanted = ", ".join([read, *(hidden.bound_keys if hidden else ())])
        for value, *key in await pool.fetch(
            f"SELECT {wanted} FROM {table} WHERE {column} IS NOT NULL"  # noqa: S608 - ours
        ):
            looked_at += 1
            texts = _texts(value)
            if hidden is not None:
                texts += _opened(sealer, tenant, hidden, value, key)
                opened += len(texts) > len(_texts(value))
            for word in words:
                if any(word.casefold() in text.casefold() for text in texts):
                    found[word].add(f"{table}.{column}")
    assert looked_at > 50
    theirs = await pool.fetchval("SELECT count(*) FROM bills WHERE tenant_id = $1", tenant)
    assert opened >= theirs, "what is sealed is looked into"
    return found


def _texts(value: str | bytes) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return (value.decode("utf-8", "replace"), value.hex())


def _opened(
    sealer: Sealer,
    tenant: TenantId,
    column: SealedColumn,
    value: str | bytes,
    key: Sequence[RowKey],
) -> tuple[str, ...]:
    """What a sealed value says; nothing where it is another tenant's."""
    if isinstance(value, str):
        value = bytes.fromhex(json.loads(value)[column.inside])
    try:
        plain = column.open(sealer, tenant if column.of_tenants else NOBODY, value, *key)
    except UnsealError:
        return ()
    return (plain.decode("utf-8", "replace"),)


def together(found: Mapping[str, set[str]]) -> set[str]:
    return {one for columns in found.values() for one in columns}
