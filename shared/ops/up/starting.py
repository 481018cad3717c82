"""Whether an embedded server comes up at all: one that ends again and again is not waited for."""

import asyncio
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Final

import asyncpg

from shared.config.env import SettingsError
from shared.local.home import Home
from shared.local.not_started import ServerNotStartedError, size_of
from shared.ops.up.said import say
from shared.ops.up.supervisor import Supervisor
from shared.run.tasks import end_task

LOOK_EVERY: Final = 1.0  # seconds; about as often as the supervisor starts something again
MOST_ENDS: Final = 5
TELL_EVERY: Final = 20  # looks


async def up_or_told(
    waiting: Coroutine[None, None, None], keepers: Sequence[Supervisor], name: str, home: Home
) -> None:
    """Wait for a server as long as it works at its start, such as a recovery.

    Raises ServerNotStartedError once it ended some times or does not answer at all, and
    SettingsError where the home's password is not that of its database.
    """
    log = home.logs / f"{name}.log"
    before = size_of(log)
    ends = asyncio.create_task(_ends_again(keepers, name, log, before))
    comes = asyncio.create_task(waiting)
    try:
        await asyncio.wait((ends, comes), return_when=asyncio.FIRST_COMPLETED)
        if not comes.done():
            raise ServerNotStartedError(name, log, before)
        comes.result()
    except TimeoutError:
        raise ServerNotStartedError(name, log, before) from None
    except asyncpg.InvalidAuthorizationSpecificationError:  # a wrong password is one
        place = home.folder / "postgres-password"
        words = f"{place} is not of the database beside it: put back the one that belongs to it."
        raise SettingsError((f"NOTAPONTE_HOME: {words}",)) from None
    finally:
        await end_task(ends)
        await end_task(comes)


async def _ends_again(keepers: Sequence[Supervisor], name: str, log: Path, before: int) -> None:
    """Return once the server has ended too often; tell a person of a long start.

    One that ends at once is hardly ever seen alive, so where it is away after it said something
    counts as well as where it is another process than before.
    """
    seen: set[int] = set()
    looks = ends = 0
    while ends < MOST_ENDS:
        await asyncio.sleep(LOOK_EVERY)
        found = [await asyncio.to_thread(keeper.running) for keeper in keepers]
        pid = next((one[name] for one in found if name in one), None)
        if pid not in seen and (seen or size_of(log) != before):
            ends += 1
        if pid is not None:
            seen.add(pid)
        looks += 1
        if looks % TELL_EVERY == 0:
            say(f"still waiting for {name}, which may be recovering; see {log}")
