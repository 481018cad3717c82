"""Every documented setting reaches who reads it, however the services are run; no secret others."""

from copy import deepcopy
from typing import Any

import pytest

from deploy.compose_check import demanded, read_compose
from deploy.reach import in_containers, in_pods, in_units, reach_problems, read_units
from deploy.render import K8S, overlays, render
from shared.config.settings import load_panel
from shared.config.spelling import SECRET_NAMES, known_names
from tests.ops.containers import GIVEN
from tests.ops.image import image_environment

ALL = {name: f"as given: {name}" for name in (*known_names(), *demanded())}


def test_every_setting_can_be_given_to_who_reads_it_in_each_of_three_ways() -> None:
    assert reach_problems({folder.name: render(folder) for folder in overlays()}) == []


@pytest.mark.parametrize(
    ("service", "name"),
    [("panel", "SMTP_URL"), ("panel", "OIDC_NAME"), ("emitter", "ENOTAS_URL")],
)
def test_a_setting_that_compose_does_not_name_or_fixes_is_told(service: str, name: str) -> None:
    services = read_compose(ALL)["services"]
    assert list(in_containers(services, ALL)) == []

    fixed, left_out = deepcopy(services), deepcopy(services)
    fixed[service]["environment"][name] = "as we like it"
    del left_out[service]["environment"][name]

    for wrong in (fixed, left_out):
        assert list(in_containers(wrong, ALL)) == [f"{service} cannot be given {name}"]


@pytest.mark.parametrize("service", ["webhook", "emitter", "migrate"])
def test_a_secret_that_a_container_does_not_read_is_not_given_to_it(service: str) -> None:
    services = read_compose(ALL)["services"]
    services[service]["environment"]["SMTP_URL"] = "smtp://user:password@mail"

    assert list(in_containers(services, ALL)) == [
        f"{service} is given SMTP_URL, a secret that it does not read"
    ]


def test_what_nobody_gives_is_not_there_and_what_is_given_arrives() -> None:
    bare = read_compose(GIVEN)["services"]["panel"]["environment"]
    assert "SMTP_URL" not in bare

    more = {"SMTP_URL": "smtp://u:p@mail:587", "SMTP_FROM": "notas@example.com"}
    panel = read_compose({**GIVEN, **more, "PANEL_PORT": "9001"})["services"]["panel"]
    settings = load_panel(image_environment() | panel["environment"])
    assert settings.mail is not None
    assert settings.mail.host == "mail"
    assert settings.process.port == 9001
    assert panel["ports"] == ["127.0.0.1:9001:9001"]
    assert ":9001/" in panel["healthcheck"]["test"][-1]


def _pod(manifests: list[dict[str, Any]], name: str) -> Any:
    found = next(
        one for one in manifests if one["kind"] == "Deployment" and one["metadata"]["name"] == name
    )
    return found["spec"]["template"]["spec"]["containers"][0]


def test_a_pod_that_reads_no_config_or_fixes_a_setting_is_told() -> None:
    manifests = render(K8S / "overlays" / "production")
    assert list(in_pods(manifests)) == []

    _pod(manifests, "panel")["env"] = [{"name": "LOG_LEVEL", "value": "debug"}]
    emitter = _pod(manifests, "emitter")
    emitter["envFrom"] = [one for one in emitter["envFrom"] if "secretRef" in one]

    told = list(in_pods(manifests))
    assert "panel has LOG_LEVEL fixed, past its ConfigMap and its Secret" in told
    # The Secret is the operator's, who may put anything into it: what is left is no dead end.
    assert not any(one.startswith("emitter") for one in told)

    emitter["envFrom"] = []
    assert "emitter cannot be given ISSUER_PARALLEL" in list(in_pods(manifests))


@pytest.mark.parametrize("name", sorted(SECRET_NAMES))
def test_a_secret_in_a_config_map_is_told(name: str) -> None:
    manifests = render(K8S / "overlays" / "production")
    config = next(one for one in manifests if one["kind"] == "ConfigMap")
    config["data"][name] = "for everybody to read"

    assert list(in_pods(manifests)) == [f"{name} stands in a ConfigMap, and is a secret"]


def test_a_misspelt_name_in_a_config_map_is_told() -> None:
    manifests = render(K8S / "overlays" / "production")
    config = next(one for one in manifests if one["kind"] == "ConfigMap")
    config["data"]["ISSUER_PARALEL"] = "8"

    assert list(in_pods(manifests)) == ["ISSUER_PARALEL stands in a ConfigMap, and nobody reads it"]


def test_a_unit_without_its_file_or_without_a_place_for_copies_is_told() -> None:
    units = {name: dict(unit) for name, unit in read_units().items()}
    assert list(in_units(units)) == []

    del units["notaponte.service"]["ReadWritePaths"]
    units["notaponte@.service"]["EnvironmentFile"] = ["/etc/notaponte/common.env"]

    assert len(list(in_units(units))) == 2
