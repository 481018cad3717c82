"""`python -m deploy.demo`: a month of sales on this machine, and the proof of what became of it.

Exit code 0 only if everything balances. KEEP=1 leaves it running until Ctrl-C; SALES says how
many sales, about 200 by default.
"""

import asyncio
import os
import signal
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime

import aiohttp
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from deploy.demo.calls import RefusedError
from deploy.demo.month import ZONE, opened_month
from deploy.demo.past import past_sales
from deploy.demo.rehearsal import rehearse
from deploy.demo.show import print_addresses, print_counts, print_sales, print_verdict
from deploy.demo.stories import month
from deploy.demo.system import ChildFailedError, System, keep_logs, running_system

INTERRUPTED = 130


class _Bars:
    """A bar for each thing that is under way; on no terminal, a line when it begins and ends."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def tell(self, what: str, done: int, of: int) -> None:
        if what not in self._tasks:
            self._tasks[what] = self._progress.add_task(what, total=of)
        self._progress.update(self._tasks[what], completed=done)


async def _demo(console: Console, *, count: int, keep: bool) -> int:
    began = time.monotonic()
    console.print("Starting PostgreSQL, Redis, the services and the sandbox …")
    async with running_system() as system:
        console.print(f"Ready after {time.monotonic() - began:.1f} s: {system.panel}/")
        return await _month(console, system, count=count, keep=keep, began=began)


async def _month(console: Console, system: System, *, count: int, keep: bool, began: float) -> int:
    columns = (TextColumn("{task.description:<14}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console) as progress:
        async with opened_month(system, _Bars(progress).tell) as lived:
            restless = await lived.live(month(count))
            proof, closings = await lived.proof()
            sales = await lived.tenant.sales()
            travels = await lived.stage.control.get("/counts")
            if keep:  # once all is proved
                await lived.stage.sell_past(past_sales(datetime.now(UTC), ZONE))
    rehearsed = await rehearse(system)
    print_sales(console, lived.booked, sales)
    print_counts(console, proof, travels, closings)
    console.print(rehearsed.told)
    problems = [*restless, *proof.problems, *rehearsed.problems]
    print_verdict(console, problems, time.monotonic() - began)
    if problems:
        console.print(f"The logs are in {keep_logs(system.home)}.")
    if keep:
        print_addresses(console, system, lived.tenant)
        with suppress(asyncio.CancelledError):  # the verdict is the exit code all the same
            await asyncio.Event().wait()
    return 1 if problems else 0


async def _until_told_to_stop(console: Console) -> int:
    """Run the demo; the first SIGINT or SIGTERM ends it in order, further ones are ignored."""
    count = int(os.environ.get("SALES") or 200)
    running = asyncio.create_task(_demo(console, count=count, keep=bool(os.environ.get("KEEP"))))
    told = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    waiting = asyncio.create_task(told.wait())
    await asyncio.wait((running, waiting), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if told.is_set():
        running.cancel()
    try:
        return await running
    except asyncio.CancelledError:
        console.print("Stopped; nothing is left running.")
        return INTERRUPTED


def main() -> None:
    """Run the demo and exit with its code."""
    wide = None if sys.stdout.isatty() else 120
    console = Console(width=wide)
    try:
        raise SystemExit(asyncio.run(_until_told_to_stop(console)))
    except (ChildFailedError, RefusedError, aiohttp.ClientError) as error:
        console.print(f"The demo could not go on: {error}", style="red", markup=False)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
