"""Work that waits in pieces, a batch of each in turn: none waits for a large one."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Generic, TypeVar

import structlog
from msgspec import Struct
from prometheus_client import Counter

from shared.db.away import database_away, database_away_for_all
from shared.db.connection import Connection, Pool
from shared.run.loops import Next
from shared.telemetry.severity import severity

log = structlog.get_logger()

P = TypeVar("P")


class Pieces(Struct, Generic[P], frozen=True, kw_only=True):
    """What waits, how a piece of it goes on, and what becomes of one that fails.

    `step` says whether there was anything to do; `failed` is how the log calls a failure, with what
    `told` says of the piece; `steps` counts by outcome where it is there.
    """

    waiting: Callable[[Connection], Awaitable[Sequence[P]]]
    step: Callable[[P], Awaitable[bool]]
    put_off: Callable[[P], Awaitable[None]]
    failed: str
    told: Callable[[P], dict[str, str]]
    steps: Counter | None = None


async def round_of(pool: Pool, work: Pieces[P]) -> Next | None:
    """A step of everything that waits; at once again while something was done.

    A piece that fails is put off and stops no other, nor does one whose rows others hold for long;
    a database that is away ends the round.
    """
    async with pool.acquire() as conn:
        waiting = await work.waiting(conn)
    worked = False
    for piece in waiting:
        worked |= await _step(work, piece)
    return Next.AT_ONCE if worked else None


async def _step(work: Pieces[P], piece: P) -> bool:
    try:
        worked = await work.step(piece)
    except Exception as error:
        if database_away_for_all(error):
            raise
        _count(work, "failed")
        _tell(work.failed, error, work.told(piece))
        with alone(work.failed, **work.told(piece)):  # what held the piece may hold its row too
            await work.put_off(piece)
        return False
    _count(work, "done")
    return worked


@contextmanager
def alone(failed: str, **told: str) -> Iterator[None]:
    """What fails for one tenant is told by this name, and the others have their turn."""
    try:
        yield
    except Exception as error:
        if database_away_for_all(error):
            raise
        _tell(failed, error, told)


def _tell(failed: str, error: Exception, told: Mapping[str, str]) -> None:
    """At level error, with its place, unless it passes by itself as held rows do."""
    if database_away(error):
        log.log(severity(error), failed, **told, error=type(error).__name__)
    else:
        log.error(failed, **told, exc_info=error)


def _count(work: Pieces[P], outcome: str) -> None:
    if work.steps is not None:
        work.steps.labels(outcome).inc()
