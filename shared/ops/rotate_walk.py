"""One table's way through a rotation: row after row by key, in small commits.

Every row is read and opened, so that what cannot be is found while its key is still there; only
rows that change are written. So the time is linear in rows, and whoever is killed begins again
without writing anything twice. What cannot be opened, or does not say what it should, stays as it
is, is counted and named, and keeps nothing else.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import asyncpg
from msgspec import Struct

from shared.crypto.columns import NOBODY, SealedColumn
from shared.crypto.seal import Sealer, UnsealError
from shared.db.connection import Connection
from shared.domain.ids import TenantId
from shared.keys import demand_canary
from shared.ops.rotate_tables import KeyedWord, Made, Opened, RotatedTable, StoredRow

BATCH: Final = 500
MOST_NAMED: Final = 20  # of a table's broken values; all are counted
TRIES: Final = 5  # of a batch whose rows are locked in another order just now
RowsRead = Callable[[int], None]

COLUMN_TYPES: Final = """
    -- rotate_walk.column_types
    SELECT attname, format_type(atttypid, atttypmod) AS type FROM pg_attribute
     WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped
"""


class Walked(Struct, frozen=True, kw_only=True):
    """How many rows were read, how many values of them changed, and where some are broken."""

    rows: int
    changed: int
    broken: int = 0
    named: Sequence[str] = ()  # the first of the broken ones: table and column, tenant, key


class _Change(Struct, frozen=True, kw_only=True):
    """The new values of one row; sealed columns as they were prove that it is the same still."""

    key: tuple[Any, ...]
    old: tuple[bytes | None, ...]
    sealed: tuple[bytes | None, ...]
    words: tuple[Made, ...]
    values: int


async def walk_any_tenant(
    conn: Connection, sealer: Sealer, table: RotatedTable, progress: RowsRead
) -> Walked:
    """Seal and hash a table afresh; `progress` hears how many rows were read so far.

    Lives in the caller's transaction, or commits each batch where there is none.
    """
    columns = await conn.fetch(COLUMN_TYPES, table.name)
    types: dict[str, str] = {row["attname"]: row["type"] for row in columns}
    read_first, read_on = reading(table, types, first=True), reading(table, types, first=False)
    write = writing(table, types)
    rows, changed = 0, 0
    broken = _Broken(table)
    after: tuple[Any, ...] | None = None
    while True:
        found = await conn.fetch(read_first) if after is None else await conn.fetch(read_on, *after)
        changed_rows = (_change(sealer, table, dict(row), broken) for row in found)
        changes = [one for one in changed_rows if one is not None]
        if changes:
            await _write(conn, sealer, write, table, changes)
        rows += len(found)
        changed += sum(one.values for one in changes)
        progress(rows)
        if len(found) < BATCH:
            return Walked(
                rows=rows, changed=changed, broken=broken.count, named=tuple(broken.named)
            )
        after = tuple(found[-1][name] for name in table.keys)


def reading(table: RotatedTable, types: dict[str, str], *, first: bool) -> str:
    """The statement for a batch of rows, by key; every identifier is a constant of ours."""
    reads = [name for word in table.words for name in (word.column, *word.reads)]
    plain = list(dict.fromkeys([*table.keys, *reads]))
    sealed = [f"{_value(one, 't')} AS {one.column}" for one in table.sealed]
    holds = " OR ".join(f"{_value(one, 't')} IS NOT NULL" for one in table.sealed)
    if any(word.column in table.keys for word in table.words):
        holds = "true"  # a row may have a word alone
    given = ", ".join(f"${number}::{types[key]}" for number, key in enumerate(table.keys, 1))
    ordered = ", ".join(f"t.{key}" for key in table.keys)
    beyond = "" if first else f" AND ({ordered}) > ({given})"
    return (
        f"SELECT {', '.join([*(f't.{name}' for name in plain), *sealed])}"  # noqa: S608
        f" FROM {table.name} t WHERE ({holds}){beyond} ORDER BY {ordered} LIMIT {BATCH}"
    )


def _value(column: SealedColumn, alias: str) -> str:
    if column.inside is None:
        return f"{alias}.{column.column}"
    text = f"({alias}.{column.column} ->> '{column.inside}')"
    # What is no hexadecimal text would end the whole statement: a hash of it opens under no key.
    whole = f"{text} !~ '[^0-9a-fA-F]' AND length({text}) % 2 = 0"
    hashed = f"int8send(hashtextextended({text}, 0))"
    return f"CASE WHEN {whole} THEN decode({text}, 'hex') ELSE {hashed} END"


def _written(column: SealedColumn) -> str:
    new = f"v.new_{column.column}"
    if column.inside is None:
        return f"{column.column} = {new}"
    text = f"('\"' || encode({new}, 'hex') || '\"')::jsonb"  # nodes take no `to_jsonb` of a row
    kept = f"jsonb_set(t.{column.column}, '{{{column.inside}}}', {text})"
    return f"{column.column} = {kept}"


def writing(table: RotatedTable, types: dict[str, str]) -> str:
    """The statement to set every value of many rows, of those that are still as they were read."""
    names = [
        *table.keys,
        *(f"old_{one.column}" for one in table.sealed),
        *(f"new_{one.column}" for one in table.sealed),
        *(f"word_{word.column}" for word in table.words),
    ]
    kinds = [
        *(types[key] for key in table.keys),
        *("bytea" for _ in table.sealed),
        *("bytea" for _ in table.sealed),
        *(types[word.column] for word in table.words),
    ]
    given = ", ".join(f"${number}::{kind}[]" for number, kind in enumerate(kinds, 1))
    changes = [
        *(_written(one) for one in table.sealed),
        *(f"{word.column} = v.word_{word.column}" for word in table.words),
    ]
    same = [f"t.{key} = v.{key}" for key in table.keys]
    fence = [f"{_value(one, 't')} IS NOT DISTINCT FROM v.old_{one.column}" for one in table.sealed]
    return (
        f"UPDATE {table.name} t SET {', '.join(changes)}"  # noqa: S608
        f" FROM unnest({given}) AS v ({', '.join(names)})"
        f" WHERE {' AND '.join([*same, *fence])}"
    )


class _Broken:
    """Values that are left as they are, since nobody can read them."""

    def __init__(self, table: RotatedTable) -> None:
        self._table = table
        self.count = 0
        self.named: list[str] = []

    def add(self, column: str, row: StoredRow, error: Exception) -> None:
        self.count += 1
        if len(self.named) < MOST_NAMED:
            key = ", ".join(f"{name} {_shown(row[name])}" for name in self._table.keys)
            why = str(error) if isinstance(error, UnsealError) else type(error).__name__
            self.named.append(f"{self._table.name}.{column} ({key}): {why}")


def _shown(part: object) -> str:
    return part.hex() if isinstance(part, bytes) else str(part)


def _change(sealer: Sealer, table: RotatedTable, row: StoredRow, broken: _Broken) -> _Change | None:
    tenant = TenantId(row["tenant_id"]) if table.of_tenants else NOBODY
    opened: dict[str, bytes | None] = {}
    for one in table.sealed:
        try:
            opened[one.column] = _opened(sealer, tenant, one, row)
        except UnsealError as error:
            broken.add(one.column, row, error)
    words = tuple(_word(sealer, tenant, word, row, opened, table, broken) for word in table.words)
    new_words = {word.column: made for word, made in zip(table.words, words, strict=True)}
    old = tuple(row[one.column] for one in table.sealed)
    moved = any(new_words.get(key, row[key]) != row[key] for key in table.keys)
    sealed = tuple(
        _afresh(sealer, tenant, one, row, opened, new_words, moved=moved) for one in table.sealed
    )
    values = sum(one != other for one, other in zip(old, sealed, strict=True))
    values += sum(row[name] != made for name, made in new_words.items())
    if not values:
        return None
    key = tuple(row[name] for name in table.keys)
    return _Change(key=key, old=old, sealed=sealed, words=words, values=values)


def _word(
    sealer: Sealer,
    tenant: TenantId,
    word: KeyedWord,
    row: StoredRow,
    opened: Opened,
    table: RotatedTable,
    broken: _Broken,
) -> Made:
    """The word anew; as it is where what it is made of cannot be read, or is no such thing."""
    before: Made = row[word.column]
    if len(opened) < len(table.sealed):
        return before
    try:
        return word.make(sealer, tenant, row, opened)
    except (ValueError, TypeError, AttributeError, LookupError) as error:
        broken.add(word.column, row, error)
        return before


def _opened(sealer: Sealer, tenant: TenantId, column: SealedColumn, row: StoredRow) -> bytes | None:
    sealed = row[column.column]
    if sealed is None:
        return None
    return column.open(sealer, tenant, sealed, *(row[key] for key in column.bound_keys))


def _afresh(
    sealer: Sealer,
    tenant: TenantId,
    column: SealedColumn,
    row: StoredRow,
    opened: Opened,
    words: Mapping[str, Any],
    *,
    moved: bool,
) -> bytes | None:
    """The value as it would be sealed now; as it is where that is the same."""
    before: bytes | None = row[column.column]
    plain = opened.get(column.column)
    if before is None or plain is None or (sealer.is_current(before) and not moved):
        return before
    key = (words.get(name, row[name]) for name in column.bound_keys)
    return column.seal(sealer, tenant, plain, *key)


async def _write(
    conn: Connection,
    sealer: Sealer,
    statement: str,
    table: RotatedTable,
    changes: Sequence[_Change],
) -> None:
    if table.name == "unknown_denials":
        await _join(conn, sealer, changes)
        return
    rows = [(*one.key, *one.old, *one.sealed, *one.words) for one in changes]
    values = [list(column) for column in zip(*rows, strict=True)]
    for tries in range(1, TRIES + 1):
        try:
            async with conn.transaction():
                await demand_canary(conn, sealer)
                await conn.execute(statement, *values)
        except (asyncpg.DeadlockDetectedError, asyncpg.LockNotAvailableError):
            if tries == TRIES:
                raise
        else:
            return


# Counts of one cause under two keys are one count again.
JOIN: Final = """
    -- rotate_walk.join
    WITH gone AS (
        DELETE FROM unknown_denials WHERE tenant_id = $1 AND denial_group = $2
        RETURNING bill_id, count, first_at, last_at
    )
    INSERT INTO unknown_denials AS u (tenant_id, denial_group, reason, bill_id, count, first_at,
                                      last_at)
    SELECT $1, $3, $4, bill_id, count, first_at, last_at FROM gone
        ON CONFLICT (tenant_id, denial_group) DO UPDATE
       SET count = u.count + excluded.count, first_at = least(u.first_at, excluded.first_at),
           last_at = greatest(u.last_at, excluded.last_at)
"""
KEEP: Final = """
    -- rotate_walk.keep
    UPDATE unknown_denials SET reason = $4
     WHERE tenant_id = $1 AND denial_group = $2 AND reason IS NOT DISTINCT FROM $3
"""


async def _join(conn: Connection, sealer: Sealer, changes: Sequence[_Change]) -> None:
    async with conn.transaction():
        await demand_canary(conn, sealer)
        for one in changes:
            tenant, group = one.key
            if one.words[0] == group:
                await conn.execute(KEEP, tenant, group, one.old[0], one.sealed[0])
            else:
                await conn.execute(JOIN, tenant, group, one.words[0], one.sealed[0])
