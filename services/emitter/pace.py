"""How far apart passes begin: at once on a quiet system, farther apart the more there is to do.

A pass, and the batch it begins, cost about as much for one sale as for ten. While sales stream in
they are better taken together, and each then waits for a part of what the others take anyway.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

# The farthest: what a sale may wait for others, where the process is so busy.
BUSY: Final = 0.5  # share of a processor
TOGETHER: Final = timedelta(milliseconds=50)
# Where few sales are under way they stream in: to wait longer would only add to their wait.
FEW_TOGETHER: Final = timedelta(milliseconds=15)
OVER: Final = 1.0  # seconds over which it is measured how busy the process is


@dataclass(slots=True)
class Pace:
    """How busy this process was lately, by the processor time it took."""

    busy: float = 0.0  # the share of a processor, 0 to 1
    clock: Callable[[], float] = time.monotonic
    used: Callable[[], float] = time.process_time  # seconds
    _looked: float = field(init=False)
    _used: float = field(init=False)

    def __post_init__(self) -> None:
        self._looked, self._used = self.clock(), self.used()

    def gap(self, *, late: bool, laden: bool = True) -> float:
        """Seconds from the beginning of one pass to that of the next; `late`: processors are short.

        `laden`: a batch or more is under way. Call it once a pass or more often.
        """
        now, used = self.clock(), self.used()
        passed = now - self._looked
        if passed > 0:
            share = min(max((used - self._used) / passed, 0.0), 1.0)
            weight = min(passed / OVER, 1.0)
            self.busy += (share - self.busy) * weight
            self._looked, self._used = now, used
        farthest = TOGETHER if late or laden else FEW_TOGETHER
        return farthest.total_seconds() * (1.0 if late else min(self.busy / BUSY, 1.0))
