"""Tasks, and how they are brought to an end."""

import asyncio
from typing import Any, Final

# Longer than tidying up takes, which a second cancellation would break off.
CANCEL_AGAIN_SECONDS: Final = 3.0


async def end_task(task: asyncio.Task[Any]) -> None:
    """Cancel a task until it is over, whatever comes of it; its result stays with it.

    Once is not enough: before Python 3.12 `asyncio.wait_for`, in which redis-py sends, swallows a
    cancellation that comes just as what it waits for is done (cpython issue 86296).
    """
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=CANCEL_AGAIN_SECONDS)
