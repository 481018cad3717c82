"""`make erase-customer`: asks for an erasure, waits for it, and prints what stays until when."""

import asyncio
from collections.abc import Mapping
from typing import Final

from rich.console import Console
from rich.table import Table

from shared.api_client.calls import InternalApiClient
from shared.api_client.models import ErasureIn, ErasureOut, KeptOut
from shared.api_client.transport import CallRefused
from shared.config.settings import EXIT_CODE
from shared.ops.internal_api import complain, internal_api

RUNNING: Final = 1
LOOK_EVERY: Final = 1.0  # seconds
MOST_LOOKS: Final = 600


async def run_erasure(
    env: Mapping[str, str], tenant: str, asked: ErasureIn, console: Console
) -> int:
    """Erase and report; 0 once it is done, 1 while it still runs, 2 when it could not be asked."""
    try:
        async with internal_api(env) as api:
            report = await _done(api, tenant, await api.erase_customer(tenant, body=asked))
    except CallRefused as error:
        complain(error)
        return EXIT_CODE
    console.print(table_of(report))
    return 0 if report["status"] == "completed" else RUNNING


async def _done(api: InternalApiClient, tenant: str, erasure: ErasureOut) -> ErasureOut:
    for _ in range(MOST_LOOKS):
        if erasure["status"] == "completed":
            break
        await asyncio.sleep(LOOK_EVERY)
        erasure = await api.get_erasure(tenant, erasure["id"])
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
