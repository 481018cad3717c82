"""Seals every stored secret afresh under the first of SECRET_KEYS, online and in small commits.

Run it after a new key was put in front, and once more after the old one was taken away: hashed
words (documents, issuer keys) follow the oldest key and change with it.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any, Final

from shared.crypto.seal import Sealer
from shared.db.connection import connect
from shared.db.sealed_columns import SEALED, Sealed
from shared.domain.ids import TenantId
from shared.domain.party import normalise_document
from shared.keys import forget_other_canaries, prove_keys

BATCH: Final = 500
_EVERYBODY: Final = TenantId("-")
Tell = Callable[[str, int], None]


async def rotate(url: str, keys: Sequence[str], tell: Tell) -> int:
    """Seal everything afresh and return how many values changed; `tell` hears of each column.

    Safe to repeat and to interrupt: a value is sealed under one key or the other, never neither.
    Raises WrongKeysError or UnsealError when a value is sealed under a key that is not configured
    any more.
    """
    sealer = Sealer.from_text(keys)
    connection = await connect(url)
    try:
        await prove_keys(connection, sealer)
        total = 0
        for column in SEALED:
            changed = 0
            while batch := await _reseal_any_tenant(connection, sealer, column):
                changed += batch
            tell(f"{column.table}.{column.column}", changed)
            total += changed
        words = await _rehash_documents_any_tenant(connection, sealer)
        tell("sales.document_word", words)
        keys_changed = await _rehash_issuer_keys_any_tenant(connection, sealer)
        tell("issuer_connections.key_word", keys_changed)
        people = await _rehash_people(connection, sealer)
        tell("people.email_word", people)
        identities = await _rehash_identities(connection, sealer)
        tell("person_identities.identity_word", identities)
        people += identities
        forgotten = await forget_other_canaries(connection, sealer)
        tell("key_canaries.value", forgotten)
        return total + words + keys_changed + people + forgotten
    finally:
        await connection.close()


async def _reseal_any_tenant(connection: Any, sealer: Sealer, column: Sealed) -> int:
    tenants = (("tenant_id", "text"),) if column.of_tenants else ()
    identified = (*tenants, *column.keys)
    names = [name for name, _ in identified]
    # Every identifier is a constant of this module.
    read = (
        f"SELECT {', '.join(names)}, {column.column} AS value FROM {column.table}"  # noqa: S608
        f" WHERE {column.column} IS NOT NULL AND substring({column.column} FROM 2 FOR 4) <> $1"
        f" LIMIT {BATCH}"
    )
    rows = await connection.fetch(read, sealer.sealing_key_id)
    if not rows:
        return 0
    types = [kind for _, kind in identified]
    given = [f"${number}::{kind}[]" for number, kind in enumerate(types, start=1)]
    matched = " AND ".join(f"t.{name} = v.{name}" for name in names)
    write = (
        f"UPDATE {column.table} t SET {column.column} = v.value"  # noqa: S608
        f" FROM unnest({', '.join(given)}, ${len(types) + 1}::bytea[], ${len(types) + 2}::bytea[])"
        f" AS v ({', '.join(names)}, old, value)"
        f" WHERE {matched} AND t.{column.column} = v.old"
    )
    values = [_sealed_afresh(sealer, row, column.purpose) for row in rows]
    keys = [[row[name] for row in rows] for name in names]
    await connection.execute(write, *keys, [row["value"] for row in rows], values)
    return len(rows)


def _sealed_afresh(sealer: Sealer, row: Any, purpose: str) -> bytes:
    tenant = TenantId(row.get("tenant_id", _EVERYBODY))
    plain = sealer.unseal(row["value"], tenant=tenant, purpose=purpose)
    return sealer.seal(plain, tenant=tenant, purpose=purpose)


READ_CUSTOMERS: Final = """
    -- rotate.read_customers_any_tenant
    SELECT tenant_id, bill_id, customer, document_word FROM sales
     WHERE customer IS NOT NULL AND (tenant_id, bill_id) > ($1, $2)
     ORDER BY tenant_id, bill_id LIMIT $3
"""
WRITE_WORDS: Final = """
    -- rotate.write_words_any_tenant
    UPDATE sales s SET document_word = w.word
      FROM unnest($1::text[], $2::bigint[], $3::bytea[]) AS w (tenant_id, bill_id, word)
     WHERE s.tenant_id = w.tenant_id AND s.bill_id = w.bill_id
"""
FORGET_MIRROR: Final = """
    -- rotate.forget_mirror_any_tenant
    DELETE FROM foreign_notas
