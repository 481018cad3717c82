"""Commands that ask the internal API and wait for it: what for is told, and they end.

A person who sees nothing for a minute takes a command for dead, and repeats what is under way.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeVar

from shared.api_client.transport import ApiAway
from shared.ops.internal_api import complain
from shared.run.loops import beside

T = TypeVar("T")

TELL_EVERY: Final = 10.0  # seconds
AWAY_FOR: Final = 60.0  # seconds; a service that is put anew is back sooner
LOOK_TAKES: Final = 20.0  # seconds for an answer to one of many looks
LOOK_AGAIN: Final = 1.0  # seconds
WHY: Final = "`make doctor` says what is wrong; the reconciler's log says more."


@dataclass(slots=True, kw_only=True)
class Awaited:
    """What a command waits for just now; None where it shows that itself."""

    what: str | None
    since: float = field(default_factory=time.monotonic)

    def now(self, what: str | None) -> None:
        """Wait for something else from here on."""
        self.what, self.since = what, time.monotonic()

    def line(self) -> str:
        """What is told of it."""
        return f"waiting for {self.what}: {time.monotonic() - self.since:.0f} s"


@asynccontextmanager
async def waiting_for(what: str | None) -> AsyncIterator[Awaited]:
    """Say on stderr every ten seconds what is waited for, as long as the block runs."""
    waiting = Awaited(what=what)
    async with beside(tell_waiting=partial(_tell, waiting)):
        yield waiting


async def _tell(waiting: Awaited) -> None:
    while True:
        await asyncio.sleep(TELL_EVERY)
        if waiting.what is not None:
            complain(waiting.line())


async def looked(
    ask: Callable[[], Awaitable[T]], waiting: Awaited, *, takes: float = LOOK_TAKES
) -> T:
    """The answer to a question that changes nothing, asked again while the API is away.

    ApiAway, with what to do, once it has not answered for a minute.
    """
    began, before = time.monotonic(), (waiting.what, waiting.since)
    while True:
        try:
            async with asyncio.timeout(takes):
                answer = await ask()
        except (ApiAway, TimeoutError) as error:
            if time.monotonic() - began >= AWAY_FOR:
                words = f"the internal API has not answered for {time.monotonic() - began:.0f} s"
                raise ApiAway(f"{words}. {WHY}") from error
            waiting.what, waiting.since = "the internal API, which is away", began
            await asyncio.sleep(LOOK_AGAIN)
        else:
            waiting.what, waiting.since = before
            return answer


def unanswered(error: ApiAway, look: str = "") -> str:
    """What to do where the first answer does not come; `look` says where what it changed shows."""
    if error.status:
        return f"{error}\n{WHY}"
    words = f"{error}. Does `make up` run? {WHY}"
    return f"{words}\n{look}: look there before you ask again." if look else words
