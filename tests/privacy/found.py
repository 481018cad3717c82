"""Where in a database a word stands: in every column of every table, sealed or not."""

from collections.abc import Mapping, Sequence

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
PURPOSES = (
    "bill",
    "customer",
    "unread",
    "nota",
    "reason",
    "event",
    "erasure",
    "idempotent_answer",
    "webhook_secret",
    "link_email",
    "person_email",
)


async def columns_with(
    pool: Pool, sealer: Sealer, tenant: TenantId, words: Sequence[str]
) -> dict[str, set[str]]:
    """The columns that have each word, as `table.column`, whoever's rows they are."""
    found: dict[str, set[str]] = {word: set() for word in words}
    looked_at = 0
    for row in await pool.fetch(COLUMNS):
        table, column = row["table_name"], row["column_name"]
        read = column if row["is_bytes"] else f"{column}::text"
        for value in await pool.fetch(f"SELECT {read} FROM {table} WHERE {column} IS NOT NULL"):  # noqa: S608 - ours
            looked_at += 1
            texts = _texts(sealer, tenant, value[0]) if row["is_bytes"] else (value[0],)
            for word in words:
                if any(word.casefold() in text.casefold() for text in texts):
                    found[word].add(f"{table}.{column}")
    assert looked_at > 50
    return found


def _texts(sealer: Sealer, tenant: TenantId, value: bytes) -> tuple[str, ...]:
    texts = [value.decode("utf-8", "replace"), value.hex()]
    for purpose in PURPOSES:
        for owner in (tenant, TenantId("-")):
            try:
                plain = sealer.unseal(value, tenant=owner, purpose=purpose)
            except UnsealError:
                continue
            texts.append(plain.decode("utf-8", "replace"))
    return tuple(texts)


def together(found: Mapping[str, set[str]]) -> set[str]:
    return {one for columns in found.values() for one in columns}
