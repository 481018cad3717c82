"""What a rotation goes through is what the schema holds: no sealed column is left out."""

import ast
import base64
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from shared.crypto import columns
from shared.crypto.columns import DENIAL_WORD, NOBODY, SEALED, SealedColumn
from shared.crypto.seal import TO_PURPOSE, TO_ROW, Sealer, UnsealError
from shared.db.connection import Pool
from shared.domain.ids import TenantId
from shared.ops.rotate import rotate
from shared.ops.rotate_tables import TABLES, WORDS, RotatedTable
from tests.ops.test_rotate import CUSTOMER, NEW, OLD, TENANT, nothing

ROOT = Path(__file__).parents[2]
OTHER = TenantId("tzzzzzzzzzz")
# Columns of bytes that hold neither a sealed value nor a word that follows the keys.
NEITHER = {
    "idempotency_keys.request_hash": "a word of what was asked, which is kept nowhere, for 7 days",
    "internal_tokens.token_hash": "a hash of 256 random bits",
    "key_canaries.key_id": "names a key",
    "key_canaries.value": "a canary, which is left under each key and forgotten with it",
    "month_file_pieces.piece": "a piece of a file that its tenant fetches, kept for a day",
    "panel_sessions.token_hash": "a hash of 256 random bits",
    "person_links.token_hash": "a hash of 256 random bits",
    "sign_in_failures.source_word": "forgotten within a day; what it is of is kept nowhere",
    "sign_in_failures.account_word": "forgotten within a day; what it is of is kept nowhere",
    "webhook_secrets.secret_hash": "a hash of 256 random bits",
}
PLAIN = {"customer": CUSTOMER, "who": b'{"documents": ["12345678909"]}'}
# Who calls the sealer itself: the columns, and what lies in no row.
SEALERS = {
    "shared/crypto/columns.py",
    "shared/keys.py",
    "shared/crypto/sealed_words.py",
}
COLUMNS = """
    SELECT c.relname || '.' || a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
       AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped
       AND a.atttypid = 'bytea'::regtype
"""


async def test_every_column_of_bytes_is_sealed_a_word_or_known_to_be_neither(pool: Pool) -> None:
    async with pool.acquire() as conn:
        there = {row[0] for row in await conn.fetch(COLUMNS)}
    sealed = {f"{one.table}.{one.column}" for one in SEALED if one.inside is None}
    words = {f"{one.table}.{one.column}" for one in WORDS}

    assert there - words == sealed | set(NEITHER)
    assert not sealed & words


def test_only_columns_are_sealed_and_opened() -> None:
    callers = {
        str(file.relative_to(ROOT))
        for folder in ("shared", "services", "deploy")
        for file in (ROOT / folder).rglob("*.py")
        if _calls_a_sealer(file)
    }

    assert callers == SEALERS


def _calls_a_sealer(file: Path) -> bool:
    text = file.read_text(encoding="utf-8")
    if "purpose=" not in text:
        return False
    calls = (one for one in ast.walk(ast.parse(text)) if isinstance(one, ast.Call))
    return any(
        isinstance(call.func, ast.Attribute)
        and call.func.attr in ("seal", "unseal")
        and any(keyword.arg == "purpose" for keyword in call.keywords)
        for call in calls
    )


@pytest.mark.parametrize("column", SEALED, ids=lambda one: f"{one.table}.{one.column}")
def test_a_value_opens_in_its_own_row_alone(column: SealedColumn) -> None:
    sealer = Sealer.from_text([OLD])
    key, another = _key(column, 1), _key(column, 2)
    sealed = column.seal(sealer, TENANT, b"plain", *key)

    assert column.open(sealer, TENANT, sealed, *key) == b"plain"
    with pytest.raises(UnsealError):
        column.open(sealer, OTHER, sealed, *key)
    for place in SEALED:
        if place is not column and len(place.bound_keys) == len(key):
            with pytest.raises(UnsealError):
                place.open(sealer, TENANT, sealed, *key)
    if key:
        with pytest.raises(UnsealError):
            column.open(sealer, TENANT, sealed, *another)


@pytest.mark.parametrize("column", SEALED, ids=lambda one: f"{one.table}.{one.column}")
def test_a_value_of_the_older_form_still_opens(column: SealedColumn) -> None:
    before = Sealer.from_text([OLD])
    before.binds_rows = False
    key = _key(column, 1)
    sealed = column.seal(before, TENANT, b"plain", *key)

    assert sealed[:1] == TO_PURPOSE
    assert before.unseal(sealed, tenant=TENANT, purpose=column.purpose) == b"plain"
    assert column.open(Sealer.from_text([OLD]), TENANT, sealed, *key) == b"plain"


def test_no_two_keys_of_rows_read_the_same() -> None:
    kept = columns.KEPT_ANSWER

    assert kept.row(("a", "b|1:c")) != kept.row(("a|5:b", "c"))
    assert kept.row(("ab", "c")) != kept.row(("a", "bc"))


def _key(column: SealedColumn, number: int) -> tuple[int, ...]:
    return tuple(number for _ in column.bound_keys)


