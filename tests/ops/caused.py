"""Alerts under trouble that was really caused: what a process showed before and after, as played.

Prometheus' own `promtool` evaluates the rules that are shipped over what was scraped: an hour of
before, then two of after. A count goes on rising as it rose between the two looks.
"""

import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import time
from typing import Any, Final

import yaml

from shared.telemetry.exposed import exposed
from tests.support.scraped import Series, read

ROOT: Final = Path(__file__).parents[2]
RULES: Final = ROOT / "deploy/k8s/monitoring/rules"
RUNBOOK: Final = ROOT / "docs/runbooks/alerts.md"
HOUR: Final = 60  # minutes, of which each is one look
NAME: Final = re.compile(r"\bnotaponte_[a-z0-9_]+")
COUNTS: Final = ("_total", "_count", "_bucket", "_sum")
BEGAN: Final = "_timestamp_seconds"


def shown() -> dict[Series, float]:
    """What this process shows now, as it is scraped."""
    return read(exposed().decode())


def groups() -> dict[str, list[dict[str, Any]]]:
    """The rules as Prometheus itself reads them, by file."""
    return {
        path.name: yaml.safe_load(path.read_text("utf-8"))["spec"]["groups"]
        for path in sorted(RULES.glob("*.yaml"))
    }


def expression_of(alert: str) -> str:
    """What an alert looks at."""
    (found,) = [
        str(rule["expr"])
        for made in groups().values()
        for group in made
        for rule in group["rules"]
        if rule.get("alert") == alert
    ]
    return found


def section_of(alert: str) -> str:
    """What the runbook says of it."""
    _, _, rest = RUNBOOK.read_text("utf-8").partition(f"## {alert}\n")
    return rest.partition("\n## ")[0]


@dataclass(slots=True)
class Trouble:
    """What was shown before a trouble; made before it is caused."""

    before: dict[Series, float] = field(default_factory=shown)

    def fires(
        self, promtool: str, folder: Path, alerts: Sequence[str], *, minutes: int = 2 * HOUR
    ) -> str:
        """Have the rules look at both; returns what promtool objects to: nothing where all fire.

        Looks for days are a few minutes apart; of the rules those are played that stand together.
        """
        after, step = shown(), 1 if minutes <= 2 * HOUR else 5
        played = [
            group
            for made in groups().values()
            for group in made
            if any(rule.get("alert") in alerts for rule in group["rules"])
        ]
        (folder / "rules.yaml").write_text(yaml.safe_dump({"groups": played}), "utf-8")
        told = {
            "rule_files": ["rules.yaml"],
            "evaluation_interval": f"{step}m",
            "tests": [self._case(alert, after, minutes, step) for alert in alerts],
        }
        (folder / "caused.yaml").write_text(yaml.safe_dump(told), "utf-8")
        done = subprocess.run(
            [promtool, "test", "rules", "caused.yaml"],
            cwd=folder, capture_output=True, text=True, timeout=100, check=False,
        )  # fmt: skip
        return "" if done.returncode == 0 else f"{done.returncode} {done.stdout}{done.stderr}"

    def _case(
        self, alert: str, after: Mapping[Series, float], minutes: int, step: int
    ) -> dict[str, Any]:
        names = set(NAME.findall(expression_of(alert)))
        series = [
            {
                "series": _written(one),
                "values": self._values(one, value, minutes // step, HOUR // step),
            }
            for one, value in after.items()
            if one[0] in names
        ]
        assert series, f"nothing is shown of what {alert} looks at"
        fired = f'count(ALERTS{{alertname="{alert}",alertstate="firing"}}) > bool 0'
        quiet = {"expr": fired, "eval_time": f"{HOUR - step}m", "exp_samples": []}
        loud = {"expr": fired, "eval_time": f"{HOUR + minutes - step}m"}
        return {
            "name": alert,
            "interval": f"{step}m",
            "input_series": series,
            "promql_expr_test": [quiet, {**loud, "exp_samples": [{"labels": "{}", "value": 1}]}],
        }

    def _values(self, one: Series, value: float, looks: int, looks_before: int) -> str:
        before = self.before.get(one, 0.0)
        if one[0].endswith(BEGAN):
            before, value = (_minute(at) for at in (before, value))
        rises = value - before if one[0].endswith(COUNTS) else 0.0
        began = before if one[0].endswith(COUNTS) else value
        return f"{before:f}x{looks_before - 1} {began:f}+{rises:f}x{looks}"


def _minute(at: float) -> float:
    """An instant, where the trouble begins an hour after promtool's clock does."""
    return at - time() + HOUR * 60 if at else HOUR * 60 - 60


def _written(one: Series) -> str:
    name, labels = one
    return name + "{" + ",".join(f'{key}="{value}"' for key, value in sorted(labels)) + "}"
