"""Sealing: authenticated encryption bound to tenant, purpose and row, under rotating keys."""

import base64
import hashlib
import hmac
import os
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.domain.ids import TenantId

# Of a sealed value's form, its first byte: bound to tenant and purpose alone, or to its row too.
TO_PURPOSE: Final = b"\x01"
TO_ROW: Final = b"\x02"
_NONCE_BYTES: Final = 12
_KEY_ID_BYTES: Final = 4


class UnsealError(Exception):
    """A sealed value cannot be opened: unknown key, of another tenant, purpose or row, damaged."""


class Sealer:
    """Seals and opens values; the first key seals, all keys open.

    A sealed value is form (1 byte), key id (4), nonce (12), ciphertext with tag. Tenant, purpose
    and the row it lies in are authenticated, so a value copied to another row does not open there.
    Values of the older form know no row; they open until they are sealed afresh.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        """`keys` are 32 random bytes each; raises ValueError when there is none."""
        if not keys or any(len(key) != 32 for key in keys):
            raise ValueError("sealing needs keys of 32 bytes")
        self._sealing = _key_id(keys[0])
        self._ciphers = {_key_id(key): AESGCM(key) for key in keys}
        # Each has taken its key in already: the customer of every nota has a word.
        self._words = [hmac.new(_word_key(key), digestmod="sha256") for key in dict.fromkeys(keys)]
        # False while code that knows no rows may have to open what is sealed (`shared.keys`).
        self.binds_rows = True

    @classmethod
    def from_text(cls, keys: Iterable[str]) -> Self:
        """Make one of keys as settings carry them: URL-safe base64 of 32 bytes each."""
        return cls([base64.urlsafe_b64decode(key) for key in keys])

    def seal(self, value: bytes, *, tenant: TenantId, purpose: str, row: str = "") -> bytes:
        """Seal a value for one tenant and purpose; `row` is empty for what lies in none.

        Rows are named by `shared.crypto.columns`, which is how stores seal and open.
        """
        nonce = os.urandom(_NONCE_BYTES)
        form = TO_ROW if row and self.binds_rows else TO_PURPOSE
        bound = _bound_to(tenant, purpose) + (row.encode() if form == TO_ROW else b"")
        return (
            form + self._sealing + nonce + self._ciphers[self._sealing].encrypt(nonce, value, bound)
        )

    def unseal(self, sealed: bytes, *, tenant: TenantId, purpose: str, row: str = "") -> bytes:
        """Open a value; raises UnsealError when it is not this tenant's, purpose's and row's."""
        head = 1 + _KEY_ID_BYTES
        form, cipher = sealed[:1], self._ciphers.get(sealed[1:head])
        if form not in (TO_PURPOSE, TO_ROW) or cipher is None:
            raise UnsealError("sealed under a key that is not configured")
        nonce, rest = sealed[head : head + _NONCE_BYTES], sealed[head + _NONCE_BYTES :]
        bound = _bound_to(tenant, purpose) + (row.encode() if form == TO_ROW else b"")
        try:
            return cipher.decrypt(nonce, rest, bound)
        except InvalidTag as error:
            raise UnsealError("damaged, or of another tenant, purpose or row") from error

    def is_current(self, sealed: bytes, *, in_row: bool = True) -> bool:
        """Whether a value has the form and the key it would be sealed with now."""
        form = TO_ROW if in_row and self.binds_rows else TO_PURPOSE
        return sealed[: 1 + _KEY_ID_BYTES] == form + self._sealing

    @property
    def changes_keys(self) -> bool:
        """Whether there is more than one key, so that a text may have more than one word."""
        return len(self._words) > 1

    @property
    def sealing_key_id(self) -> bytes:
        """The four bytes, after the first, of every value sealed under the first key."""
        return self._sealing

    def word(self, text: str, *, tenant: TenantId, purpose: str) -> bytes:
        """Hash a text so that equal texts of one tenant can be found, and nothing else learnt.

        This is how words are written: keyed by the key that seals. What is looked for may still
        have the word of another key: `words`.
        """
        return _word(self._words[0], _bound_to(tenant, purpose) + text.encode())

    def words(self, text: str, *, tenant: TenantId, purpose: str) -> list[bytes]:
        """Every word a text may have while keys change, that of the key that seals first."""
        said = _bound_to(tenant, purpose) + text.encode()
        return [_word(begun, said) for begun in self._words]


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(b"notaponte key id" + key).digest()[:_KEY_ID_BYTES]


def _word(begun: hmac.HMAC, said: bytes) -> bytes:
    mine = begun.copy()
    mine.update(said)
    return mine.digest()


def _word_key(key: bytes) -> bytes:
    return hmac.digest(key, b"notaponte searchable words", "sha256")


@lru_cache(maxsize=4096)
def _bound_to(tenant: TenantId, purpose: str) -> bytes:
    return f"{tenant}|{purpose}|".encode()