async def test_after_a_rotation_no_column_of_any_table_opens_under_the_old_key(
    pool: Pool, database: str
) -> None:
    old, new = Sealer.from_text([OLD]), Sealer.from_text([NEW])
    await without_guards(pool)
    for table in TABLES:
        for number, form in enumerate((TO_PURPOSE, TO_ROW), start=1):
            old.binds_rows = form == TO_ROW
            await fill(pool, old, table, number)
    assert {one async for one in places(pool, old)} == {f"{c.table}.{c.column}" for c in SEALED}
    words = await all_words(pool)

    done = await rotate(database, [NEW, OLD], nothing, heard_after=timedelta())

    assert done.whole
    assert done.rows == 2 * len(TABLES)
    assert not {one async for one in places(pool, old)}
    assert {one async for one in places(pool, new)} == {f"{c.table}.{c.column}" for c in SEALED}
    assert not words & await all_words(pool)
    again = await rotate(database, [NEW], nothing)
    assert again.changed == 0, "everything opens under the new key alone"


async def without_guards(pool: Pool) -> None:
    """Take away what a made-up row would stumble over; keys of rows stay."""
    async with pool.acquire() as conn:
        for table, name in await conn.fetch(
            "SELECT conrelid::regclass::text, conname FROM pg_constraint"
            " WHERE contype IN ('c', 'f') AND connamespace = 'public'::regnamespace"
            "   AND coninhcount = 0 ORDER BY contype DESC"
        ):
            await conn.execute(f'ALTER TABLE {table} DROP CONSTRAINT IF EXISTS "{name}"')


async def fill(pool: Pool, sealer: Sealer, table: RotatedTable, number: int) -> None:
    async with pool.acquire() as conn:
        kinds = await conn.fetch(
            "SELECT attname, format_type(atttypid, NULL) AS type"
            "  FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0"
            "   AND NOT attisdropped AND attidentity = '' AND attgenerated = ''"
            "   AND (attnotnull OR attname = ANY($2::text[]))",
            table.name,
            [
                *(one.column for one in table.sealed),
                *(word.column for word in table.words),
                "denial",
            ],
        )
        row: dict[str, Any] = {name: _some(kind, number) for name, kind in kinds}
        tenant = (NOBODY, TENANT, OTHER)[number if table.of_tenants else 0]
        if table.of_tenants:
            row["tenant_id"] = tenant
        plain = {one.column: PLAIN.get(one.column, b"plain%d" % number) for one in table.sealed}
        for word in table.words:
            row[word.column] = _first_word(sealer, tenant, word.column, row)
            row[word.column] = word.make(sealer, tenant, row, plain)
        for one in table.sealed:
            key = [row[name] for name in one.bound_keys]
            sealed = one.seal(sealer, tenant, plain[one.column], *key)
            row[one.column] = sealed if one.inside is None else {one.inside: sealed.hex()}
        there = {name for name, _ in kinds}
        row = {name: value for name, value in row.items() if name in there}
        places = ", ".join(f"${n}" for n in range(1, len(row) + 1))
        await conn.execute(  # every name is the schema's own
            f"INSERT INTO {table.name} ({', '.join(row)}) VALUES ({places})",  # noqa: S608
            *row.values(),
        )


def _first_word(sealer: Sealer, tenant: TenantId, column: str, row: dict[str, Any]) -> Any:
    if column != "denial_group":
        return row.get(column)
    row["denial"] = "denied_unknown"
    word = sealer.word("plain", tenant=tenant, purpose=DENIAL_WORD)
    return f"denied_unknown-{word.hex()[:16]}"


def _some(kind: str, number: int) -> Any:
    match kind:
        case "text":
            return f"x{number}"
        case "bigint" | "integer" | "smallint":
            return number
        case "bytea":
            return bytes([number]) * 8
        case "uuid":
            return UUID(int=number)
        case "boolean":
            return False
        case "date":
            return date(2026, 11, number)
        case "timestamp with time zone":
            return datetime(2026, 11, number, tzinfo=UTC)
        case "jsonb":
            return {}
        case _ if kind.endswith("[]"):
            return []
    raise AssertionError(f"what is a {kind}?")


async def places(pool: Pool, sealer: Sealer) -> Any:
    """Every column of every table in which something lies that a key sealed, however written."""
    heads = {form + sealer.sealing_key_id for form in (TO_PURPOSE, TO_ROW)}
    async with pool.acquire() as conn:
        tables = await conn.fetch(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " AND relkind IN ('r', 'p') AND NOT relispartition AND relname <> 'key_canaries'"
        )
        for (table,) in tables:
            for row in await conn.fetch(f"SELECT * FROM {table}"):  # noqa: S608
                for column, value in row.items():
                    if any(said[:5] in heads for said in _read(value)):
                        yield f"{table}.{column}"


def _read(value: Any) -> Iterator[bytes]:
    if isinstance(value, bytes):
        yield value
    elif isinstance(value, str):
        for decode in (bytes.fromhex, base64.b64decode, base64.urlsafe_b64decode):
            try:
                yield decode(value)
            except ValueError:
                continue
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _read(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _read(inner)


async def all_words(pool: Pool) -> set[Any]:
    async with pool.acquire() as conn:
        return {
            value
            for word in WORDS
            for (value,) in await conn.fetch(f"SELECT {word.column} FROM {word.table}")  # noqa: S608
        }
