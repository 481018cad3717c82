"""Which faults a long campaign does, and in what order: same seed, same faults. Pure."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from tests.chaos.plan import EVERYTHING, FlushRedis, Kill, OurProcess, Pause, Server, tell
from tests.chaos.plan import Fault as OldFault

OURS: Final[tuple[OurProcess, ...]] = (
    "services.webhook", "services.emitter", "services.reconciler",
)  # fmt: skip
SERVERS: Final[tuple[Server, ...]] = ("postgres", "redis-server")
LONGEST_PAUSE: Final = 20.0
# So many of each other kind for a hundred kills; each once at least.
PAUSES: Final = 20
OTHERS: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class KillOne:
    """SIGKILL of one of several processes of a service."""

    word: OurProcess
    one: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KillBackends:
    """Every connection to PostgreSQL is ended by it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart:
    """A server is told to stop, and is started again."""

    server: Server


@dataclass(frozen=True, slots=True, kw_only=True)
class FullDisk:
    """Nothing more can be written where data and logs lie."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockJump:
    """Clocks move by so much, at once: those outside, and ours where that can be done."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowDatabase:
    """PostgreSQL runs a tenth of the time."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FailOver:
    """PostgreSQL is lost, and a replica that lags by so much takes over."""

    lag: float


LongFault = (
    OldFault | KillOne | KillBackends | Restart | FullDisk | ClockJump | SlowDatabase | FailOver
)


def make_long_plan(seed: int, *, kills: int) -> tuple[LongFault, ...]:
    """So many kills, and every other kind in proportion, in an order of the seed."""
    rng = random.Random(seed)  # faults must repeat, not surprise
    faults: list[LongFault] = [_kill(rng) for _ in range(kills)]
    faults += [_pause(rng) for _ in range(max(1, kills * PAUSES // 100))]
    for make in _others(rng):
        faults += [make() for _ in range(max(1, kills * OTHERS // 100))]
    faults += [FailOver(lag=_within(rng, 2, 5)) for _ in range(max(1, kills // 100))]
    rng.shuffle(faults)
    return tuple(faults)


def lead_of(plan: Sequence[LongFault]) -> float:
    """How far clocks go back at most, in seconds: so far ahead those outside begin.

    Else sales of after the activation would be dated before it, and be nobody's.
    """
    lowest = now = 0.0
    for fault in plan:
        now += fault.seconds if isinstance(fault, ClockJump) else 0.0
        lowest = min(lowest, now)
    return -lowest


def _others(rng: random.Random) -> tuple[Callable[[], LongFault], ...]:
    return (
        KillBackends,
        FlushRedis,
        lambda: Restart(server="postgres"),
        lambda: Restart(server="redis-server"),
        lambda: FullDisk(seconds=_within(rng, 3, 8)),
        lambda: SlowDatabase(seconds=_within(rng, 3, 8)),
        lambda: ClockJump(seconds=_within(rng, 5, 45)),
        lambda: ClockJump(seconds=-_within(rng, 5, 45)),
    )


def _kill(rng: random.Random) -> LongFault:
    roll = rng.random()
    if roll < 0.1:
        return Kill(words=EVERYTHING)
    if roll < 0.35:
        return Kill(words=(rng.choice(SERVERS),))
    if roll < 0.65:
        return Kill(words=(rng.choice(OURS),))
    return KillOne(word=rng.choice(OURS), one=rng.randrange(2))


def _pause(rng: random.Random) -> Pause:
    word = rng.choice((*OURS, *SERVERS))
    if word == "services.emitter":
        return Pause(word=word, one=rng.randrange(2), seconds=_within(rng, 1, LONGEST_PAUSE))
    return Pause(word=word, seconds=_within(rng, 1, LONGEST_PAUSE / 4))


def _within(rng: random.Random, shortest: float, longest: float) -> float:
    return round(rng.uniform(shortest, longest), 1)


def kind_of(fault: LongFault) -> str:
    """The word under which a fault is counted."""
    match fault:
        case Kill() | KillOne():
            return "kill"
        case Pause():
            return "stop"
        case Restart(server=server):
            return f"restart of {server}"
        case _:
            return type(fault).__name__


def tell_long(fault: LongFault) -> str:
    """A fault in words."""
    match fault:
        case KillOne(word=word, one=one):
            return f"{word.removeprefix('services.')} {one + 1} killed"
        case KillBackends():
            return "every connection to PostgreSQL ended"
        case Restart(server=server):
            return f"{server} restarted"
        case FullDisk(seconds=seconds):
            return f"disk full {seconds:.1f} s"
        case ClockJump(seconds=seconds):
            return f"clocks move by {seconds:+.1f} s"
        case SlowDatabase(seconds=seconds):
            return f"slow database {seconds:.1f} s"
        case FailOver(lag=lag):
            return f"failover to a replica {lag:.1f} s behind"
        case _:
            return tell(fault)
