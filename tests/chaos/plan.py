"""Which faults a campaign does, and in what order: same seed, same faults. Pure."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, assert_never

Server = Literal["redis-server", "postgres"]
OurProcess = Literal["services.webhook", "services.emitter", "services.reconciler"]
SHORTEST: Final = 1.0  # seconds of a pause
USUAL_LONGEST: Final = 20.0
LONGEST: Final = 60.0
NAMES: Final = {
    "redis-server": "Redis",
    "postgres": "PostgreSQL",
    "services.webhook": "webhook",
    "services.emitter": "emitter",
    "services.reconciler": "reconciler",
}
EVERYTHING: Final[tuple[Server | OurProcess, ...]] = (
    "redis-server",
    "postgres",
    "services.webhook",
    "services.emitter",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """SIGKILL of servers, and of every process of our services."""

    words: tuple[Server | OurProcess, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """SIGSTOP, and SIGCONT so many seconds later; `one` counts processes, None means all."""

    word: Server | OurProcess
    seconds: float
    one: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FlushRedis:
    """Redis forgets everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoseAnswers:
    """For so many seconds the issuer does what it is asked, and each n-th answer is lost."""

    every: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GoLive:
    """From tests to real notas: the sales issued as tests are due at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeCompany:
    """The tenant goes on to its other company while notas are open and answers get lost."""


Fault = Kill | Pause | FlushRedis | LoseAnswers | GoLive | ChangeCompany


def make_plan(seed: int, *, longest: float = USUAL_LONGEST) -> tuple[Fault, ...]:
    """Every kind of fault in an order of the seed; no pause is longer than `longest` seconds.

    Real notas come early, since only they count, and the change of company after them.
    """
    rng = random.Random(seed)  # faults must repeat, not surprise
    faults = [*_kills(), FlushRedis(), *_pauses(rng, longest)]
    faults.append(LoseAnswers(every=rng.randint(2, 4), seconds=round(rng.uniform(3, 8), 1)))
    rng.shuffle(faults)
    faults.insert(rng.randint(1, 3), GoLive())
    faults.insert(rng.randint(len(faults) // 2, len(faults) - 2), ChangeCompany())
    return tuple(faults)


def _kills() -> list[Fault]:
    return [
        *(Kill(words=(word,)) for word in (*EVERYTHING, "services.reconciler")),
        Kill(words=EVERYTHING),
    ]


def _pauses(rng: random.Random, longest: float) -> list[Fault]:
    """Of one emitter short, about as long as a lease, and longer; of all else for some seconds."""
    thirds = [(SHORTEST, longest / 3), (longest / 3, longest * 2 / 3), (longest * 2 / 3, longest)]
    spans = [*thirds, thirds[2]]
    return [
        *(
            Pause(word="services.emitter", one=rng.randrange(2), seconds=_within(rng, *span))
            for span in spans
        ),
        Pause(word="services.emitter", seconds=_within(rng, *thirds[1])),
        Pause(word="services.webhook", one=rng.randrange(2), seconds=_within(rng, *thirds[0])),
        Pause(word="services.reconciler", seconds=_within(rng, *thirds[0])),
        Pause(word="postgres", seconds=_within(rng, *thirds[0])),
        Pause(word="redis-server", seconds=_within(rng, *thirds[0])),
    ]


def _within(rng: random.Random, shortest: float, longest: float) -> float:
    return round(rng.uniform(shortest, longest), 1)


def tell(fault: Fault) -> str:
    """A fault in words, for people."""
    match fault:
        case Kill(words=words):
            killed = "everything" if words == EVERYTHING else NAMES[words[0]]
            return f"{killed} killed"
        case Pause(word=word, seconds=seconds, one=one):
            paused = NAMES[word] if one is None else f"{NAMES[word]} {one + 1}"
            if one is None and word == "services.emitter":
                paused = "both emitters"
            return f"{paused} stopped {seconds:.1f} s"
        case FlushRedis():
            return "Redis flushed"
        case LoseAnswers(every=every, seconds=seconds):
            return f"1 of {every} answers lost, {seconds:.1f} s"
        case GoLive():
            return "tests go live"
        case ChangeCompany():
            return "company changed"
        case _:
            assert_never(fault)


def tell_all(plan: Sequence[Fault]) -> str:
    """A whole plan, a line for each fault."""
    return "\n".join(f"{number:2}. {tell(fault)}" for number, fault in enumerate(plan, 1))
