"""The protocol of one sale as a model: outbox row, lease, attempt, generation, facts, wish, intent.

Two workers, one sale, and an issuer that makes a second nota of a repeated request, so that nothing
but the protocol stands between a sale and two notas. Steps are what the code commits or sends;
between any two of them anything else may happen, and a worker may be stopped for as long as one
likes, or die. `docs/decisions/0014-still-ours-still-wanted.md` says who may move what; each fence
there is a member of `Fence`, and taking one out is a mutation that a walk must find.

Time is counted in ticks; a lease lasts `LEASE` of them, and a request needs none.
"""

from dataclasses import dataclass, field
from enum import StrEnum, auto
from typing import Final, Literal

LEASE: Final = 3
LOOK_UP_WAIT: Final = 1  # ticks after a request in doubt before it is looked for

Worker = Literal["a", "b"]
WORKERS: Final[tuple[Worker, ...]] = ("a", "b")


class Fence(StrEnum):
    """What the protocol asks before it goes on; each was once missing, or is easily forgotten."""

    LEASE_AT_LEAVING = auto()  # the lease is proved after the last wait, not before queueing
    BASIS_AT_INTENT = auto()  # an intent is written only if what it rests on has not moved
    WITHDRAWN_AT_STOP = auto()  # on SIGTERM what has not left is taken back
    WAKE_SEES_CLAIMED = auto()  # a wake moves rows claimed between its snapshot and its commit
    READ_AFTER_NEWS = auto()  # a stored reading counts only if it was asked for after the news
    ATTEMPT_AT_SETTLE = auto()  # only the attempt that holds the row settles it
    GENERATION_AT_SETTLE = auto()  # news during the work makes the row due again


ALL_FENCES: Final = frozenset(Fence)


class Broken(AssertionError):
    """A promise of the protocol did not hold."""


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

    @property
    def wants_nota(self) -> bool:
        # Rules are numbered; every second one says never.
        return not self.refunded and not self.held and self.rule % 2 == 0


@dataclass(slots=True)
class Intent:
    """The nota's row, from its intent on."""

    status: Literal["sending", "issued"]
    attempt: int
    written_at: int


@dataclass(slots=True)
class At:
    """Where one worker is with the sale; `attempt` names the lease it believes to hold."""

    step: Literal["idle", "claimed", "read", "decided", "queued", "left", "answered"] = "idle"
    attempt: int = 0
    generation: int = 0
    deadline: int = 0  # of its lease, by its own clock, which goes on while it is stopped
    basis: Basis | None = None
    stopped: bool = False  # SIGSTOP: takes no step, while the clock goes on


