"""Told to stop: what has not left yet leaves no more, and whoever waits to ask waits no longer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


class ToldToStop(Exception):
    """A wait was broken off, since the process is to end."""


@dataclass(slots=True)
class Ending:
    """Whether this process is to end; and those who wait for something until it is."""

    told: bool = False
    _waits: set[asyncio.Timeout] = field(default_factory=set)

    def tell(self) -> None:
        """Break off every wait, now and from now on."""
        self.told = True
        for wait in self._waits:
            wait.reschedule(asyncio.get_running_loop().time())

    @asynccontextmanager
    async def waiting(self) -> AsyncIterator[None]:
        """Wait for something in the block; ToldToStop as soon as the process is to end."""
        if self.told:
            raise ToldToStop
        wait = asyncio.timeout(None)
        try:
            async with wait:
                self._waits.add(wait)
                try:
                    yield
                finally:
                    self._waits.discard(wait)
        except TimeoutError:
            if not wait.expired():  # a time-out of what was waited for
                raise
            raise ToldToStop from None
