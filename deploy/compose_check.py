"""Whether deploy/compose.yaml is one that compose takes and can start, said without compose.

What the compose specification allows is told for the part of it that the file uses; anything else
is refused, as compose refuses a word that it does not know.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import jsonschema_rs
import yaml

COMPOSE: Final = Path(__file__).parent / "compose.yaml"
STARTED: Final = "service_started"
HEALTHY: Final = "service_healthy"
COMPLETED: Final = "service_completed_successfully"
CONDITIONS: Final = (STARTED, HEALTHY, COMPLETED)

_VARIABLE: Final = re.compile(r"\$\{(\w+)(?::([?-])([^}]*))?\}")
_DURATION: Final = {"type": "string", "pattern": "^([0-9]+(ms|s|m|h))+$"}
_TEXTS: Final = {"type": "array", "items": {"type": "string"}}
_SIZE: Final = {"type": "string", "pattern": "^[0-9]+[bkmg]$"}


def _only(properties: Mapping[str, Any], *required: str) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(required),
        "properties": dict(properties),
    }


_SERVICE: Final = _only(
    {
        "build": _only(
            {
                "context": {"type": "string"},
                "dockerfile": {"type": "string"},
                "args": {"type": "object", "additionalProperties": {"type": "string"}},
            },
            "context",
        ),
        "image": {"type": "string"},
        "restart": {"enum": ["no", "always", "on-failure", "unless-stopped"]},
        "read_only": {"type": "boolean"},
        "tmpfs": _TEXTS,
        "cap_drop": _TEXTS,
        "security_opt": _TEXTS,
        "pids_limit": {"type": "integer"},
        "mem_limit": _SIZE,
        "stop_grace_period": _DURATION,
        "networks": _TEXTS,
        "command": _TEXTS,
        "environment": {"type": "object", "additionalProperties": {"type": "string"}},
        "ports": {"type": "array", "items": {"pattern": r"^127\.0\.0\.1:[0-9]+:[0-9]+$"}},
        "volumes": {"type": "array", "items": {"pattern": "^[a-z]+:/[a-z/]+$"}},
        "depends_on": {
            "type": "object",
            "additionalProperties": _only({"condition": {"enum": list(CONDITIONS)}}, "condition"),
        },
        "healthcheck": _only(
            {
                "test": {**_TEXTS, "minItems": 2, "prefixItems": [{"enum": ["CMD", "CMD-SHELL"]}]},
                "interval": _DURATION,
                "timeout": _DURATION,
                "start_period": _DURATION,
                "retries": {"type": "integer", "minimum": 1},
            },
            "test",
        ),
    },
    "image",
)
_FILE: Final = {
    **_only(
        {
            "name": {"type": "string"},
            "services": {"type": "object", "additionalProperties": _SERVICE},
            "networks": {
                "type": "object",
                "additionalProperties": {
                    "anyOf": [{"type": "null"}, _only({"internal": {"type": "boolean"}})]
                },
            },
            "volumes": {"type": "object", "additionalProperties": {"type": "null"}},
        },
        "services",
    ),
    "patternProperties": {"^x-": True},
}


def read_compose(given: Mapping[str, str]) -> dict[str, Any]:
    """The file with every variable filled in; KeyError names one that has to be given.

    YAML comes first, as it does for compose, so no value of a variable can break it. A setting of
    a service without a value is the one that is given, and is not there where none is.
    """
    loaded: dict[str, Any] = _filled(yaml.safe_load(COMPOSE.read_text(encoding="utf-8")), given)
    for service in loaded["services"].values():
        if "environment" in service:
            service["environment"] = _passed_on(service["environment"], given)
    return loaded


def _passed_on(settings: Mapping[str, str | None], given: Mapping[str, str]) -> dict[str, str]:
    told = {name: given.get(name) if value is None else value for name, value in settings.items()}
    return {name: value for name, value in told.items() if value is not None}


def demanded() -> frozenset[str]:
    """The variables that have to be given: those without a value of their own."""
    found = _VARIABLE.findall(COMPOSE.read_text(encoding="utf-8"))
    return frozenset(name for name, how, _text in found if how != "-")


def compose_problems(loaded: Mapping[str, Any]) -> list[str]:
    """All that would keep compose from taking the file, or from ever starting a service of it."""
    shape = [
        f"{'.'.join(map(str, error.instance_path))}: {error.message}"
        for error in _validator().iter_errors(loaded)
    ]
    return shape or list(_untrue(loaded))


def _untrue(loaded: Mapping[str, Any]) -> Iterator[str]:
    services = loaded["services"]
    ports = [port for service in services.values() for port in service.get("ports", [])]
    if len({port.split(":")[1] for port in ports}) < len(ports):
        yield "two services publish one port"
    for name, service in services.items():
        for network in service.get("networks", []):
            if network not in loaded.get("networks", {}):
                yield f"{name}: there is no network {network}"
        for volume in service.get("volumes", []):
            if volume.partition(":")[0] not in loaded.get("volumes", {}):
                yield f"{name}: there is no volume {volume}"
        for other, wanted in service.get("depends_on", {}).items():
            if other not in services:
                yield f"{name}: waits for {other}, which is not there"
            elif wanted["condition"] == HEALTHY and "healthcheck" not in services[other]:
                yield f"{name}: waits for {other}, which is never healthy"
            elif wanted["condition"] == COMPLETED and services[other].get("restart") != "no":
                yield f"{name}: waits for the end of {other}, which is started again"
        if not _can_start(services, name):
            yield f"{name}: waits for itself"


def _can_start(services: Mapping[str, Any], name: str) -> bool:
    """Say whether nothing it waits for waits for it."""
    seen: set[str] = set()
    waiting = list(services[name].get("depends_on", {}))
    while waiting:
        other = waiting.pop()
        if other == name:
            return False
        if other not in seen:
            seen.add(other)
            waiting.extend(services.get(other, {}).get("depends_on", {}))
    return True


def _filled(value: Any, given: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(inner, given) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, given) for inner in value]
    if not isinstance(value, str):
        return value
    return _VARIABLE.sub(lambda found: _value(found, given), value)


def _value(found: re.Match[str], given: Mapping[str, str]) -> str:
    name, how, text = found.groups()
    return given.get(name) or text if how == "-" else given[name]


@cache
def _validator() -> Any:
    return jsonschema_rs.validator_for(_FILE)
