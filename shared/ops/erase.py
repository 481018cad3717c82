"""`make erase-customer`: asks for an erasure, waits for it, and prints what stays until when."""

import asyncio
import time
from collections.abc import Mapping
from functools import partial
from typing import Final

from rich.console import Console
from rich.table import Table

from shared.api_client.calls import InternalApiClient
from shared.api_client.models import ErasureIn, ErasureOut, KeptOut
from shared.api_client.transport import ApiAway, CallRefused
from shared.config.settings import EXIT_CODE
from shared.ops.internal_api import complain, internal_api
from shared.ops.waiting import looked, unanswered, waiting_for

RUNNING: Final = 1
LOOK_EVERY: Final = 1.0  # seconds
LOOK_FOR: Final = 600.0  # seconds


async def run_erasure(
    env: Mapping[str, str], tenant: str, asked: ErasureIn, console: Console
) -> int:
    """Erase and report; 0 once it is done, 1 while it still runs, 2 when it could not be asked."""
    try:
        async with internal_api(env) as api:
            asked_for = await _asked(api, tenant, asked)
            report = await _done(api, tenant, asked_for)
    except CallRefused as error:
        complain(error)
        return EXIT_CODE
    console.print(table_of(report))
    if report["status"] == "completed":
        return 0
    complain(_goes_on(tenant, report))
    return RUNNING


async def _asked(api: InternalApiClient, tenant: str, asked: ErasureIn) -> ErasureOut:
    try:
        async with waiting_for("the internal API to take the erasure"):
            return await api.erase_customer(tenant, body=asked)
    except ApiAway as error:
        look = f"Whether it was taken shows GET /internal/v1/tenants/{tenant}/privacy/erasures"
        raise CallRefused(unanswered(error, look)) from error


def _goes_on(tenant: str, erasure: ErasureOut) -> str:
    return (
        f"{erasure['id']} goes on without this command. Its state:"
        f" GET /internal/v1/tenants/{tenant}/privacy/erasures/{erasure['id']}"
    )


async def _done(api: InternalApiClient, tenant: str, erasure: ErasureOut) -> ErasureOut:
    ask = partial(api.get_erasure, tenant, erasure["id"])
    until = time.monotonic() + LOOK_FOR
    async with waiting_for(f"the erasure {erasure['id']} ({LOOK_FOR:.0f} s at most)") as waiting:
        while erasure["status"] != "completed" and time.monotonic() < until:
            await asyncio.sleep(LOOK_EVERY)
            try:
                erasure = await looked(ask, waiting)
            except ApiAway as error:
                raise CallRefused(f"{error}\n{_goes_on(tenant, erasure)}") from error
    return erasure


def table_of(report: ErasureOut) -> Table:
    """A report as an operator reads it: what went, then what stays."""
    title = f"Erasure {report['id']} ({report['ticket']}): {report['status']}"
    table = Table(title=title, title_justify="left")
    table.add_column("what")
    table.add_column("rows, or until")
    for name, rows in sorted(report["erased"].items()):
        table.add_row(f"erased in {name}", str(rows))
    table.add_section()
    for one in report["kept"]:
        where = one["table"] or f"bill {one['bill_id']}"
        table.add_row(f"{where} stays: {one['why']}", _until(one))
    return table


def _until(kept: KeptOut) -> str:
    """Until when something stays, or how much of it where that is told."""
    if kept["until"]:
        return kept["until"]
    return "it is over" if kept["rows"] is None else str(kept["rows"])
