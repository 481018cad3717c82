"""What a benchmark hands back, and how a list of it is shown."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One number; `passed` is None where there is no bar to clear."""

    bench: str
    what: str
    value: float
    unit: str
    bar: str = ""
    passed: bool | None = None


def show(measures: Sequence[Measure]) -> None:
    table = Table("bench", "what", "value", "unit", "bar", "")
    for one in measures:
        verdict = "" if one.passed is None else "ok" if one.passed else "MISSED"
        table.add_row(one.bench, one.what, f"{one.value:,.2f}", one.unit, one.bar, verdict)
    Console(width=120).print(table)


def write(measures: Sequence[Measure], to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(json.dumps([asdict(one) for one in measures], indent=2) + "\n", encoding="utf-8")
