"""Told to stop: what has not left yet leaves no more, and whoever waits to ask waits no longer."""

import asyncio
from dataclasses import dataclass, field
from types import TracebackType


class ToldToStop(Exception):
    """A wait was broken off, since the process is to end."""


@dataclass(slots=True)
class Ending:
    """Whether this process is to end; and those who wait for something until it is."""

    told: bool = False
    lines: set[asyncio.Future[None]] = field(default_factory=set)  # places that are waited for
    _waits: set[asyncio.Timeout] = field(default_factory=set)

    def tell(self) -> None:
        """Break off every wait, now and from now on."""
        self.told = True
        for wait in self._waits:
            wait.reschedule(asyncio.get_running_loop().time())
        for place in self.lines:
            if not place.done():  # else it was given, and is given back by whoever waited
                place.set_exception(ToldToStop())

    def waiting(self) -> "BreakableWait":
        """Wait for something in the block; ToldToStop as soon as the process is to end."""
        return BreakableWait(self._waits, told=self.told)


class BreakableWait:
    """A wait that can be broken off, as a context."""

    __slots__ = ("_limit", "_told", "_waits")

    def __init__(self, waits: set[asyncio.Timeout], *, told: bool) -> None:
        self._waits = waits
        self._told = told
        self._limit = asyncio.timeout(None)

    async def __aenter__(self) -> None:
        if self._told:
            raise ToldToStop
        await self._limit.__aenter__()
        self._waits.add(self._limit)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._waits.discard(self._limit)
        try:
            await self._limit.__aexit__(kind, error, trace)
        except TimeoutError:  # its own: one of what was waited for goes on by itself
            raise ToldToStop from None
