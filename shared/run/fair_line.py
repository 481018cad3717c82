"""A line before some places in which whoever has many waiting lets the others pass."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class FairLine:
    """Places that go round among those whose tasks wait; of each, first come first served.

    So one who comes with a single task waits for one of each other's, however many they have.
    """

    places: int = 1
    _taken: int = 0
    _waiting: dict[str, deque[asyncio.Future[None]]] = field(default_factory=dict)

    def locked(self) -> bool:
        """Whether whoever comes now has to wait."""
        return self._taken >= self.places

    @asynccontextmanager
    async def turn(self, whose: str) -> AsyncIterator[None]:
        """Hold a place; `whose` names among whom they go round."""
        await self.acquire(whose)
        try:
            yield
        finally:
            self.release(whose)

    def take(self) -> bool:
        """Take a place that is free, as `acquire` does; False where one has to be waited for."""
        if self._taken >= self.places:
            return False
        self._taken += 1
        return True

    async def acquire(self, whose: str, waits: set[asyncio.Future[None]] | None = None) -> None:
        """Wait for a place; the caller gives it back.

        What is waited for is among `waits` meanwhile: who fails it there breaks the wait off.
        """
        if self.take():
            return
        mine = self.stand(whose)
        if waits is not None:
            waits.add(mine)
        try:
            await mine
        except asyncio.CancelledError:
            self.step_out(whose, mine)
            raise
        finally:
            if waits is not None:
                waits.discard(mine)

    def stand(self, whose: str) -> asyncio.Future[None]:
        """Stand in line; who holds a place once it is done, and may be failed until then."""
        mine = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(whose, deque()).append(mine)
        return mine

    def step_out(self, whose: str, mine: asyncio.Future[None]) -> None:
        """Wait no longer: one that was let in and does not come lets the next one in."""
        if mine.done() and not mine.cancelled() and mine.exception() is None:
            self.release(whose)

    def release(self, whose: str) -> None:
        """Give a place to whose turn it is; to nobody where there are fewer than are taken."""
        self._put_behind(whose)
        if self._taken > self.places or self._let_in() is None:
            self._taken -= 1

    def resize(self, places: int) -> None:
        """Have more places, which are taken at once by those who wait; or fewer, as they end."""
        self.places = places
        while self._taken < places and (whose := self._let_in()) is not None:
            self._taken += 1
            self._put_behind(whose)

    @property
    def taken(self) -> int:
        """How many hold a place."""
        return self._taken

    def _put_behind(self, whose: str) -> None:
        if mine := self._waiting.pop(whose, None):
            self._waiting[whose] = mine

    def _let_in(self) -> str | None:
        """Give a place to whose turn it is, and say whose; None where nobody waits."""
        while self._waiting:
            now = next(iter(self._waiting))
            first = self._waiting[now].popleft()
            if not self._waiting[now]:
                del self._waiting[now]
            if not first.done():
                first.set_result(None)
                return now
        return None

    def of(self, whose: str) -> "OwnLine":
        """The line as one of those sees it who stand in it."""
        return OwnLine(self, whose)


@dataclass(frozen=True, slots=True)
class OwnLine:
    """A line that goes round, in the name of one of those who stand in it."""

    _line: FairLine
    _whose: str

    def take(self) -> bool:
        """Take a place that is free; False where one has to be waited for."""
        return self._line.take()

    async def acquire(self, waits: set[asyncio.Future[None]] | None = None) -> None:
        """Wait for a place; the caller gives it back. `waits`: see `FairLine.acquire`."""
        await self._line.acquire(self._whose, waits)

    def release(self) -> None:
        """Give a place back."""
        self._line.release(self._whose)
