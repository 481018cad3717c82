"""What Kubernetes is told: taken by three versions, held to our policies, true of our code."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from deploy.image import version
from deploy.policies import EXCEPTIONS, POLICIES, findings, where
from deploy.rehearse import examples, main, problems, schema_problems
from deploy.render import K8S, Manifest, RenderError, components, merge, overlays, render
from shared.config.env import Env, SettingsError
from shared.config.traces import read_traces
from shared.db.connection import Pool
from shared.db.logins import LOGINS
from shared.ops.up.programs import SERVICES

OURS = {service.name for service in SERVICES}
METRICS_PORT = 8084  # the webhook's: its public port tells nothing but that it lives
VALUES = {
    "DATABASE_URL": "postgresql://db/notaponte",
    "REDIS_URL": "redis://cache",
    "SECRET_KEYS": "A" * 43 + "=",
    "INTERNAL_API_TOKEN": "a-token-of-a-test",
}


@pytest.fixture(params=overlays(), ids=lambda folder: folder.name)
def manifests(request: pytest.FixtureRequest) -> list[Manifest]:
    return render(request.param)


@pytest.fixture
def production() -> list[Manifest]:
    return render(K8S / "overlays" / "production")


def pods(manifests: list[Manifest]) -> Iterator[tuple[str, dict[str, Any]]]:
    for manifest in manifests:
        if manifest["kind"] in {"Deployment", "Job"}:
            yield manifest["metadata"]["name"], manifest["spec"]["template"]["spec"]


def find(manifests: list[Manifest], place: str) -> Any:
    return next(one for one in manifests if where(one) == place)


def test_three_versions_of_kubernetes_and_our_policies_find_nothing(
    manifests: list[Manifest],
) -> None:
    assert problems(manifests) == []


def test_what_an_operator_makes_alike_outside_of_the_overlays_is_accepted_too() -> None:
    assert [what for one in examples() for what in schema_problems(one)] == []


@pytest.mark.parametrize("component", components(), ids=lambda folder: folder.name)
@pytest.mark.parametrize("overlay", overlays(), ids=lambda folder: folder.name)
def test_nothing_is_found_in_an_overlay_that_takes_a_component(
    overlay: Path, component: Path
) -> None:
    assert problems(render(overlay, also=[component])) == []


@pytest.mark.parametrize("overlay", overlays(), ids=lambda folder: folder.name)
def test_with_tracing_every_service_is_traced_and_let_out_to_the_collector(overlay: Path) -> None:
    with Env(values=find(render(overlay), "ConfigMap/notaponte")["data"]) as var:
        assert not read_traces(var)

    traced = render(overlay, also=[K8S / "components" / "tracing"])

    config = find(traced, "ConfigMap/notaponte")["data"]
    with Env(values=config) as var:
        assert read_traces(var)
    collector = urlsplit(config["OTEL_EXPORTER_OTLP_ENDPOINT"])
    policy = find(traced, "NetworkPolicy/tracing")
    assert policy["metadata"]["namespace"] == traced[0]["metadata"]["name"]
    [out] = policy["spec"]["egress"]
    assert [one["port"] for one in out["ports"]] == [collector.port]
    [selected] = policy["spec"]["podSelector"]["matchExpressions"]
    told = {
        name
        for name, pod in pods(traced)
        if {"configMapRef": {"name": "notaponte"}} in pod["containers"][0].get("envFrom", [])
    }
    assert set(selected["values"]) == OURS
    assert told >= OURS


def taking(overlay: Path, component: Path, folder: Path) -> Path:
    """A copy of the manifests in which the overlay names the component."""
    shutil.copytree(K8S, folder, dirs_exist_ok=True)
    copied = folder / overlay.relative_to(K8S)
    kustomization = copied / "kustomization.yaml"
    named = f"\ncomponents:\n  - ../../{component.relative_to(K8S)}\n"
    kustomization.write_text(kustomization.read_text("utf-8") + named, "utf-8")
    return copied


@pytest.mark.parametrize("overlay", overlays(), ids=lambda folder: folder.name)
def test_a_component_that_is_named_is_as_one_that_is_added(overlay: Path, tmp_path: Path) -> None:
    for component in components():
        named = taking(overlay, component, tmp_path / component.name)
        assert render(named) == render(overlay, also=[component])


def test_a_component_is_no_resource_and_a_resource_no_component(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text(f"resources: [{K8S / 'components' / 'tracing'}]\n")
    with pytest.raises(RenderError, match="is no resource"):
        render(tmp_path)
    with pytest.raises(RenderError, match="a component has"):
        render(K8S / "overlays" / "production", also=[K8S / "base"])


@pytest.mark.skipif(not shutil.which("kubectl"), reason="there is no kubectl to compare with")
@pytest.mark.parametrize("overlay", overlays(), ids=lambda folder: folder.name)
def test_what_is_rendered_is_what_kustomize_renders(overlay: Path, tmp_path: Path) -> None:
    taken = [taking(overlay, one, tmp_path / one.name) for one in components()]
    for folder in (overlay, *taken):
        theirs = subprocess.run(
            ["kubectl", "kustomize", str(folder)], check=True, capture_output=True, text=True
        )
        expected = {where(one): one for one in yaml.safe_load_all(theirs.stdout)}

        assert {where(one): one for one in render(folder)} == expected


def test_a_rehearsal_finds_nothing_and_names_every_overlay(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main() == 0
    told = capsys.readouterr().out
    assert all(f"{overlay.name}: " in told for overlay in overlays())


def test_a_kind_that_nobody_describes_is_refused() -> None:
    strange = {"apiVersion": "example.com/v1", "kind": "Strange", "metadata": {"name": "x"}}
    assert "described neither" in next(schema_problems(strange))


def test_a_field_that_nobody_knows_is_refused(production: list[Manifest]) -> None:
    for place in ("Deployment/webhook", "ScaledObject/emitter", "ServiceMonitor/notaponte"):
        slip = deepcopy(find(production, place))
        slip["spec"]["replica"] = 2
        assert list(schema_problems(slip)), place


def _set(*path: str | int, value: Any) -> Callable[[Any], None]:
    def change(manifest: Any) -> None:
        for step in path[:-1]:
            manifest = manifest[step]
        manifest[path[-1]] = value

    return change


POD = ("spec", "template", "spec")
CONTAINER = (*POD, "containers", 0)
WRONG = [
    ("restricted", "Deployment/webhook", _set(*POD, "securityContext", value={})),
    ("restricted", "Deployment/panel", _set(*POD, "hostNetwork", value=True)),
    ("restricted", f"Job/migrate-{version()}", _set(*CONTAINER, "securityContext", value={})),
    ("read-only", "Deployment/panel", _set(*POD, "volumes", 0, "emptyDir", value={})),
    ("bounded", "Deployment/emitter", _set(*CONTAINER, "resources", value={})),
    ("pinned", "Deployment/emitter", _set(*CONTAINER, "image", value="notaponte:latest")),
    ("own-account", "Deployment/emitter", _set(*POD, "serviceAccountName", value="default")),
    ("own-account", "Deployment/emitter", _set(*POD, "serviceAccountName", value="webhook")),
    (
        "own-secrets",
        "Deployment/emitter",
        _set(*CONTAINER, "envFrom", 1, "secretRef", "name", value="reconciler"),
    ),
    ("probes", "Deployment/webhook", _set(*CONTAINER, "livenessProbe", value={})),
    (
        "probes",
        "Deployment/webhook",
        _set(*CONTAINER, "livenessProbe", "httpGet", "path", value="/readyz"),
    ),
    ("rollout", "Deployment/webhook", _set("spec", "strategy", value={"type": "Recreate"})),
    ("rollout", "Deployment/webhook", _set(*CONTAINER, "lifecycle", value={})),
    (
        "disruption",
        "Deployment/webhook",
        _set("spec", "template", "metadata", "labels", value={}),
    ),
    ("spread", "Deployment/panel", _set(*POD, "topologySpreadConstraints", value=[])),
    ("network", "NetworkPolicy/stores", _set("spec", "egress", 0, "to", value=[])),
    ("network", "NetworkPolicy/stores", _set("spec", "egress", 0, "ports", value=[])),
    ("doors", "Service/panel", _set("spec", "type", value="LoadBalancer")),
    ("doors", "Ingress/panel", _set("spec", "tls", value=[])),
    (
        "namespace",
        "Namespace/notaponte-production",
        _set("metadata", "labels", value={}),
    ),
]


@pytest.mark.parametrize(("policy", "place", "change"), WRONG)
def test_what_a_policy_forbids_is_found(
    production: list[Manifest], policy: str, place: str, change: Callable[[Any], None]
) -> None:
    change(find(production, place))

    assert (policy, place) in {(found.policy, found.where) for found in findings(production)}


def test_every_policy_was_seen_to_forbid_something() -> None:
    assert {policy for policy, _, _ in WRONG} == set(POLICIES)


def test_an_exception_that_nothing_needs_is_found() -> None:
    staging = render(K8S / "overlays" / "staging")
    for policy, place in EXCEPTIONS:
        assert policy in POLICIES
        find(staging, place)
    find(staging, "Deployment/sandbox")["spec"]["strategy"] = {
        "rollingUpdate": {"maxUnavailable": 0}
    }
    pod = find(staging, "Deployment/sandbox")["spec"]["template"]["spec"]
    pod["containers"][0]["lifecycle"] = {"preStop": {"sleep": {"seconds": 1}}}

    assert [found.what for found in findings(staging)] == ["an exception that nothing needs"]


def test_every_service_has_a_deployment_that_runs_it(manifests: list[Manifest]) -> None:
    commands = {
        name.partition("-")[0]: pod["containers"][0]["command"] for name, pod in pods(manifests)
    }

    assert set(commands) - {"sandbox"} == OURS | {"migrate"}
    for name in set(commands) - {"migrate"}:
        assert commands[name] == ["python", "-m", f"services.{name}"]


def test_the_job_that_migrates_is_named_for_the_version_it_belongs_to(
    production: list[Manifest],
) -> None:
    (job,) = [one for one in production if one["kind"] == "Job"]
    image = job["spec"]["template"]["spec"]["containers"][0]["image"]

    assert job["metadata"]["name"] == f"migrate-{version()}"
    assert image == f"notaponte:{version()}"
    assert {pod["containers"][0]["image"] for _name, pod in pods(production)} == {image}


def test_each_pod_gets_the_secrets_it_cannot_start_without_and_no_others(
    production: list[Manifest],
) -> None:
    config = find(production, "ConfigMap/notaponte")["data"]
    given = {
        one["metadata"]["name"]: [item["secretKey"] for item in one["spec"]["data"]]
        for one in examples()
        if one["kind"] == "ExternalSecret"
    }

    assert set(given) == OURS | {"migrate", "emitter-scaling"}
    assert given["migrate"] == ["DATABASE_URL", *LOGINS]
    for service in SERVICES:
        whole = config | {name: VALUES[name] for name in given[service.name]}
        service.load(whole)
        for name in given[service.name]:
            with pytest.raises(SettingsError, match=f"{name} is missing"):
                service.load({key: value for key, value in whole.items() if key != name})


def test_no_pod_but_the_one_that_migrates_logs_in_as_the_owner() -> None:
    addresses = {
        one["metadata"]["name"]: item["remoteRef"]["key"]
        for one in examples()
        if one["kind"] == "ExternalSecret"
        for item in one["spec"]["data"]
        if item["secretKey"] == "DATABASE_URL"
    }

    assert addresses == {
        **dict.fromkeys(OURS, "notaponte/database/services"),
        "panel": "notaponte/database/panel",
        "migrate": "notaponte/database/owner",
    }


def test_services_are_probed_where_they_listen(manifests: list[Manifest]) -> None:
    ports = {service.name: service.load(VALUES).process.port for service in SERVICES}
    containers = {name: pod["containers"][0] for name, pod in pods(manifests)}

    for name in OURS:
        container = containers[name]
        told = {port["name"]: port["containerPort"] for port in container["ports"]}
        assert told.pop("http") == ports[name]
        assert told == ({"metrics": METRICS_PORT} if name == "webhook" else {})
        assert container["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "http"}
        asked = container["readinessProbe"]["httpGet"]
        assert asked == {"path": "/readyz", "port": "metrics" if name == "webhook" else "http"}


def test_every_service_is_scraped_by_its_labels(production: list[Manifest]) -> None:
    monitor = find(production, "ServiceMonitor/notaponte")["spec"]
    (endpoint,) = monitor["endpoints"]
    scraped = {
        one["spec"]["selector"]["app.kubernetes.io/name"]
        for one in production
        if one["kind"] == "Service"
        and monitor["selector"]["matchLabels"].items() <= one["metadata"]["labels"].items()
        and endpoint["port"] in {port["name"] for port in one["spec"]["ports"]}
    }

    assert scraped == OURS


def test_staging_speaks_to_the_sandbox_and_to_nobody_real() -> None:
    staging = render(K8S / "overlays" / "staging")
    config = find(staging, "ConfigMap/notaponte")["data"]
    hosts = {
        rule["host"]
        for one in staging
        if one["kind"] == "Ingress" and one["metadata"]["name"].startswith("sandbox-")
        for rule in one["spec"]["rules"]
    }

    for name in ("VINDI_URL_PRODUCTION", "VINDI_URL_SANDBOX", "ENOTAS_URL"):
        assert config[name].removeprefix("https://").partition("/")[0] in hosts


def test_no_manifest_is_out_of_the_overlays_namespace(manifests: list[Manifest]) -> None:
    spaces = {manifest["metadata"].get("namespace") for manifest in manifests[1:]}
    assert spaces == {manifests[0]["metadata"]["name"]}


def test_a_kustomization_that_asks_for_more_is_refused(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("resources: []\nnamePrefix: x-\n")

    with pytest.raises(RenderError, match="namePrefix"):
        render(tmp_path)


def test_an_image_can_be_named_by_its_digest(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text(
        f"resources: [{K8S / 'migrate'}]\n"
        f"images: [{{name: notaponte, newName: r/n, digest: 'sha256:{'0' * 64}'}}]\n"
    )

    (job,) = render(tmp_path)
    image = job["spec"]["template"]["spec"]["containers"][0]["image"]
    assert image == f"r/n@sha256:{'0' * 64}"


def test_patches_merge_named_lists_by_name() -> None:
    base = {"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}], "args": [1, 2]}

    merged = merge(base, {"env": [{"name": "B", "value": "3"}], "args": [3], "new": None})

    assert merged == {
        "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "3"}],
        "args": [3],
        "new": None,
    }


def test_who_scales_the_emitters_has_an_address_of_its_own(production: list[Manifest]) -> None:
    [trigger] = find(production, "ScaledObject/emitter")["spec"]["triggers"]
    named = find(production, f"TriggerAuthentication/{trigger['authenticationRef']['name']}")
    [taken] = named["spec"]["secretTargetRef"]
    made = find(examples(), f"ExternalSecret/{taken['name']}")["spec"]

    assert made["target"]["name"] == taken["name"]
    assert [one["secretKey"] for one in made["data"]] == [taken["key"]]
    assert taken["name"] not in OURS, "no pod of ours is to have it, nor KEDA what a pod has"


async def pods_wanted(pool: Pool) -> int:
    scaling = find(render(K8S / "overlays" / "production"), "ScaledObject/emitter")
    return int(await pool.fetchval(scaling["spec"]["triggers"][0]["metadata"]["query"]))


async def due(
    pool: Pool, tenant: str, sales: int, *, minutes: float, key: str = "k", status: str = "active"
) -> None:
    await pool.execute(
        "INSERT INTO tenants (tenant_id, name, plan, timezone, status, active_from)"
        " VALUES ($1, 'x', 'pro', 'America/Sao_Paulo', $2, now())",
        tenant,
        status,
    )
    await pool.execute(
        "INSERT INTO issuer_connections (tenant_id, kind, environment, api_key, key_hint, key_word,"
        " company_id, company_name)"
        " VALUES ($1, 'enotas', 'Producao', ''::bytea, 'abcd', $2, 'c', 'n')",
        tenant,
        key,
    )
    await pool.execute(
        "INSERT INTO outbox (tenant_id, bill_id, due_at, origin)"
        " SELECT $1, n, now() - $3::float * interval '1 minute', 'webhook'"
        " FROM generate_series(1, $2::int) AS n",
        tenant,
        sales,
        minutes,
    )


async def test_emitters_follow_the_age_and_the_number_of_what_is_due(pool: Pool) -> None:
    assert await pods_wanted(pool) == 0
    for number in range(200):  # as many keys take 1,000 requests a second: five pods
        await due(pool, f"t{number:010}", 1, minutes=2.5, key=f"k{number}")
    assert await pods_wanted(pool) == 3  # two and a half minutes old

    await pool.execute(
        "INSERT INTO outbox (tenant_id, bill_id, due_at, origin)"
        " SELECT 't0000000000', n, now(), 'webhook' FROM generate_series(2, 7000) AS n"
    )
    assert await pods_wanted(pool) == 4  # 7,199 of them


async def test_no_more_emitters_start_than_the_issuers_keys_have_work_for(pool: Pool) -> None:
    await due(pool, "taaaaaaaaaa", 9_000, minutes=600, key="one")
    await due(pool, "tbbbbbbbbbb", 1, minutes=600, key="one")
    assert await pods_wanted(pool) == 1


async def test_what_waits_for_a_person_starts_no_emitter(pool: Pool) -> None:
    await due(pool, "taaaaaaaaaa", 10, minutes=600, status="paused")
    await due(pool, "tbbbbbbbbbb", 10, minutes=600)
    await pool.execute(
        "UPDATE issuer_connections SET state = 'refused' WHERE tenant_id = 'tbbbbbbbbbb'"
    )
    assert await pods_wanted(pool) == 0
