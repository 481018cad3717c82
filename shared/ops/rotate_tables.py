"""What a rotation of keys goes through: every table with sealed values, and the words made of them.

One table of data. A new sealed column stands in `shared.crypto.columns`; a word that follows the
keys stands here, beside what it is made of. `tests/ops/test_rotate_schema.py` holds both against
the schema.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from shared.crypto import columns
from shared.crypto.columns import DENIAL_WORD, DOCUMENT_WORD, NOBODY, SEALED, SealedColumn
from shared.crypto.seal import Sealer
from shared.domain.denials import denial_group
from shared.domain.ids import TenantId
from shared.domain.party import normalise_document

StoredRow = Mapping[str, Any]
Opened = Mapping[str, bytes | None]  # what a row's sealed columns say, by column
Made = bytes | str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyedWord:
    """A column that holds a keyed hash, and how it is made of what the row's sealed columns say."""

    table: str
    column: str
    make: Callable[[Sealer, TenantId, StoredRow, Opened], Made]
    reads: tuple[str, ...] = ()  # plain columns it is made of too


@dataclass(frozen=True, slots=True, kw_only=True)
class RotatedTable:
    """A table, the key that names its rows, and what of them changes with the keys."""

    name: str
    keys: tuple[str, ...]  # tenant_id first, where it has one
    sealed: tuple[SealedColumn, ...]
    words: tuple[KeyedWord, ...]

    @property
    def of_tenants(self) -> bool:
        """Whether its rows belong to tenants."""
        return self.sealed[0].of_tenants


def _document_of_sale(sealer: Sealer, tenant: TenantId, _row: StoredRow, opened: Opened) -> Made:
    customer = json.loads(opened["customer"] or b"{}")
    bare = normalise_document(str(customer.get("registry_code") or ""))
    return sealer.word(bare, tenant=tenant, purpose=DOCUMENT_WORD) if bare else None


def _document_at_issuer(sealer: Sealer, tenant: TenantId, row: StoredRow, opened: Opened) -> Made:
    document = opened["document"]
    if document is None:
        word: bytes = row["document_word"]
        return word  # the list it came from is read again: `rotate_lists`
    return sealer.word(document.decode(), tenant=tenant, purpose=DOCUMENT_WORD)


def _document_to_erase(sealer: Sealer, tenant: TenantId, row: StoredRow, opened: Opened) -> Made:
    """Asked for by a document, which is the first that is known of whoever is meant."""
    known = json.loads(opened["who"] or b"{}").get("documents")
    if row["document_word"] is None or not known:
        word: bytes | None = row["document_word"]
        return word
    return sealer.word(known[0], tenant=tenant, purpose=DOCUMENT_WORD)


def _issuer_key(sealer: Sealer, _tenant: TenantId, row: StoredRow, opened: Opened) -> Made:
    key = (opened["api_key"] or b"").decode()
    if not key:  # forgotten, since the tenant leaves
        word: str = row["key_word"]
        return word
    return sealer.word(key, tenant=NOBODY, purpose=columns.ISSUER_KEY.purpose).hex()


def cause_afresh(
    sealer: Sealer, tenant: TenantId, denial: str | None, group: str | None, text: bytes | None
) -> str | None:
    """What names the cause of a denial, under the key that seals; None for what is none."""
    if group is None or denial is None:
        return group
    for said in (text, None):
        for number in range(len(sealer.words("", tenant=tenant, purpose=DENIAL_WORD))):
            if group == _cause(sealer, tenant, denial, said, number):
                return _cause(sealer, tenant, denial, said, 0)
    return _cause(sealer, tenant, denial, text, 0)


def _cause(sealer: Sealer, tenant: TenantId, denial: str, text: bytes | None, number: int) -> str:
    return denial_group(
        denial,
        None if text is None else text.decode(),
        lambda reason: sealer.words(reason, tenant=tenant, purpose=DENIAL_WORD)[number],
    )


def _cause_of_nota(sealer: Sealer, tenant: TenantId, row: StoredRow, opened: Opened) -> Made:
    return cause_afresh(sealer, tenant, row["denial"], row["denial_group"], opened["reason"])


def _cause_unknown(sealer: Sealer, tenant: TenantId, row: StoredRow, opened: Opened) -> Made:
    group: str = row["denial_group"]
    return cause_afresh(sealer, tenant, group.partition("-")[0], group, opened["reason"])


def _email(sealer: Sealer, _tenant: TenantId, _row: StoredRow, opened: Opened) -> Made:
    email = (opened["email"] or b"").decode()
    return sealer.word(email, tenant=NOBODY, purpose=columns.PERSON_EMAIL.purpose)


def _identity(sealer: Sealer, _tenant: TenantId, _row: StoredRow, opened: Opened) -> Made:
    name = (opened["identity"] or b"").decode()
    return sealer.word(name, tenant=NOBODY, purpose=columns.IDENTITY.purpose)


WORDS: Final = (
    KeyedWord(table="sales", column="document_word", make=_document_of_sale),
    KeyedWord(table="foreign_notas", column="document_word", make=_document_at_issuer),
    KeyedWord(table="notas", column="denial_group", make=_cause_of_nota, reads=("denial",)),
    KeyedWord(table="erasures", column="document_word", make=_document_to_erase),
    KeyedWord(table="unknown_denials", column="denial_group", make=_cause_unknown),
    KeyedWord(table="issuer_connections", column="key_word", make=_issuer_key),
    KeyedWord(table="nota_connections", column="key_word", make=_issuer_key),
    KeyedWord(table="people", column="email_word", make=_email),
    KeyedWord(table="person_identities", column="identity_word", make=_identity),
)


def _tables() -> tuple[RotatedTable, ...]:
    named = groupby(sorted(SEALED, key=lambda one: one.table), key=lambda one: one.table)
    made = []
    for name, some in named:
        sealed = tuple(some)
        tenant = ("tenant_id",) if sealed[0].of_tenants else ()
        made.append(
            RotatedTable(
                name=name,
                keys=(*tenant, *sealed[0].keys),
                sealed=sealed,
                words=tuple(word for word in WORDS if word.table == name),
            )
        )
    return tuple(made)


# Their words are compared with each other, so that they change in one commit.
TOGETHER: Final = ("issuer_connections", "nota_connections")
TABLES: Final = _tables()
