"""The sandbox's own time: real, faster, frozen, or moved by hand."""

import asyncio
import contextlib
import heapq
import itertools
import time
from collections.abc import Callable


class Clock:
    """A clock with an agenda.

    Instants are Unix seconds. Speed 1 follows real time, 60 makes a minute of
    every second, 0 stands still until moved by hand. Callbacks run in the order
    of their instants, at once when the clock is moved past them.
    """

    def __init__(self, *, start: float | None = None, speed: float = 1.0) -> None:
        self._base = time.time() if start is None else start
        self._mark = time.monotonic()
        self._speed = speed
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._ticket = itertools.count()
        self._changed = asyncio.Event()

    @property
    def speed(self) -> float:
        """Sandbox seconds per real second."""
        return self._speed

    def now(self) -> float:
        """Tell the sandbox's time."""
        return self._base + (time.monotonic() - self._mark) * self._speed

    def advance(self, seconds: float) -> None:
        """Move forward and run everything that came due."""
        self.set(self.now() + seconds)

    def set(self, instant: float) -> None:
        """Jump to an instant, also backwards; run everything due by then."""
        self._base, self._mark = instant, time.monotonic()
        self.run_due()
        self._changed.set()

    def run_at(self, speed: float) -> None:
        """Change the speed from now on; 0 freezes."""
        self._base, self._mark = self.now(), time.monotonic()
        self._speed = speed
        self._changed.set()

    def call_at(self, instant: float, callback: Callable[[], None]) -> None:
        """Put a callback on the agenda; a past instant means as soon as possible."""
        heapq.heappush(self._agenda, (instant, next(self._ticket), callback))
        if self._agenda[0][0] == instant:
            self._changed.set()

    def run_due(self) -> None:
        """Run what is due, and what that makes due."""
        while self._agenda and self._agenda[0][0] <= self.now():
            heapq.heappop(self._agenda)[2]()

    def clear(self) -> None:
        """Forget the agenda."""
        self._agenda.clear()

    async def run(self) -> None:
        """Keep the agenda until cancelled."""
        while True:
            self._changed.clear()
            self.run_due()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._until_next()):
                    await self._changed.wait()

    def _until_next(self) -> float | None:
        if not self._agenda or not self._speed:
            return None
        return max(0.0, (self._agenda[0][0] - self.now()) / self._speed)