"""
FORGET_MARKS: Final = """
    -- rotate.forget_marks_any_tenant
    DELETE FROM foreign_nota_marks
"""


async def _rehash_documents_any_tenant(connection: Any, sealer: Sealer) -> int:
    """Hash documents under the oldest key that is left; the issuer's mirror is listed anew."""
    changed, after = 0, ("", 0)
    while rows := await connection.fetch(READ_CUSTOMERS, *after, BATCH):
        after = (rows[-1]["tenant_id"], rows[-1]["bill_id"])
        new = [(row, word) for row in rows if (word := _word(sealer, row)) != row["document_word"]]
        if new:
            tenants = [row["tenant_id"] for row, _ in new]
            bills = [row["bill_id"] for row, _ in new]
            await connection.execute(WRITE_WORDS, tenants, bills, [word for _, word in new])
        changed += len(new)
    if changed:
        async with connection.transaction():
            await connection.execute(FORGET_MIRROR)
            await connection.execute(FORGET_MARKS)
    return changed


def _word(sealer: Sealer, row: Any) -> bytes | None:
    tenant = TenantId(row["tenant_id"])
    customer = json.loads(sealer.unseal(row["customer"], tenant=tenant, purpose="customer"))
    bare = normalise_document(str(customer.get("registry_code") or ""))
    return sealer.word(bare, tenant=tenant, purpose="document") if bare else None


READ_ISSUER_KEYS: Final = """
    -- rotate.read_issuer_keys_any_tenant
    SELECT tenant_id, 0 AS connection_id, api_key, key_word FROM issuer_connections
     UNION ALL
    SELECT tenant_id, connection_id, api_key, key_word FROM nota_connections
"""
WRITE_ISSUER_WORD: Final = """
    -- rotate.write_issuer_word
    UPDATE issuer_connections SET key_word = $3 WHERE tenant_id = $1 AND $2 = 0
"""
WRITE_NOTA_WORD: Final = """
    -- rotate.write_nota_word
    UPDATE nota_connections SET key_word = $3 WHERE tenant_id = $1 AND connection_id = $2
"""


async def _rehash_issuer_keys_any_tenant(connection: Any, sealer: Sealer) -> int:
    changed = 0
    for row in await connection.fetch(READ_ISSUER_KEYS):
        tenant = TenantId(row["tenant_id"])
        key = sealer.unseal(row["api_key"], tenant=tenant, purpose="issuer_key").decode()
        if not key:  # forgotten, since the tenant leaves
            continue
        word = sealer.word(key, tenant=_EVERYBODY, purpose="issuer_key").hex()
        if word != row["key_word"]:
            for write in (WRITE_ISSUER_WORD, WRITE_NOTA_WORD):
                await connection.execute(write, tenant, row["connection_id"], word)
            changed += 1
    return changed


READ_PEOPLE: Final = """
    -- rotate.read_people
    SELECT person_id, email, email_word FROM people
"""
WRITE_PERSON_WORD: Final = """
    -- rotate.write_person_word
    UPDATE people SET email_word = $2 WHERE person_id = $1
"""


async def _rehash_people(connection: Any, sealer: Sealer) -> int:
    """Hash addresses under the oldest key that is left, or nobody would find their account."""
    changed = 0
    for row in await connection.fetch(READ_PEOPLE):
        email = sealer.unseal(row["email"], tenant=_EVERYBODY, purpose="person_email").decode()
        word = sealer.word(email, tenant=_EVERYBODY, purpose="person_email")
        if word != row["email_word"]:
            await connection.execute(WRITE_PERSON_WORD, row["person_id"], word)
            changed += 1
    return changed


READ_IDENTITIES: Final = """
    -- rotate.read_identities
    SELECT identity, identity_word FROM person_identities
"""
WRITE_IDENTITY_WORD: Final = """
    -- rotate.write_identity_word
    UPDATE person_identities SET identity_word = $2 WHERE identity_word = $1
"""


async def _rehash_identities(connection: Any, sealer: Sealer) -> int:
    """Hash what other doors call people under the oldest key that is left."""
    changed = 0
    for row in await connection.fetch(READ_IDENTITIES):
        name = sealer.unseal(row["identity"], tenant=_EVERYBODY, purpose="person_identity").decode()
        word = sealer.word(name, tenant=_EVERYBODY, purpose="person_identity")
        if word != row["identity_word"]:
            await connection.execute(WRITE_IDENTITY_WORD, row["identity_word"], word)
            changed += 1
    return changed
