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
from shared.db.logins import GROUP, LOGINS
from shared.db.one_tenant import PANEL_ROLE
from shared.telemetry import exposed

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "deploy/k8s/monitoring"
RULES = MONITORING / "rules"
DASHBOARDS = sorted((MONITORING / "dashboards").glob("*.json"))
TROUBLES = sorted((Path(__file__).parent / "alerts").glob("*.test.yaml"))
SEEN = ROOT / "docs/operations.md"
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


def metrics() -> list[MetricWrapperBase]:
    """Every metric that some service makes, those of traces too."""
    for service in SHOWN_BY:
        import_module(f"services.{service}.app")
    import_module("shared.telemetry.open_telemetry")
    return [one for one in list(REGISTRY._collector_to_names) if isinstance(one, MetricWrapperBase)]


def shown() -> dict[str, frozenset[str]]:
    """Every series' name there is, with its labels; a histogram has three names."""
    names: dict[str, frozenset[str]] = {}
    for collector in metrics():
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


QUESTION = re.compile(
    r"^\| (?P<question>.+\?) \| .+ \| .+ \| (?P<board>\w+): (?P<panel>.+) "
    r"\| \[(?P<alert>\w+)\]\(runbooks/alerts\.md#(?P<anchor>\w+)\) \|$",
    re.MULTILINE,
)


def test_every_question_of_the_night_has_its_panel_and_what_to_type() -> None:
    text = SEEN.read_text("utf-8")
    panels = {
        (path.stem, panel["title"])
        for path in DASHBOARDS
        for panel in json.loads(path.read_text("utf-8"))["panels"]
    }

    questions = list(QUESTION.finditer(text))

    assert len(questions) == len(re.findall(r"^\| .+\? \|", text, re.MULTILINE))
    for one in questions:
        assert (one["board"], one["panel"]) in panels, one["question"]
        assert one["alert"] in ALERTS, one["question"]
        assert one["anchor"] == one["alert"].lower()


def test_every_metric_is_described_and_seen_somewhere() -> None:
    told = set(NAME.findall(SEEN.read_text("utf-8")))
    used = {name for _, expression in expressions() for name in NAME.findall(expression)}

    for metric in metrics():
        names = {metric._name, f"{metric._name}_total"}
        names |= {f"{metric._name}_{part}" for part in ("bucket", "count", "sum")}
        assert metric._documentation.endswith("."), metric._name
        assert told & names, f"docs/operations.md does not name {metric._name}"
        assert used & names, f"no panel and no alert shows {metric._name}"


def test_panels_have_places_and_numbers_of_their_own() -> None:
    for path in DASHBOARDS:
        panels = json.loads(path.read_text("utf-8"))["panels"]
        places = {(one["gridPos"]["x"], one["gridPos"]["y"]) for one in panels}
        assert len({one["id"] for one in panels}) == len(places) == len(panels)
        assert len({one["title"] for one in panels}) == len(panels)
    boards = [json.loads(path.read_text("utf-8"))["uid"] for path in DASHBOARDS]
    assert len(set(boards)) == len(boards)


def test_every_alert_is_tried() -> None:
    tried = {
        one["alertname"]
        for path in TROUBLES
        for case in yaml.safe_load(path.read_text("utf-8"))["tests"]
        for one in case["alert_rule_test"]
        if one["exp_alerts"]
    }
    named = {
        rule["alert"]
        for name in FILES
        for group in groups(name)
        for rule in group["rules"]
        if "alert" in rule
    }

    assert tried == named


def _anchor(heading: str) -> str:
    """As GitHub makes one of a heading."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def test_what_the_runbook_asks_for_is_there() -> None:
    text = (RUNBOOKS / "alerts.md").read_text("utf-8")
    paths = {operation.path for operation in OPERATIONS}

    asked = re.findall(r"\bM (\d+) (\w+)", text)
    assert asked
    for port, part in asked:
        assert any(part in name for name in names_at(PORTS[port])), (port, part)
    called = re.findall(r'"\$(T|API)(/[\w/-]+)"', text.replace("\n", " "))
    assert called
    for base, path in called:
        whole = "/tenants/{tenant_id}" + path if base == "T" else path
        assert whole in paths, whole


PORTS = {"8081": "panel", "8082": "reconciler", "8083": "emitter", "8084": "webhook"}


def names_at(service: str) -> set[str]:
    """The names of the metrics that one service shows, as it begins to count by itself."""
    known = metrics()
    exposed.remember_names()
    others = exposed._of_others(f"services.{service}")
    return {
        name for one in known if one not in others for name in REGISTRY._collector_to_names[one]
    }


def test_each_service_shows_its_own_metrics_and_not_anothers() -> None:
    assert "notaponte_look_ups_total" in names_at("emitter")
    assert "notaponte_look_ups_total" not in names_at("reconciler")
    assert all("notaponte_pool_busy_connections" in names_at(one) for one in PORTS.values())


def test_no_document_tells_of_a_metric_that_nobody_shows() -> None:
    known = {*shown(), *(one._name for one in metrics())}
    known |= {rule["record"] for rule in ALL_RULES if "record" in rule}
    known |= {*LOGINS.values(), GROUP, PANEL_ROLE}  # no metrics, but named alike

    lost = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in [*(ROOT / "docs").glob("*.md"), *RUNBOOKS.glob("*.md")]
        for name in NAME.findall(path.read_text("utf-8"))
        if name not in known
    ]
    assert not lost


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
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=240, check=False
    )
    return {"code": done.returncode, "told": done.stdout + done.stderr}


def test_promtool_takes_the_rules(promtool: str, plain_rules: Path) -> None:
    checked = run(promtool, "check", "rules", *FILES, cwd=plain_rules)
    assert checked["code"] == 0, checked["told"]


def test_alerts_fire_under_their_trouble_and_only_then(promtool: str, plain_rules: Path) -> None:
    for path in TROUBLES:
        shutil.copy(path, plain_rules)
    tested = run(promtool, "test", "rules", *(path.name for path in TROUBLES), cwd=plain_rules)
    assert tested["code"] == 0, tested["told"]
