"""The protocol of one sale as a model: outbox row, lease, attempt, generation, facts, wish, intent.

Two workers, one sale, and an issuer that makes a second nota of a repeated request, so that nothing
but the protocol stands between a sale and two notas. What was given back is cancelled, which waits
in line as long as one likes, while disputes are won, tenants paused, companies changed. Steps are
what the code commits or sends; between any two of them anything else may happen, and a worker may
be stopped for as long as one likes, or die. `docs/decisions/0014-still-ours-still-wanted.md` says
who may move what; each fence there is a member of `Fence`, and taking one out is a mutation that a
walk must find.

Time is counted in ticks; a lease lasts `LEASE` of them, and a request needs none.
"""

from dataclasses import dataclass, field
from enum import StrEnum, auto
from typing import Final, Literal

from tests.services.emitter.model.states import At, Basis, Intent, Row

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
    PROOF_AT_CANCEL = auto()  # a cancellation is proved once its turn has come, not when decided


ALL_FENCES: Final = frozenset(Fence)


class Broken(AssertionError):
    """A promise of the protocol did not hold."""


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
    deleted: int = 0  # cancellations there: the first ends it
    paused: bool = False  # the tenant
    company: int = 0  # where its notas are born now
    at: dict[Worker, At] = field(default_factory=lambda: {"a": At(), "b": At()})
    waking: tuple[bool, int] | None = None  # a rule change under way: saw the row unclaimed, rule

    @classmethod
    def of_issued(cls, fences: frozenset[Fence] = ALL_FENCES) -> "World":
        """One whose nota is valid already, and rests."""
        world = cls(fences=fences, row=Row(state="settled"), arrived=1)
        world.nota = Intent(status="issued", attempt=0, written_at=0, company=0)
        return world

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
        if at.stopped or at.step in ("idle", "left", "cancelled"):
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
        if self.refunded:
            return False
        self.refunded, self.heard_refund = True, False
        return True

    def undo(self) -> bool:
        """The refund fails, or the dispute is won; we are not told yet."""
        if not self.refunded:
            return False
        self.refunded, self.heard_refund = False, False
        return True

    def pause(self) -> bool:
        """A person pauses the tenant: whoever is at work on its sales finds out by itself."""
        if self.paused:
            return False
        self.paused = True
        return True

    def activate(self) -> bool:
        """…and lets it go on, which has decided again what waits."""
        if not self.paused:
            return False
        self.paused = False
        self._mark()
        return True

    def change_company(self) -> bool:
        """Its notas are born elsewhere from now on."""
        if self.company > 2:
            return False
        self.company += 1
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
        at.basis = self._basis(at.generation, refunded=refunded)
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
            return self._follow(worker, self.nota, at.basis)
        if at.basis.wants_nota and self._is_overtaken(at):
            self._give_back(worker)
            return True
        if at.basis.wants_nota:
            self._intend(at, at.basis)
            return True
        self.decided = at.basis
        self._settle(worker)
        return True

    def _intend(self, at: At, basis: Basis) -> None:
        if self.held or basis.rule != self.rule or (self.refunded and self.heard_refund):
            raise Broken("an intent was written against what was known by then")
        if self.paused or basis.company != self.company:
            raise Broken("an intent was written for a tenant that is not what it was")
        self.nota = Intent(
            status="sending", attempt=at.attempt, written_at=self.now, company=self.company
        )
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

    # --- a cancellation

    def turn(self, worker: Worker) -> bool:
        """Its turn at the issuer has come, after however long."""
        at = self.at[worker]
        if at.stopped or at.step != "in_line":
            return False
        at.unwanted = self.paused or (self.heard_refund and not self.refunded)
        at.step = "turn"
        return True

    def prove(self, worker: Worker) -> bool:
        """Commit that it leaves now: the lease is ours, there is no pause, and no news came."""
        at = self.at[worker]
        if at.stopped or at.step != "turn":
            return False
        at.step = "proved"
        if Fence.PROOF_AT_CANCEL not in self.fences:
            return True
        if not self._holds(at):
            self.at[worker] = At()
        elif self.paused or self.row.generation != at.generation:
            self._give_back(worker)
        return True

    def delete(self, worker: Worker) -> bool:
        """The request goes out to where the nota was born, or the worker finds that it may not."""
        at = self.at[worker]
        if at.stopped or at.step != "proved":
            return False
        if Fence.LEASE_AT_LEAVING in self.fences and self.now >= at.deadline:
            self.at[worker] = At()
            return True
        if at.unwanted:
            raise Broken("a cancellation left against what was known when its turn came")
        self.deleted += 1
        at.step = "cancelled"
        return True

    def hear_of_cancelling(self, worker: Worker) -> bool:
        """The issuer's answer to it is written down; a stale attempt writes nothing."""
        at = self.at[worker]
        if at.stopped or at.step != "cancelled":
            return False
        if self._holds(at) and self.nota is not None:
            self.nota.status = "cancelled"
            self._settle(worker)
        else:
            self.at[worker] = At()
        return True

    # --- what is there already

    def _follow(self, worker: Worker, nota: Intent, basis: Basis) -> bool:
        """Ask the issuer about the nota of an earlier attempt, and go on from what it says."""
        if nota.status == "sending" and not self.arrived:
            return self._look_up(worker, nota, basis)
        if nota.status != "cancelled":
            nota.status = "cancelled" if self.deleted else nota.status
        if nota.status == "cancelled":
            self._settle(worker)
        elif self._is_overtaken(self.at[worker]):
            self._give_back(worker)
        elif basis.refunded:
            nota.status = "cancelling"
            self.at[worker].step = "in_line"
        else:  # also where why it was to be cancelled is no more
            nota.status = "issued"
            self._settle(worker)
        return True

    def _look_up(self, worker: Worker, nota: Intent, basis: Basis) -> bool:
        """It is not there. Once the waits are over whoever wrote it cannot send it any more."""
        at = self.at[worker]
        if self.now < nota.written_at + LEASE + LOOK_UP_WAIT or self._is_overtaken(at):
            self._give_back(worker)
        elif not basis.wants_nota and not basis.paused:
            self.nota, self.decided = None, basis
            self._settle(worker)
        elif basis.paused:
            self._give_back(worker)
        elif nota.company != self.company:  # proved not to be there: another is owed here
            self.nota = None
            self._give_back(worker)
        else:
            nota.attempt, nota.written_at = at.attempt, self.now
            at.step = "queued"
        return True

    # --- shared

    def _basis(self, generation: int, *, refunded: bool) -> Basis:
        return Basis(
            generation=generation,
            refunded=refunded,
            held=self.held,
            rule=self.rule,
            paused=self.paused,
            company=self.company,
        )

    def _give_back(self, worker: Worker) -> None:
        self.row.state, self.row.lease_until = "due", 0
        self.at[worker] = At()

    def _is_overtaken(self, at: At) -> bool:
        return self._moved(at) and Fence.BASIS_AT_INTENT in self.fences

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
        if basis is None or self.row.generation != basis.generation:
            return True
        as_it_is = (self.rule, self.paused, self.company)
        return as_it_is != (basis.rule, basis.paused, basis.company)

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
            self._check_nota(self.nota)
            return
        if self.decided is None:
            raise Broken("a sale was settled without a decision")
        if self._basis(0, refunded=self.refunded).wants_nota:
            raise Broken("a sale that is owed a nota rests under an answer of before")

    def _check_nota(self, nota: Intent) -> None:
        if nota.status in ("sending", "cancelling"):
            raise Broken("a nota was left under way and nobody will look at it")
        if (nota.status == "cancelled") != bool(self.deleted):
            raise Broken("a nota rests as what it is not at the issuer")
        if nota.status == "issued" and self.refunded:
            raise Broken("a nota of what was given back stands, and nobody will cancel it")