@dataclass(slots=True)
class World:
    """All there is; each method is one step and says with False that it cannot happen now."""

    fences: frozenset[Fence] = ALL_FENCES
    now: int = 0
    row: Row = field(default_factory=Row)
    refunded: bool = False  # at Vindi
    heard_refund: bool = True  # whether we were told of Vindi's present state
    held: bool = False  # a person's hold, accepted
    rule: int = 0
    stored: tuple[int, bool] | None = None  # a reading kept from before: asked when, refunded
    news_at: int = -1  # when a fact about the bill was last told
    nota: Intent | None = None
    decided: Basis | None = None  # under which the sale's status was last written
    arrived: int = 0  # requests at the issuer: each makes a nota
    at: dict[Worker, At] = field(default_factory=lambda: {"a": At(), "b": At()})
    waking: tuple[bool, int] | None = None  # a rule change under way: saw the row unclaimed, rule

    # --- time, signals, deaths

    def tick(self) -> bool:
        self.now += 1
        return True

    def stop(self, worker: Worker) -> bool:
        self.at[worker].stopped = True
        return True

    def resume(self, worker: Worker) -> bool:
        self.at[worker].stopped = False
        return True

    def kill(self, worker: Worker) -> bool:
        self.at[worker] = At()
        return True

    def terminate(self, worker: Worker) -> bool:
        """SIGTERM: what has not left is taken back in the database before the process ends."""
        at = self.at[worker]
        if at.stopped or at.step not in ("queued", "decided", "read", "claimed"):
            return False
        ours = self._holds(at)
        if at.step == "queued" and ours and Fence.WITHDRAWN_AT_STOP in self.fences:
            self.nota = None
        if ours and (at.step != "queued" or Fence.WITHDRAWN_AT_STOP in self.fences):
            self.row.state = "due"
        self.at[worker] = At()
        if ours and at.step == "queued" and self.nota is not None:
            raise Broken("a process that was told to stop left an intent that never went out")
        return True

    def free_expired(self) -> bool:
        if self.row.state != "leased" or self.row.lease_until > self.now:
            return False
        self.row.state = "due"
        self.row.generation += 1
        return True

    # --- news

    def refund(self) -> bool:
        """Vindi refunds; we are not told yet."""
        if self.refunded or self.arrived:
            return False
        self.refunded, self.heard_refund = True, False
        return True

    def hear(self) -> bool:
        """The event of it, stored and marked in one commit."""
        if self.heard_refund:
            return False
        self.heard_refund, self.news_at = True, self.now
        self._mark()
        return True

    def hold(self) -> bool:
        """A person's hold; refused while a nota is under way, accepted with 202 otherwise."""
        if self.held or self.nota is not None:
            return False
        self.held = True
        self._mark()
        return True

    def release(self) -> bool:
        if not self.held:
            return False
        self.held = False
        self._mark()
        return True

    def begin_wake(self) -> bool:
        """A new rule: the statement that wakes sales takes its snapshot."""
        if self.waking is not None or self.rule > 3:
            return False
        rests = self.row.state == "settled" and self.nota is None
        self.waking = (self.row.state == "leased" or rests, self.rule + 1)
        return True

    def end_wake(self) -> bool:
        """…and commits, together with the rule."""
        if self.waking is None:
            return False
        touched, self.rule = self.waking
        self.waking = None
        # Due at the snapshot and claimed since, it was decided under the rule of before.
        if touched or Fence.WAKE_SEES_CLAIMED in self.fences:
            self._mark()
        return True

    def read_ahead(self) -> bool:
        """A pass of the reconciler reads the bill and keeps what it read."""
        self.stored = (self.now, self.refunded)
        return True

    # --- a worker

    def claim(self, worker: Worker) -> bool:
        at = self.at[worker]
        if at.stopped or at.step != "idle" or self.row.state != "due":
            return False
        self.row.state = "leased"
        self.row.attempt += 1
        self.row.lease_until = self.now + LEASE
        self.at[worker] = At(
            step="claimed",
            attempt=self.row.attempt,
            generation=self.row.generation,
            deadline=self.now + LEASE,
        )
        return True

    def renew(self, worker: Worker) -> bool:
        at = self.at[worker]
        if at.stopped or at.step == "idle" or not self._holds(at):
            return False
        self.row.lease_until = at.deadline = self.now + LEASE
        return True

    def read(self, worker: Worker) -> bool:
        """Read the bill at Vindi, or take what was read a moment ago."""
        at = self.at[worker]
        if at.stopped or at.step != "claimed":
            return False
        refunded = self.refunded
        if self.stored is not None:
            asked_at, said = self.stored
            fresh = asked_at > self.news_at or Fence.READ_AFTER_NEWS not in self.fences
            refunded = said if fresh else self.refunded
        at.basis = Basis(
            generation=at.generation, refunded=refunded, held=self.held, rule=self.rule
        )
        at.step = "read"
        return True

    def write(self, worker: Worker) -> bool:
        """Commit the decision: an intent, or the sale's rest."""
        at = self.at[worker]
        if at.stopped or at.step != "read" or at.basis is None:
            return False
        if not self._holds(at):
            self.at[worker] = At()
            return True
        if self.nota is not None:  # under way already: looked up by whoever holds the row
            return self._look_up(worker)
        moved = self._moved(at)
        if at.basis.wants_nota and not (moved and Fence.BASIS_AT_INTENT in self.fences):
            self._intend(at)
            return True
        self.decided = at.basis
        self._settle(worker)
        return True

    def _intend(self, at: At) -> None:
        basis = at.basis
        if basis is None:
            raise ValueError("decided without a reading")
        if self.held or basis.rule != self.rule or (self.refunded and self.heard_refund):
            raise Broken("an intent was written against what was known by then")
        self.nota = Intent(status="sending", attempt=at.attempt, written_at=self.now)
        at.step = "queued"

    def leave(self, worker: Worker) -> bool:
        """The request's turn has come: it goes out, or the worker finds that it may not."""
        at = self.at[worker]
        if at.stopped or at.step != "queued":
            return False
        # Only what the process itself can tell: its deadline goes on while it is stopped.
        if Fence.LEASE_AT_LEAVING in self.fences and self.now >= at.deadline:
            self.at[worker] = At()
            return True
        self.arrived += 1
        at.step = "left"
        if self.arrived > 1:
            raise Broken("two requests for one sale: two notas")
        return True

    def answer(self, worker: Worker) -> bool:
        """The issuer's answer is written down; a stale attempt writes nothing."""
        at = self.at[worker]
        if at.stopped or at.step != "left":
            return False
        if self._holds(at) and self.nota is not None:
            self.nota.status = "issued"
            self._settle(worker)
        else:
            self.at[worker] = At()
        return True

    def _look_up(self, worker: Worker) -> bool:
        """An intent of an earlier attempt: ask the issuer, once the waits are over."""
        at, nota = self.at[worker], self.nota
        if nota is None:
            return False
        if nota.status == "issued":
            self._settle(worker)
        elif self.arrived:
            nota.status = "issued"
            self._settle(worker)
        elif self.now >= nota.written_at + LEASE + LOOK_UP_WAIT:
            # Absent, and whoever wrote it cannot send any more: the same id goes out again.
            nota.attempt, nota.written_at = at.attempt, self.now
            at.step = "queued"
        else:
            self.row.state, self.row.lease_until = "due", 0
            self.at[worker] = At()
        return True

    # --- shared

    def _mark(self) -> None:
        self.row.generation += 1
        if self.row.state == "settled":
            self.row.state = "due"

    def _holds(self, at: At) -> bool:
        if Fence.ATTEMPT_AT_SETTLE not in self.fences:
            return self.row.state == "leased"
        leased = self.row.state == "leased" and self.row.lease_until > self.now
        return leased and self.row.attempt == at.attempt

    def _moved(self, at: At) -> bool:
        basis = at.basis
        return basis is None or self.row.generation != basis.generation or self.rule != basis.rule

    def _settle(self, worker: Worker) -> None:
        at = self.at[worker]
        later = self.row.generation > at.generation
        again = later and Fence.GENERATION_AT_SETTLE in self.fences
        self.row.state = "due" if again else "settled"
        self.at[worker] = At()

    def check(self) -> None:
        """What holds at rest: nobody works on the sale, all news was told, nothing is due."""
        if self.row.state != "settled" or self.waking is not None or not self.heard_refund:
            return
        if any(at.step != "idle" for at in self.at.values()):
            return
        if self.nota is not None:
            if self.nota.status == "sending":
                raise Broken("a nota was left under way and nobody will look at it")
            return
        if self.decided is None:
            raise Broken("a sale was settled without a decision")
        true = Basis(
            generation=0, refunded=self.refunded, held=self.held, rule=self.rule
        ).wants_nota
        if true:
            raise Broken("a sale that is owed a nota rests under an answer of before")
