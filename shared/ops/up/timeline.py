"""When each step of a start was done, for whoever wants to know where the time goes."""

import time
from dataclasses import dataclass, field

import psutil

from shared.ops.up.said import say


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Steps of one start; told as they are done where `told` is set (`up --timings`)."""

    told: bool = False
    began: float = field(default_factory=lambda: psutil.Process().create_time())

    def done(self, step: str) -> None:
        """Tell of a step, with the seconds since this process was started."""
        if self.told:
            say(f"{time.time() - self.began:6.2f} s  {step}")
