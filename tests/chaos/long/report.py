"""What a long campaign found, as tables and as JSON."""

import json
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from tests.chaos.long.waiting import lines_of

REPORT: Final = Path("build/chaos-long.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One fault, and how long work took to go on once it was over; None: it never did."""

    fault: str
    kind: str
    bar: float
    recovered: float | None

    @property
    def ok(self) -> bool:
        return self.recovered is not None and self.recovered < self.bar


def row_of(number: int, told: str, kind: str, bar: float, recovered: float | None) -> Row:
    """One fault that was done; it is shown at once."""
    row = Row(fault=told, kind=kind, bar=bar, recovered=recovered)
    took = "never" if recovered is None else f"{recovered:.1f} s"
    sys.stdout.write(f"{number:3}. {row.fault}: {took}{'' if row.ok else '  MISSED'}\n")
    sys.stdout.flush()
    return row


def report(
    rows: Sequence[Row],
    shops: Sequence[dict[str, Any]],
    restores: Sequence[dict[str, Any]],
    violations: dict[str, int],
    seed: int,
) -> bool:
    """Write everything down, show it, and say whether every bar was met."""
    ok = (
        all(row.ok for row in rows)
        and not violations
        and all(one["done"] for one in restores)
        and not any(shop["lost"] or shop["doubled"] for shop in shops)
        and all(closing["balanced"] for shop in shops for closing in shop["closings"])
    )
    said = {
        "seed": seed,
        "ok": ok,
        "faults": [
            {"fault": row.fault, "kind": row.kind, "recovered": row.recovered, "ok": row.ok}
            for row in rows
        ],
        "shops": list(shops),
        "restores": list(restores),
        "violations": violations,
    }
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")
    _show(rows, shops, restores, violations)
    return ok


def _show(
    rows: Sequence[Row],
    shops: Sequence[dict[str, Any]],
    restores: Sequence[dict[str, Any]],
    violations: dict[str, int],
) -> None:
    console = Console(width=110, highlight=False)
    by_kind: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_kind[row.kind].append(row)
    table = Table("fault", "times", "slowest recovery", "missed")
    for kind, some in sorted(by_kind.items()):
        times = [row.recovered for row in some if row.recovered is not None]
        slowest = f"{max(times):.1f} s" if len(times) == len(some) else "never"
        table.add_row(kind, f"{len(some)}", slowest, f"{sum(not row.ok for row in some)}")
    console.print(table)
    table = Table("shop", "sales", "notas due", "lost", "doubled", "closings")
    for shop in shops:
        closed = ", ".join(
            f"{one['month']}: {'balanced' if one['balanced'] else 'NOT balanced'}"
            for one in shop["closings"]
        )
        figures = (f"{shop['sales']}", f"{shop['notas_due']}")
        wrong = (f"{len(shop['lost'])}", f"{len(shop['doubled'])}")
        table.add_row(shop["shop"], *figures, *wrong, closed)
    console.print(table)
    for shop in shops:
        for line in lines_of(shop.get("waits", ())):
            console.print(line)
    for one in restores:
        console.print(
            f"failover noticed ({one['why']}): {one['companies_read']} of {one['companies']} lists"
            f" read, {one['notas_known']} of {one['notas_found']} notas known again"
        )
    for rule, seen in violations.items():
        console.print(f"the issuer saw {rule} {seen} times")
