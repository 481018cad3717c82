"""Every alert can fire, names metrics that there are, and says what to type at night."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase

from services.reconciler.app import OPERATIONS
from services.reconciler.depth_loop import BREAKERS, LANES, SHOWN

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "deploy/k8s/monitoring"
RULES = MONITORING / "rules"
DASHBOARDS = sorted((MONITORING / "dashboards").glob("*.json"))
RUNBOOKS = ROOT / "docs/runbooks"
# What starts each service, and so makes all the metrics it shows.
SHOWN_BY = ("webhook", "reconciler", "emitter", "panel")
NAME = re.compile(r"\bnotaponte[_:][a-z0-9_:]+")
MISSING = "no promtool: put one on the path (Debian: apt-get install prometheus)"


def groups(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load((RULES / name).read_text("utf-8"))["spec"][
        "groups"
    ]
    return found


FILES = sorted(path.name for path in RULES.glob("*.yaml"))
OF_OTHERS = "availability.yaml"  # knows nothing of our metrics
ALL_RULES = [
    rule for name in FILES if name != OF_OTHERS for group in groups(name) for rule in group["rules"]
]
ALERTS = {rule["alert"]: rule for rule in ALL_RULES if "alert" in rule}


def shown() -> dict[str, frozenset[str]]:
    """Every series' name there is, with its labels; a histogram has three names."""
    for service in SHOWN_BY:
        import_module(f"services.{service}.app")
    names: dict[str, frozenset[str]] = {}
    for collector in list(REGISTRY._collector_to_names):
        if not isinstance(collector, MetricWrapperBase):
            continue
        labels = frozenset(collector._labelnames)
        for name in REGISTRY._collector_to_names[collector]:
            names[name] = labels | ({"le"} if name.endswith("_bucket") else frozenset())
    return names


def expressions() -> Iterator[tuple[str, str]]:
    for rule in ALL_RULES:
        yield rule.get("alert") or rule["record"], rule["expr"]
    for path in DASHBOARDS:
        for panel in json.loads(path.read_text("utf-8"))["panels"]:
            for target in panel["targets"]:
                yield f"{path.name}: {panel['title']}", target["expr"]


SELECTED = re.compile(r"(notaponte_[a-z0-9_]+)\{([^}]*)\}")


@pytest.mark.parametrize(("where", "expression"), [*expressions()])
def test_an_expression_names_only_metrics_and_labels_that_are_shown(
    where: str, expression: str
) -> None:
    known = shown()
    recorded = {rule["record"] for rule in ALL_RULES if "record" in rule}

    names = set(NAME.findall(expression))
    assert names
    assert names <= known.keys() | recorded, where
    for name, selector in SELECTED.findall(expression):
        labels = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selector))
        assert labels <= known[name], (where, name)


def test_what_is_selected_of_a_gauge_is_a_word_it_has() -> None:
    words = {
        "lane": set(LANES.values()),
        "status": {status.value for status in SHOWN} | {"broken"},
        "scope": {scope for scope, _ in BREAKERS},
        "state": {state for _, state in BREAKERS},
    }
    for where, expression in expressions():
        for name, _, value in re.findall(r'(\w+)(=|!=)"([^"]*)"', expression):
            assert value in words.get(name, {value}), where


def test_every_alert_has_its_section_and_every_section_its_alert() -> None:
    text = (RUNBOOKS / "alerts.md").read_text("utf-8")
    sections = re.findall(r"^## (\S+)$", text, re.MULTILINE)

    assert sorted(sections) == sorted(ALERTS)
    for name, rule in ALERTS.items():
        assert rule["annotations"]["runbook"] == f"docs/runbooks/alerts.md#{name.lower()}"
        assert rule["labels"]["severity"] in {"page", "ticket"}


def test_links_of_the_runbook_lead_somewhere() -> None:
    text = (RUNBOOKS / "alerts.md").read_text("utf-8")
    for file, anchor in re.findall(r"\]\(([\w.-]*)#([^)]+)\)", text):
        headings = re.findall(
            r"^#+ (.+)$", (RUNBOOKS / (file or "alerts.md")).read_text("utf-8"), re.MULTILINE
        )
        assert anchor in {_anchor(heading) for heading in headings}, (file, anchor)


def _anchor(heading: str) -> str:
    """As GitHub makes one of a heading."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def test_what_the_runbook_asks_for_is_there() -> None:
    text = (RUNBOOKS / "alerts.md").read_text("utf-8")
    known = shown()
    paths = {operation.path for operation in OPERATIONS}

    asked = re.findall(r"\bM \d+ (\w+)", text)
    assert asked
    for part in asked:
        assert any(part in name for name in known) or part == "notaponte_breakers", part
    called = re.findall(r'"\$(T|API)(/[\w/-]+)"', text.replace("\n", " "))
    assert called
    for base, path in called:
        whole = "/tenants/{tenant_id}" + path if base == "T" else path
        assert whole in paths, whole


@pytest.fixture(scope="module")
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip(MISSING)
    return found


@pytest.fixture
def plain_rules(tmp_path: Path) -> Path:
    """The rules as Prometheus itself reads them, without the operator's wrapping."""
    for name in FILES:
        (tmp_path / name).write_text(yaml.safe_dump({"groups": groups(name)}), "utf-8")
    return tmp_path


def run(*command: str, cwd: Path) -> Mapping[str, Any]:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60, check=False)
    return {"code": done.returncode, "told": done.stdout + done.stderr}


def test_promtool_takes_the_rules(promtool: str, plain_rules: Path) -> None:
    checked = run(promtool, "check", "rules", *FILES, cwd=plain_rules)
    assert checked["code"] == 0, checked["told"]


def test_alerts_fire_under_their_trouble_and_only_then(promtool: str, plain_rules: Path) -> None:
    shutil.copy(Path(__file__).parent / "alerts/rules.test.yaml", plain_rules)
    tested = run(promtool, "test", "rules", "rules.test.yaml", cwd=plain_rules)
    assert tested["code"] == 0, tested["told"]
