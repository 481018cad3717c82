"""`make closing`: prints a month's closing, and says by its exit code whether it balances."""

import asyncio
import time
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from shared.api_client.calls import InternalApiClient
from shared.api_client.models import ClosingOut
from shared.api_client.transport import ApiAway, CallRefused
from shared.config.settings import EXIT_CODE
from shared.ops.internal_api import complain, internal_api
from shared.ops.waiting import looked, unanswered, waiting_for

UNBALANCED: Final = 1
LIST_STALE: Final = "issuer_list_stale"
LOOK_EVERY: Final = 2.0  # seconds
LIST_FOR: Final = 60.0  # seconds; a large month's list takes minutes: then it is shown as it is
CLOSING_TAKES: Final = 60.0  # seconds; a month of hundreds of thousands of sales takes its time


async def run_closing(env: Mapping[str, str], tenant: str, month: str, console: Console) -> int:
    """Print a month; 0 when it balances, 1 when not, 2 when it could not be asked for."""
    try:
        async with internal_api(env) as api:
            closing = await _known(api, tenant, month)
    except CallRefused as error:
        complain(error)
        return EXIT_CODE
    console.print(table_of(closing))
    for warning in closing["warnings"]:
        console.print(f"{warning['code']}: {warning['message']}")
    return 0 if closing["balanced"] else UNBALANCED


async def _known(api: InternalApiClient, tenant: str, month: str) -> ClosingOut:
    """The closing, once the issuer's list is no older than the month's last change."""
    ask = partial(api.get_closing, tenant, month=month)
    async with waiting_for("the closing of the month") as waiting:
        try:
            closing = await ask()
        except ApiAway as error:
            raise CallRefused(unanswered(error)) from error
        until = time.monotonic() + LIST_FOR
        while _is_stale(closing) and time.monotonic() < until:
            waiting.what = f"the issuer's list, for {LIST_FOR:.0f} s at most"
            await asyncio.sleep(LOOK_EVERY)
            closing = await looked(ask, waiting, takes=CLOSING_TAKES)
    return closing


def _is_stale(closing: ClosingOut) -> bool:
    return LIST_STALE in {one["code"] for one in closing["warnings"]}


def table_of(closing: ClosingOut) -> Table:
    """A closing as an operator reads it; what is not 0 below the last line is the trouble."""
    vindi, notas, issuer = closing["vindi"], closing["notas"], closing["issuer"]
    verdict = "balanced" if closing["balanced"] else "NOT BALANCED"
    table = Table(title=f"Closing of {closing['month']}: {verdict}", title_justify="left")
    table.add_column("what")
    table.add_column("sales", justify="right")
    table.add_column("R$", justify="right")
    table.add_row(f"Vindi, as read since {vindi['read_at'] or 'never'}", *_sum(vindi))
    table.add_section()
    table.add_row("valid notas", *_sum(notas))
    for one in closing["exceptions"]:
        same = one["code"] == one["status"]
        name = one["code"] if same else f"{one['status']}: {one['code']}"
        table.add_row(name, *_sum(one))
    table.add_section()
    missing = "unknown" if vindi["missing"] is None else str(vindi["missing"])
    table.add_row("missing at ours, by Vindi's count", missing, "")
    table.add_row("difference", "", closing["difference"])
    read_at = issuer["read_at"] or "never"
    table.add_section()
    table.add_row(
        f"the issuer's list, as read since {read_at}", str(issuer["notas"]), issuer["amount"]
    )
    accepted = issuer["accepted"]
    if accepted["notas"]:
        table.add_row("of other systems, accepted", str(accepted["notas"]), accepted["amount"])
    table.add_row("differences to the issuer's list", str(issuer["differences"]), "")
    _add_filed(table, closing)
    for late in closing["adjustments"]:
        name = late["what"] if late["code"] is None else f"{late['status']}: {late['code']}"
        table.add_row(f"changed since the lock: {name}", *_sum(late))
    return table


def _add_filed(table: Table, closing: ClosingOut) -> None:
    """What the accountant files: by competência, which need not be the month of the sales."""
    filed, credited = closing["totals"]["sum"], closing["credits"]["sum"]
    table.add_section()
    table.add_row("filed by competência (notas)", str(filed["notas"]), filed["amount"])
    table.add_row("own ISS", "", filed["iss_own"])
    table.add_row("ISS withheld by buyers", "", filed["iss_withheld"])
    table.add_row("credits (notas)", str(credited["notas"]), credited["amount"])
    table.add_section()


def _sum(one: Mapping[str, Any]) -> tuple[str, str]:
    return str(one["bills"]), one["amount"]
