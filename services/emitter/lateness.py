"""How late this process comes to what it should do now: whether it has taken on too much."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

LOOK_EVERY: Final = 0.05  # seconds
AT_REST_EVERY: Final = 0.5  # nobody is late who has nothing to do
FADES: Final = 0.9  # each LOOK_EVERY: halved in a third of a second
# A sale takes some thirty steps from its claim to the issuer, each of them so much later.
TOO_LATE: Final = 0.05
LATE: Final = 0.01  # what a process with a processor to itself hardly ever is


@dataclass(slots=True)
class Lateness:
    """What was measured lately, in seconds; 0 until somebody watches."""

    seconds: float = 0.0

    @property
    def too_late(self) -> bool:
        """Whether more work would make everybody wait."""
        return self.seconds > TOO_LATE

    @property
    def is_late(self) -> bool:
        """Whether processors are short, so that work is better done together."""
        return self.seconds > LATE

    def note(self, seconds: float, *, after: float = LOOK_EVERY) -> None:
        """Take a measure in, so long after the last; the worst one counts, and fades with time."""
        self.seconds = max(seconds, self.seconds * FADES ** (after / LOOK_EVERY))

    async def watch_for_ever(self, works: Callable[[], bool]) -> None:
        """Measure, until cancelled; seldom while there is no work under way."""
        clock = asyncio.get_running_loop().time
        while True:
            began, rest = clock(), LOOK_EVERY if works() else AT_REST_EVERY
            await asyncio.sleep(rest)
            took = clock() - began
            self.note(took - rest, after=took)
