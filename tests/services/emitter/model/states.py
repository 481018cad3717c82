"""What there is of one sale in the model: outbox row, basis of a decision, nota, worker."""

from dataclasses import dataclass
from typing import Literal

Step = Literal[
    "idle",
    "claimed",
    "read",
    "decided",
    "queued",
    "left",
    "answered",
    "in_line",
    "turn",
    "proved",
    "cancelled",
]


@dataclass(slots=True)
class Row:
    """The outbox row."""

    state: Literal["due", "leased", "settled"] = "due"
    generation: int = 0
    attempt: int = 0
    lease_until: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What a decision rested on: the row's generation, and the facts as they were read."""

    generation: int
    refunded: bool
    held: bool
    rule: int
    paused: bool
    company: int

    @property
    def wants_nota(self) -> bool:
        # Rules are numbered; every second one says never.
        stopped = self.refunded or self.held or self.paused
        return not stopped and self.rule % 2 == 0


@dataclass(slots=True)
class Intent:
    """The nota's row, from its intent on."""

    status: Literal["sending", "issued", "cancelling", "cancelled"]
    attempt: int
    written_at: int
    company: int  # where it was born, and is asked about and cancelled


@dataclass(slots=True)
class At:
    """Where one worker is with the sale; `attempt` names the lease it believes to hold."""

    step: Step = "idle"
    attempt: int = 0
    generation: int = 0
    deadline: int = 0  # of its lease, by its own clock, which goes on while it is stopped
    basis: Basis | None = None
    stopped: bool = False  # SIGSTOP: takes no step, while the clock goes on
    unwanted: bool = False  # by what was known when its turn came, its cancellation may not leave
