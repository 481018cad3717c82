"""What a campaign found: a row for each fault, one for the end, as a table and as JSON."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from tests.chaos.books import Books

RESUME_WITHIN: Final = 15.0  # seconds
REPORT: Final = Path("build/chaos.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A fault that was done: it began, was over, and work went on so many seconds later."""

    fault: str
    began: float
    over: float
    resumed: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One fault. Sales count with the fault they were told under, doubles with that of the second.

    `slowest` is the longest from a sale's event to its first nota at the issuer, in seconds.
    """

    fault: str
    resumed: float | None
    slowest: float
    told: int
    lost: int
    doubled: int

    @property
    def ok(self) -> bool:
        """Whether every bar was met."""
        resumed = self.resumed is not None and self.resumed < RESUME_WITHIN
        return resumed and not self.lost and not self.doubled


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """All sales together, the closings, and what a careful client never does."""

    told: int
    told_again: int
    lost: int
    doubled: int
    closings: Sequence[Mapping[str, Any]]
    differences: Sequence[Mapping[str, Any]]
    problems: Sequence[str]
    slowest: Mapping[str, Any]  # the sale that waited longest for its nota, with its timeline
    violations: Mapping[str, int]
    left_out: int  # faults there was no time for

    @property
    def ok(self) -> bool:
        """Whether nothing was lost, nothing doubled, and all sides agree."""
        wrong = self.lost or self.doubled or self.problems or self.violations or self.left_out
        return not wrong


def rows_of(done: Sequence[Done], told: Mapping[int, float], books: Books) -> list[Row]:
    """Give each sale to the fault it was told under; the first has what came before it, too."""
    lost = books.lost(told)
    rows = []
    for number, fault in enumerate(done):
        since = fault.began if number else 0.0
        until = done[number + 1].began if number + 1 < len(done) else float("inf")
        mine = {bill for bill, at in told.items() if since <= at < until}
        rows.append(
            Row(
                fault=fault.fault,
                resumed=fault.resumed,
                slowest=max((books.first[b] - told[b] for b in mine & books.first.keys()),
                            default=0.0),
                told=len(mine),
                lost=len(mine & lost),
                doubled=sum(1 for at in books.doubled.values() if since <= at < until),
            )
        )  # fmt: skip
    return rows


def show(rows: Iterable[Row], end: End) -> None:
    """Print a table, and the end below it."""
    table = Table("fault", "work resumed", "slowest sale", "sales", "lost", "doubled", "")
    for row in rows:
        resumed = "never" if row.resumed is None else f"{row.resumed:.1f} s"
        figures = (f"{row.slowest:.1f} s", f"{row.told}", f"{row.lost}", f"{row.doubled}")
        table.add_row(row.fault, resumed, *figures, _word(ok=row.ok))
    console = Console(width=100, highlight=False)
    console.print(table)
    console.print(f"Work has to resume within {RESUME_WITHIN:.0f} s of a fault's end.")
    for closing in end.closings:
        console.print(_closing(closing))
    for problem in end.problems:
        console.print(f"  {problem}")
    for rule, times in end.violations.items():
        console.print(f"  the issuer saw {rule} {times} times")
    if end.left_out:
        console.print(f"  no time was left for {end.left_out} faults")
    console.print(
        f"{end.told} events answered 200, {end.told_again} of them told again;"
        f" {end.lost} lost, {end.doubled} doubled: {_word(ok=end.ok)}"
    )


def _closing(closing: Mapping[str, Any]) -> str:
    vindi, ours, theirs = closing["vindi"], closing["notas"], closing["issuer"]
    return (
        f"Closing {closing['month']}: {vindi['bills']} bills {vindi['amount']} ="
        f" {ours['bills']} with notas {ours['amount']} ="
        f" {theirs['notas']} at the issuer {theirs['amount']}; missing {vindi['missing']},"
        f" differences {theirs['differences']}, tests {closing['tests']}:"
        f" {'balanced' if closing['balanced'] else 'NOT balanced'}"
    )


def write(seed: int, rows: Iterable[Row], end: End) -> None:
    """Write everything down as JSON."""
    said = {
        "seed": seed,
        "faults": [{**asdict(row), "ok": row.ok} for row in rows],
        "end": {**asdict(end), "ok": end.ok},
    }
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")


def _word(*, ok: bool) -> str:
    return "ok" if ok else "MISSED"
