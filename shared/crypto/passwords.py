"""Passwords: argon2id, a few at a time, and never on the event loop."""

import asyncio
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

# What argon2-cffi takes for its default is RFC 9106's second choice: 64 MiB, 3 passes, 4 lanes.
_HASHER: Final = PasswordHasher()
_AT_ONCE: Final = 2  # each takes 64 MiB and a core for some 50 ms


class Passwords:
    """Makes and checks hashes; who asks for too many at once waits."""

    def __init__(self, hasher: PasswordHasher = _HASHER) -> None:
        self._hasher = hasher
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._nobodys = hasher.hash("a password that nobody has")

    async def hash(self, password: str) -> str:
        """The hash to keep."""
        async with self._turns:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def fits(self, password: str, kept: str | None) -> bool:
        """Whether a password is the one that was hashed; as long for nobody's (None) as for one."""
        async with self._turns:
            fits = await asyncio.to_thread(self._verify, password, kept or self._nobodys)
        return fits and kept is not None

    def is_old(self, kept: str) -> bool:
        """Whether a hash was made with other costs than today's."""
        return self._hasher.check_needs_rehash(kept)

    def _verify(self, password: str, kept: str) -> bool:
        try:
            return self._hasher.verify(kept, password)
        except (Argon2Error, InvalidHashError):
            return False
