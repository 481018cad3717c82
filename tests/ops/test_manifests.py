from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest

from deploy.render import K8S, Manifest, RenderError, merge, overlays, render
from shared.db.connection import Pool
from shared.ops.up.programs import SERVICES

KUBERNETES = "1.32"
OURS = {service.name for service in SERVICES}


@pytest.fixture(params=overlays(), ids=lambda folder: folder.name)
def manifests(request: pytest.FixtureRequest) -> list[Manifest]:
    return render(request.param)


def pods(manifests: list[Manifest]) -> Iterator[tuple[str, dict[str, Any]]]:
    for manifest in manifests:
        if manifest["kind"] in {"Deployment", "Job"}:
            yield manifest["metadata"]["name"], manifest["spec"]["template"]["spec"]


def test_kubernetes_accepts_every_manifest_strictly(manifests: list[Manifest]) -> None:
    for manifest in manifests:
        if manifest["apiVersion"].startswith("keda.sh/"):
            continue  # KEDA's own kinds are not in Kubernetes' description
        kubernetes_validate.validate(manifest, KUBERNETES, strict=True)


def test_every_service_has_a_deployment_that_runs_it(manifests: list[Manifest]) -> None:
    commands = {name: pod["containers"][0]["command"] for name, pod in pods(manifests)}

    assert set(commands) == OURS | {"migrate"}
    for name in OURS:
        assert commands[name] == ["python", "-m", f"services.{name}"]


def test_pods_satisfy_the_restricted_standard(manifests: list[Manifest]) -> None:
    for _name, pod in pods(manifests):
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not pod["automountServiceAccountToken"]
        for container in pod["containers"]:
            allowed = container["securityContext"]
            assert not allowed["allowPrivilegeEscalation"]
            assert allowed["readOnlyRootFilesystem"]
            assert allowed["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["limits"]["memory"]


def test_services_are_probed_where_they_listen_and_drain_before_they_end(
    manifests: list[Manifest],
) -> None:
    ports = {service.name: service.load(_settings()).process.port for service in SERVICES}

    for name, pod in pods(manifests):
        if name == "migrate":
            continue
        container = pod["containers"][0]
        assert container["ports"] == [{"name": "http", "containerPort": ports[name]}]
        assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
        assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
        assert container["lifecycle"]["preStop"]["sleep"]["seconds"] == 5
        assert pod["terminationGracePeriodSeconds"] >= 15


def test_no_manifest_holds_a_secret_and_all_lie_in_the_overlays_namespace(
    manifests: list[Manifest],
) -> None:
    assert not [manifest for manifest in manifests if manifest["kind"] == "Secret"]
    spaces = {manifest["metadata"].get("namespace") for manifest in manifests[1:]}
    assert len(spaces) == 1
    assert spaces == {manifests[0]["metadata"]["name"]}


def test_images_are_pinned_by_the_overlay(manifests: list[Manifest]) -> None:
    images = {pod["containers"][0]["image"] for _name, pod in pods(manifests)}

    assert len(images) == 1
    assert ":" in images.pop()


def test_a_kustomization_that_asks_for_more_is_refused(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("resources: []\nnamePrefix: x-\n")

    with pytest.raises(RenderError, match="namePrefix"):
        render(tmp_path)


def test_patches_merge_named_lists_by_name() -> None:
    base = {"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}], "args": [1, 2]}

    merged = merge(base, {"env": [{"name": "B", "value": "3"}], "args": [3], "new": None})

    assert merged == {
        "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "3"}],
        "args": [3],
        "new": None,
    }


async def test_the_query_that_scales_emitters_runs_on_our_schema(pool: Pool) -> None:
    scaling = [m for m in render(K8S / "overlays" / "production") if m["kind"] == "ScaledObject"]

    assert await pool.fetchval(scaling[0]["spec"]["triggers"][0]["metadata"]["query"]) == 0


def _settings() -> dict[str, str]:
    return {
        "DATABASE_URL": "postgresql://db/notaponte",
        "REDIS_URL": "redis://cache",
        "SECRET_KEYS": "A" * 43 + "=",
        "INTERNAL_API_TOKEN": "token",
    }
