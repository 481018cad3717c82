"""Sealing: authenticated encryption bound to tenant and purpose, under rotating keys."""

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

_VERSION: Final = b"\x01"
_NONCE_BYTES: Final = 12
_KEY_ID_BYTES: Final = 4


class UnsealError(Exception):
    """A sealed value cannot be opened: unknown key, other tenant or purpose, or damaged."""


class Sealer:
    """Seals and opens values; the first key seals, all keys open.

    A sealed value is version (1 byte), key id (4), nonce (12), ciphertext with tag. Tenant and
    purpose are authenticated, so a value copied to another row does not open there.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        """`keys` are 32 random bytes each; raises ValueError when there is none."""
        if not keys or any(len(key) != 32 for key in keys):
            raise ValueError("sealing needs keys of 32 bytes")
        self._sealing = _key_id(keys[0])
        self._ciphers = {_key_id(key): AESGCM(key) for key in keys}
        self._words = hmac.digest(keys[-1], b"notaponte searchable words", "sha256")

    @classmethod
    def from_text(cls, keys: Iterable[str]) -> Self:
        """Make one of keys as settings carry them: URL-safe base64 of 32 bytes each."""
        return cls([base64.urlsafe_b64decode(key) for key in keys])

    def seal(self, value: bytes, *, tenant: TenantId, purpose: str) -> bytes:
        """Seal a value for one tenant and purpose."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._ciphers[self._sealing].encrypt(nonce, value, _bound_to(tenant, purpose))
        return _VERSION + self._sealing + nonce + sealed

    def unseal(self, sealed: bytes, *, tenant: TenantId, purpose: str) -> bytes:
        """Open a sealed value; raises UnsealError when it is not this tenant's and purpose's."""
        head = 1 + _KEY_ID_BYTES
        cipher = self._ciphers.get(sealed[1:head])
        if sealed[:1] != _VERSION or cipher is None:
            raise UnsealError("sealed under a key that is not configured")
        nonce, rest = sealed[head : head + _NONCE_BYTES], sealed[head + _NONCE_BYTES :]
        try:
            return cipher.decrypt(nonce, rest, _bound_to(tenant, purpose))
        except InvalidTag as error:
            raise UnsealError("damaged, or of another tenant or purpose") from error

    @property
    def sealing_key_id(self) -> bytes:
        """The four bytes, after the first, of every value sealed under the first key."""
        return self._sealing

    def word(self, text: str, *, tenant: TenantId, purpose: str) -> bytes:
        """Hash a text so that equal texts of one tenant can be found, and nothing else learnt.

        Keyed by the oldest key, so that words stay the same while newer keys are added in front.
        """
        return hmac.digest(self._words, _bound_to(tenant, purpose) + text.encode(), "sha256")


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(b"notaponte key id" + key).digest()[:_KEY_ID_BYTES]


@lru_cache(maxsize=4096)
def _bound_to(tenant: TenantId, purpose: str) -> bytes:
    return f"{tenant}|{purpose}|".encode()
