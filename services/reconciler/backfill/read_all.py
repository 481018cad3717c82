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
    not come; the `last_time` each of these is asked for alone, and is unreadable where Vindi does
    not show it and answers otherwise.
    """
    found: dict[K, T | Untold] = dict(await ask(ids))
    while missing := _untold(found):
        if _only_wait(missing):
            await _wait(missing)
        elif last_time:
            break
        else:
            raise next(iter(missing.values())).error or VindiUnavailable("not read")
        found.update(await ask(list(missing)))
    return {
        number: await _alone(client, ask, number) if isinstance(row, Untold) else row
        for number, row in found.items()
    }


async def _alone(
    client: VindiClient,
    ask: Callable[[Sequence[K]], Awaitable[Mapping[K, T | Untold]]],
    number: K,
) -> T | Unreadable:
    """One record by itself: of those asked for together the first to fail end it for all others."""
    while isinstance(row := (await ask([number]))[number], Untold):
        if not _only_wait({number: row}):
            await client.merchant()
            return Unreadable(raw={}, id=number, problem="never shown")
        await _wait({number: row})
    return row


def _only_wait(missing: Mapping[K, Untold]) -> bool:
    return any(row.error is None or isinstance(row.error, VindiBusy) for row in missing.values())


def _untold(found: Mapping[K, T | Untold]) -> dict[K, Untold]:
    return {number: row for number, row in found.items() if isinstance(row, Untold)}


async def _wait(missing: Mapping[K, Untold]) -> None:
    waits = (row.error.retry_after for row in missing.values() if isinstance(row.error, VindiBusy))
    await asyncio.sleep(min(max(waits, default=timedelta()), LONGEST_WAIT).total_seconds())
