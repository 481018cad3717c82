"""A stretch of requests to one account: how many at once, and what ends it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from shared.vindi.client import Untold
from shared.vindi.errors import VindiBusy, VindiUnavailable

T = TypeVar("T")

AT_ONCE: Final = 4  # lists under way for one account
MOST_FAILURES: Final = 3  # answers without use, one after another, before nothing more is asked


@dataclass(slots=True)
class Stretch:
    """The requests of one refresh; it ends with the budget, or when Vindi answers nothing usable.

    `alone` is how many records may be read one by one in it; None: all of them.
    """

    alone: int | None
    _gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    _ended: Untold | None = None
    _failures: int = 0

    async def ask(self, read: Callable[[], Awaitable[T]]) -> T | Untold:
        """Read, unless the stretch has ended meanwhile; what ends it is not raised."""
        async with self._gate:
            if self._ended is not None:
                return self._ended
            try:
                answer = await read()
            except VindiBusy as error:
                self._ended = Untold(error=error)
                return self._ended
            except VindiUnavailable as error:
                self._failures += 1
                if self._failures >= MOST_FAILURES:
                    self._ended = Untold(error=error)
                return Untold(error=error)
            self._failures = 0
            return answer

    def admit(self, wanted: Sequence[T]) -> tuple[Sequence[T], Sequence[T]]:
        """Those that may be read alone in this stretch, and those that have to wait for another."""
        count = len(wanted) if self.alone is None else min(self.alone, len(wanted))
        if self.alone is not None:
            self.alone -= count
        return wanted[:count], wanted[count:]
