"""Another side's clock, kept going between its answers by what passes here."""

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass(slots=True)
class HeardClock:
    """What another side last said the time was; a clock of ours that is set moves it by nothing."""

    _said: datetime | None = None
    _heard: float = field(default=0.0)  # by the clock that only goes on

    def note(self, said: datetime, *, at: float | None = None) -> None:
        """Its answer said this: just now, or at an instant of `time.monotonic`."""
        self._said, self._heard = said, time.monotonic() if at is None else at

    def now(self) -> datetime | None:
        """The time there; None where it never said any."""
        if self._said is None:
            return None
        return self._said + timedelta(seconds=time.monotonic() - self._heard)
