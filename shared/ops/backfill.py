"""`make backfill`: asks for a backfill and watches it to its end."""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Table

from shared.api_client.calls import InternalApiClient
from shared.api_client.models import BackfillNew, BackfillOut, QueuedOut
from shared.api_client.transport import ApiAway, CallRefused
from shared.config.settings import EXIT_CODE
from shared.ops.internal_api import complain, internal_api
from shared.ops.waiting import looked, unanswered, waiting_for

LOOK_EVERY: Final = 1.0  # seconds
ENDED: Final = frozenset({"completed", "failed", "cancelled"})


async def run_backfill(
    env: Mapping[str, str], tenant: str, asked: BackfillNew, console: Console
) -> int:
    """Ask for a backfill, show its progress, print what came of it; 0 once it has completed.

    Interrupting the command leaves the backfill running, and says so.
    """
    if not tenant.strip():
        complain("Say whose sales: make backfill TENANT=… SINCE=2026-01-01")
        return EXIT_CODE
    try:
        async with internal_api(env) as api:
            queued = await _asked(api, tenant.strip(), asked)
            console.print(f"backfill {queued['id']}")
            ended = await _watch_or_tell(api, queued["id"], console)
    except CallRefused as error:
        complain(error)
        return 1
    console.print(_table(ended))
    return 0 if ended["status"] == "completed" else 1


async def _asked(api: InternalApiClient, tenant: str, asked: BackfillNew) -> QueuedOut:
    try:
        async with waiting_for("the internal API to take the backfill"):
            return await api.add_backfill(tenant, body=asked)
    except ApiAway as error:
        look = f"Whether it was taken shows GET /internal/v1/tenants/{tenant}/backfills"
        raise CallRefused(unanswered(error, look)) from error


async def _watch_or_tell(api: InternalApiClient, backfill: str, console: Console) -> BackfillOut:
    try:
        return await _watch(api, backfill, console)
    except (asyncio.CancelledError, ApiAway):
        complain(
            f"{backfill} goes on without this command. Its state: GET /internal/v1/backfills/"
            f"{backfill}; to stop it: POST /internal/v1/backfills/{backfill}/cancel"
        )
        raise


async def _watch(api: InternalApiClient, backfill: str, console: Console) -> BackfillOut:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[eta]}"),
    )
    ask = partial(api.get_backfill, backfill)
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("queued", total=None, eta="")
        async with waiting_for(None) as waiting:
            while True:
                seen = await looked(ask, waiting)
                _show(progress, task, seen)
                if seen["status"] in ENDED:
                    return seen
                if not console.is_terminal:  # where nobody sees the bar
                    waiting.what = _said(seen)
                await asyncio.sleep(LOOK_EVERY)


def _said(seen: BackfillOut) -> str:
    total = "?" if seen["bills_total"] is None else seen["bills_total"]
    return f"{seen['id']} ({seen['status']}, {seen['bills_read']} of {total} bills read)"


def _show(progress: Progress, task: TaskID, seen: BackfillOut) -> None:
    eta = seen["eta_seconds"]
    trouble = f" ({seen['error']})" if seen["error"] else ""
    progress.update(
        task,
        description=f"{seen['status']}{trouble}",
        completed=seen["bills_read"],
        total=seen["bills_total"],
        eta="" if eta is None else f"about {eta // 60} min {eta % 60:02d} s left",
    )


def _table(seen: BackfillOut) -> Table:
    outcomes = seen["outcomes"]
    verb = "would be" if seen["dry_run"] else "were"
    table = Table(title=f"{seen['status']}: {seen['bills_total']} sales {verb} looked after")
    table.add_column("what")
    table.add_column("sales", justify="right")
    table.add_column("R$", justify="right")
    for month in seen["months"]:
        table.add_row(month["month"], str(month["bills"]), month["amount"])
    table.add_section()
    table.add_row("issue", str(outcomes["issue"]), seen["amount_to_issue"])
    table.add_row("wait", str(outcomes["wait"]), "")
    for kind, codes in (("hold", outcomes["hold"]), ("skip", outcomes["skip"])):
        for code, count in codes.items():
            table.add_row(f"{kind}: {code}", str(count), "")
    table.add_row("have a nota already", str(seen["known"]), "")
    if seen["error"]:
        table.add_row(f"error: {seen['error']}", "", "")
    return table
