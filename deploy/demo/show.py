"""What the demo prints: progress, one table of every sale, the counts, the verdict."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from deploy.demo.proof import Proof, code_of
from deploy.demo.stage import Booked
from deploy.demo.system import System
from deploy.demo.tenant import Tenant

Json = Mapping[str, Any]
_COLOURS = {
    "issued": "green", "denied": "red", "held": "yellow", "skipped": "bright_black",
    "cancelled": "magenta", "in_guarantee": "cyan", "waiting_payment": "cyan",
}  # fmt: skip


def print_sales(console: Console, booked: Iterable[Booked], sales: Mapping[int, Json]) -> None:
    """Print the table: sale, amount, status, nota, and why."""
    table = Table(box=box.SIMPLE_HEAD, title="What became of every sale", pad_edge=False)
    table.add_column("sale", justify="right", no_wrap=True)
    table.add_column("amount", justify="right", no_wrap=True)
    table.add_column("status", no_wrap=True)
    table.add_column("nota", justify="right", no_wrap=True)
    table.add_column("why", overflow="fold")
    for one in sorted(booked, key=lambda booked: booked.bill_id):
        sale = sales.get(one.bill_id)
        if sale is None:
            table.add_row(str(one.bill_id), "", Text("missing", style="red"), "", one.story.title)
            continue
        table.add_row(
            str(one.bill_id),
            sale["amount"],
            Text(sale["status"], style=_COLOURS.get(sale["status"], "")),
            " + ".join(nota["number"] for nota in sale["notas"] if nota["number"]),
            _why(one, sale),
        )
    console.print(table)


def _why(booked: Booked, sale: Json) -> str:
    code = code_of(sale)
    words = [booked.story.title]
    if sale["origin"] == "reconciler":
        words.append("found by the reconciler")
    if sale["status"] == "in_guarantee" and sale["issue_at"]:
        words.append(f"due {sale['issue_at'][:16]}Z")
    text = ", ".join(words)
    return f"{text} ({code})" if code else text


def print_counts(console: Console, proof: Proof, travels: Json, closings: Iterable[Json]) -> None:
    """Print how the events travelled, the counts that add up, and the closings."""
    courier = travels["courier"]
    console.print(
        f"Events: {courier.get('queued', 0)} sent, {courier.get('dropped', 0)} lost on the way, "
        f"{courier.get('acked', 0)} taken."
    )
    table = Table(box=box.SIMPLE_HEAD, title="The counts", pad_edge=False)
    for title in ("status", "code"):
        table.add_column(title)
    for title in ("sales", "amount"):
        table.add_column(title, justify="right")
    for group in proof.groups:
        table.add_row(group.status, group.code or "", str(group.sales), _reais(group.cents))
    table.add_section()
    total = sum(group.sales for group in proof.groups)
    table.add_row("together", "", str(total), _reais(sum(group.cents for group in proof.groups)))
    table.add_row("bills at Vindi", "", str(proof.bills), _reais(proof.bills_cents))
    table.add_row("valid notas at the issuer", "", str(proof.notas), _reais(proof.notas_cents))
    console.print(table)
    for closing in closings:
        _print_closing(console, closing)


def _print_closing(console: Console, closing: Json) -> None:
    vindi, notas = closing["vindi"], closing["notas"]
    exceptions = sum(group["bills"] for group in closing["exceptions"])
    console.print(
        f"Closing {closing['month']}: {vindi['bills']} bills {vindi['amount']} = "
        f"{notas['bills']} notas {notas['amount']} + {exceptions} exceptions, "
        f"missing {vindi['missing']}, difference {closing['difference']}; "
        f"the issuer's list {closing['issuer']['notas']} notas {closing['issuer']['amount']}, "
        f"differences {closing['issuer']['differences']}: "
        f"{'balanced' if closing['balanced'] else 'NOT balanced'}"
    )


def print_verdict(console: Console, problems: Sequence[str], seconds: float) -> None:
    """Print whether it balances, and all that does not."""
    for problem in problems[:30]:
        console.print(f"  {problem}", style="red", highlight=False)
    if problems:
        console.print(f"It does not balance: {len(problems)} problems.", style="bold red")
        return
    console.print(
        f"Every sale is one nota or a named reason, to the cent. ({seconds:.0f} s)",
        style="bold green",
    )


def print_addresses(console: Console, system: System, tenant: Tenant) -> None:
    """Say where everything is, for who keeps it running."""
    console.print(
        f"\nEverything keeps running. Ctrl-C stops it and removes its folder.\n"
        f"  panel     {system.panel}{tenant.invitation} (sign in as its owner; a link for once)\n"
        f"  internal  {system.internal}/internal/v1 (tenant {tenant.id}; "
        f"token in {system.home}/internal-token)\n"
        f"  sandbox   {system.control} (control), {system.vindi}, {system.enotas}\n"
        f"  logs      {system.home}/logs",
        highlight=False, soft_wrap=True,
    )  # fmt: skip


def _reais(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"
