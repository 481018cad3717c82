"""Passwords: argon2id, a few at a time, and never on the event loop."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

# What argon2-cffi takes for its default is RFC 9106's second choice: 64 MiB, 3 passes, 4 lanes.
_HASHER: Final = PasswordHasher()
_AT_ONCE: Final = 2  # each takes 64 MiB and a core for some 50 ms
# Some two seconds of work, which whoever signs in may wait for; an office behind one address has
# a quarter of it.
MOST_STRANGERS: Final = 64
MOST_OF_SOURCE: Final = 16
MOST: Final = 2 * MOST_STRANGERS  # with those who are signed in, or came by a link of ours


class TooManyPasswords(Exception):
    """So many wait already that one more would wait too long: nothing was looked at."""


class Passwords:
    """Makes and checks hashes; who asks for too many at once waits, and is sent away at last.

    Strangers are sent away first (`room`), so that they never keep out who is known.
    """

    def __init__(self, hasher: PasswordHasher = _HASHER) -> None:
        self._hasher = hasher
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._nobodys = hasher.hash("a password that nobody has")
        self._strangers: Counter[str] = Counter()
        self._asked = 0

    @contextmanager
    def room(self, source: str) -> Iterator[None]:
        """A place among the strangers who may wait, whose every try goes inside the block.

        `source` is where they come from. Raises TooManyPasswords, before anything is counted
        against whoever asks.
        """
        everybody = self._strangers.total()
        if everybody >= MOST_STRANGERS or self._strangers[source] >= MOST_OF_SOURCE:
            raise TooManyPasswords
        self._strangers[source] += 1
        try:
            yield
        finally:
            self._strangers[source] -= 1
            if not self._strangers[source]:
                del self._strangers[source]

    async def hash(self, password: str) -> str:
        """The hash to keep; raises TooManyPasswords."""
        async with self._turn():
            return await asyncio.to_thread(self._hasher.hash, password)

    async def fits(self, password: str, kept: str | None) -> bool:
        """Whether a password is the one that was hashed; as long for nobody's (None) as for one.

        Raises TooManyPasswords.
        """
        async with self._turn():
            fits = await asyncio.to_thread(self._verify, password, kept or self._nobodys)
        return fits and kept is not None

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        if self._asked >= MOST:
            raise TooManyPasswords
        self._asked += 1
        try:
            async with self._turns:
                yield
        finally:
            self._asked -= 1

    def is_old(self, kept: str) -> bool:
        """Whether a hash was made with other costs than today's."""
        return self._hasher.check_needs_rehash(kept)

    def _verify(self, password: str, kept: str) -> bool:
        try:
            return self._hasher.verify(kept, password)
        except (Argon2Error, InvalidHashError):
            return False
