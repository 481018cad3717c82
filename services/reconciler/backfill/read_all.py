"""Reading records by their ids until all came, or what never comes is known."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Final, TypeVar

from shared.vindi.client import Unreadable, Untold, VindiClient
from shared.vindi.errors import VindiBusy, VindiUnavailable

K = TypeVar("K", bound=int)
T = TypeVar("T")

LONGEST_WAIT: Final = timedelta(minutes=1)  # for the budget, before it is asked again


async def read_all(
    client: VindiClient,
    ask: Callable[[Sequence[K]], Awaitable[Mapping[K, T | Untold]]],
    ids: Sequence[K],
    *,
    last_time: bool,
) -> dict[K, T | Unreadable]:
    """Read all of some records, waiting for the budget where they outlast it.

    What was read is kept meanwhile: asked from the start each time, a hundred single reads would
    never fit into the few a minute that a backfill is left. Raises VindiUnavailable for what does
    not come; the `last_time` only where Vindi does not answer at all, else it is unreadable.
    """
    found: dict[K, T | Untold] = dict(await ask(ids))
    while missing := _untold(found):
        if any(row.error is None or isinstance(row.error, VindiBusy) for row in missing.values()):
            await _wait(missing)
        elif last_time:
            await client.merchant()
            break
        else:
            raise next(iter(missing.values())).error or VindiUnavailable("not read")
        found.update(await ask(list(missing)))
    return {number: _sure(number, row) for number, row in found.items()}


def _untold(found: Mapping[K, T | Untold]) -> dict[K, Untold]:
    return {number: row for number, row in found.items() if isinstance(row, Untold)}


async def _wait(missing: Mapping[K, Untold]) -> None:
    waits = (row.error.retry_after for row in missing.values() if isinstance(row.error, VindiBusy))
    await asyncio.sleep(min(max(waits, default=timedelta()), LONGEST_WAIT).total_seconds())


def _sure(number: int, row: T | Untold) -> T | Unreadable:
    if isinstance(row, Untold):
        return Unreadable(raw={}, id=number, problem="never shown")
    return row
