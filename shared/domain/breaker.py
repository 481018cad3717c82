"""What stops many sales as a state: a breaker that opens, probes with one, and restarts slowly.

Pure. Closed: everything may be sent. Open: nothing before `probe_at`, then one. Restarting: 2, 4,
8, … at once, a round after the other, until it is closed again.
"""

from datetime import datetime, timedelta
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

Scope = Literal["issuer", "city", "host", "company"]
BreakerState = Literal["closed", "open", "restarting"]


class Tuning(Struct, frozen=True, kw_only=True):
    """How soon a scope's breaker opens, and how patiently it probes."""

    failures: int  # in a row
    within: timedelta  # older failures are forgotten
    first_probe: timedelta  # doubles with each probe that fails
    longest_probe: timedelta
    round: timedelta  # how long a round may stay without an answer


_MINUTE: Final = timedelta(minutes=1)

TUNINGS: Final[dict[Scope, Tuning]] = {
    "issuer": Tuning(
        failures=5,
        within=5 * _MINUTE,
        first_probe=timedelta(seconds=15),
        longest_probe=5 * _MINUTE,
        round=_MINUTE,  # a request takes 30 s at most
    ),
    # A city answers minutes later; 95 % within ten (enotas-api, 6.1).
    "city": Tuning(
        failures=3,
        within=30 * _MINUTE,
        first_probe=10 * _MINUTE,
        longest_probe=60 * _MINUTE,
        round=15 * _MINUTE,
    ),
    # Three tenants' worth: one broken company must not stop the others.
    "host": Tuning(
        failures=15,
        within=2 * _MINUTE,
        first_probe=timedelta(seconds=10),
        longest_probe=_MINUTE,
        round=_MINUTE,
    ),
    # No sale of the company fares better until a person mends it: each probe costs a denial.
    "company": Tuning(
        failures=1,
        within=60 * _MINUTE,
        first_probe=60 * _MINUTE,
        longest_probe=24 * 60 * _MINUTE,
        round=15 * _MINUTE,
    ),
}
NEXT_ROUND: Final = timedelta(seconds=10)
CLOSED_FROM: Final = 32  # a round of so many that went well ends the restart


class Breaker(Struct, frozen=True, kw_only=True):
    """The state of one scope; a scope nothing is stored for is a fresh one.

    `cause` is the row of the catalogue of refusals that stopped a company.
    """

    scope: Scope
    state: BreakerState = "closed"
    since: datetime
    failures: int = 0
    failing_since: datetime | None = None
    openings: int = 0
    probe_at: datetime | None = None
    slots: int = 0
    taken: int = 0
    round_until: datetime | None = None
    cause: str | None = None

    @property
    def clean(self) -> bool:
        """Whether a success would change nothing."""
        return self.state == "closed" and self.failures == 0


class Outcomes(Struct, frozen=True, kw_only=True):
    """What a batch met, in order: whether anything went well, and the failures after that."""

    succeeded: bool = False
    failures_since: int = 0

    def then(self, *, ok: bool) -> "Outcomes":
        """The same with one more."""
        if ok:
            return _ALL_WELL
        return replace(self, failures_since=self.failures_since + 1)


NOTHING_MET: Final = Outcomes()
_ALL_WELL: Final = Outcomes(succeeded=True)  # what every answer of a good day makes


def take(breaker: Breaker, wanted: int, now: datetime) -> tuple[Breaker, int]:
    """Take up to `wanted` slots; returns how many may be sent now."""
    if breaker.state == "closed":
        return breaker, wanted
    if breaker.probe_at is not None and now < breaker.probe_at:
        return breaker, 0
    if breaker.round_until is None or now >= breaker.round_until:
        until = now + TUNINGS[breaker.scope].round
        breaker = replace(breaker, taken=0, round_until=until, slots=max(breaker.slots, 1))
    granted = min(wanted, breaker.slots - breaker.taken)
    return replace(breaker, taken=breaker.taken + granted), granted


def probed_at_once(breaker: Breaker) -> Breaker:
    """The state after it is said that it is mended: one may leave at once."""
    if breaker.state != "open":
        return breaker
    return replace(
        breaker, state="restarting", openings=0, probe_at=None, slots=1, taken=0, round_until=None
    )


def again_at(breaker: Breaker, now: datetime) -> datetime:
    """When it is worth asking for slots again."""
    if breaker.probe_at is not None and breaker.probe_at > now:
        return breaker.probe_at
    if breaker.state == "open":
        return now + TUNINGS[breaker.scope].first_probe  # a probe is on its way
    return now + NEXT_ROUND


def room(breaker: Breaker, now: datetime) -> int | None:
    """How many could be sent now, without taking anything; None for any number."""
    return None if breaker.state == "closed" else take(breaker, 2**31, now)[1]


def opens(breaker: Breaker, outcomes: Outcomes) -> bool:
    """Say whether so many failures open it, or keep it open."""
    before = 0 if outcomes.succeeded else breaker.failures
    if breaker.state != "closed":
        return outcomes.failures_since > 0
    return before + outcomes.failures_since >= TUNINGS[breaker.scope].failures


def after(breaker: Breaker, outcomes: Outcomes, now: datetime) -> Breaker:
    """The state after a batch's outcomes."""
    tuning = TUNINGS[breaker.scope]
    if breaker.failing_since is not None and now - breaker.failing_since > tuning.within:
        breaker = replace(breaker, failures=0, failing_since=None)
    if opens(breaker, outcomes):
        return _opened(breaker, now)
    if breaker.state == "closed":
        return _counted(breaker, outcomes, now)
    if not outcomes.succeeded:
        return breaker
    if breaker.scope == "company":
        return _proven(breaker, now)
    return _restarted(breaker, now)


def _counted(breaker: Breaker, outcomes: Outcomes, now: datetime) -> Breaker:
    before = 0 if outcomes.succeeded else breaker.failures
    failures = before + outcomes.failures_since
    since = (breaker.failing_since if before else None) or now
    return replace(breaker, failures=failures, failing_since=since if failures else None)


def _opened(breaker: Breaker, now: datetime) -> Breaker:
    tuning = TUNINGS[breaker.scope]
    openings = breaker.openings + 1
    pause = min(tuning.first_probe * 2 ** min(openings - 1, 16), tuning.longest_probe)
    if breaker.state != "closed" and breaker.probe_at is not None and now < breaker.probe_at:
        return breaker  # what was under way when it opened says nothing new
    return replace(
        breaker,
        state="open",
        since=now if breaker.state == "closed" else breaker.since,
        failures=0,
        failing_since=None,
        openings=openings,
        probe_at=now + pause,
        slots=1,
        taken=0,
        round_until=None,
    )


def _proven(breaker: Breaker, now: datetime) -> Breaker:
    """A company that one nota was authorised for may issue; nobody is spared by going slowly.

    One heard of unasked may be from before it was stopped: it is worth a probe, and no more.
    """
    if breaker.taken == 0:
        return probed_at_once(breaker)
    return Breaker(scope=breaker.scope, since=now)


def _restarted(breaker: Breaker, now: datetime) -> Breaker:
    if breaker.taken == 0:
        return breaker  # news of what was sent before this round
    slots = breaker.slots * 2
    if slots > CLOSED_FROM:
        return Breaker(scope=breaker.scope, since=now)
    return replace(
        breaker,
        state="restarting",
        openings=0,
        probe_at=None,
        slots=slots,
        taken=0,
        round_until=None,
    )
