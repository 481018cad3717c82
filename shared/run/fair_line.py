"""A line before one door in which whoever has many waiting lets the others pass."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class FairLine:
    """A lock that goes round among those whose tasks wait for it; of each, first come first served.

    So one who comes with a single task waits for one of each other's, however many they have.
    """

    _held: bool = False
    _waiting: dict[str, deque[asyncio.Future[None]]] = field(default_factory=dict)

    def locked(self) -> bool:
        """Whether somebody is at the door."""
        return self._held

    @asynccontextmanager
    async def turn(self, whose: str) -> AsyncIterator[None]:
        """Be at the door, alone; `whose` names among whom it goes round."""
        await self._enter(whose)
        try:
            yield
        finally:
            self._leave(whose)

    async def _enter(self, whose: str) -> None:
        if not self._held:
            self._held = True
            return
        mine = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(whose, deque()).append(mine)
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():
                self._leave(whose)  # it was let in and does not come: the next one is
            raise

    def _leave(self, whose: str) -> None:
        if mine := self._waiting.pop(whose, None):
            self._waiting[whose] = mine  # behind all others
        while self._waiting:
            now = next(iter(self._waiting))
            first = self._waiting[now].popleft()
            if not self._waiting[now]:
                del self._waiting[now]
            if not first.done():
                first.set_result(None)
                return
        self._held = False
