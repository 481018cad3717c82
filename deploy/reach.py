"""Whether every setting can be given to the services that read it, however they are run.

Three ways to run them: deploy/compose.yaml, the overlays of deploy/k8s, the units of
deploy/systemd. A setting that a document tells, and that one of these keeps from a service, is told
to an operator in vain; a secret that it gives to one which does not read it is given away.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from deploy.compose_check import demanded, read_compose
from shared.config.spelling import SECRET_NAMES, known_names, names_read_by
from shared.db.logins import LOGINS
from shared.ops.up.programs import SERVICES

Manifest = Mapping[str, Any]

SYSTEMD: Final = Path(__file__).parent / "systemd"
MIGRATE: Final = "migrate"
# What each reads; what migrates has no loader of its own (`shared.ops.commands`).
READ: Final[Mapping[str, frozenset[str]]] = {
    **{service.name: names_read_by(service.load) for service in SERVICES},
    MIGRATE: frozenset({"DATABASE_URL", *LOGINS}),
}
# Compose brings its own stores, and the image listens wherever its container is reached.
COMPOSES_OWN: Final = frozenset({"DATABASE_URL", "REDIS_URL", "BIND_HOST"})
# Where `make up` may write below systemd, beside its home.
BACKUPS: Final = "NOTAPONTE_BACKUPS"
CONFIG: Final = "notaponte"  # the ConfigMap that every pod but the one that migrates reads


def reach_problems(overlays: Mapping[str, Sequence[Manifest]]) -> list[str]:
    """What no operator can set, and what some service knows in vain; `overlays` by their names."""
    told = [f"compose: {what}" for what in _in_compose()]
    for name, manifests in overlays.items():
        told += [f"{name}: {what}" for what in in_pods(manifests)]
    return told + [f"systemd: {what}" for what in in_units(read_units())]


def _in_compose() -> Iterator[str]:
    given = {name: f"as given: {name}" for name in (*known_names(), *demanded())}
    return in_containers(read_compose(given)["services"], given)


def in_containers(
    services: Mapping[str, Mapping[str, Any]], given: Mapping[str, str]
) -> Iterator[str]:
    """What containers are not given of what was `given` to compose, and what they are in vain."""
    for service, names in READ.items():
        has: Mapping[str, str] = services[service]["environment"]
        for name in sorted(names - COMPOSES_OWN):
            if given[name] not in has.get(name, ""):
                yield f"{service} cannot be given {name}"
        for name in sorted(set(has) & SECRET_NAMES - names):
            yield f"{service} is given {name}, a secret that it does not read"


def in_pods(manifests: Sequence[Manifest]) -> Iterator[str]:
    """What pods of an overlay cannot be given: secrets by theirs, all else by the ConfigMap too."""
    for manifest in manifests:
        if manifest["kind"] == "ConfigMap":
            for name in sorted(set(manifest["data"]) & SECRET_NAMES):
                yield f"{name} stands in a ConfigMap, and is a secret"
            for name in sorted(set(manifest["data"]) - known_names()):
                yield f"{name} stands in a ConfigMap, and nobody reads it"
    pods = {
        manifest["spec"]["template"]["spec"]["serviceAccountName"]: manifest["spec"]["template"]
        for manifest in manifests
        if manifest["kind"] in {"Deployment", "Job"}
    }
    for service, names in READ.items():
        (container,) = pods[service]["spec"]["containers"]
        sources = [one for source in container.get("envFrom", []) for one in _named(source)]
        for name in sorted(names):
            wanted = ("secretRef", service)
            if wanted not in sources and (
                name in SECRET_NAMES or ("configMapRef", CONFIG) not in sources
            ):
                yield f"{service} cannot be given {name}"
        for name in sorted({one["name"] for one in container.get("env", [])} & names):
            yield f"{service} has {name} fixed, past its ConfigMap and its Secret"


def _named(source: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for kind, reference in source.items():
        if kind in {"configMapRef", "secretRef"}:
            yield kind, reference["name"]


Unit = Mapping[str, Sequence[str]]


def read_units() -> dict[str, Unit]:
    """The services of deploy/systemd, each with the values of its settings."""
    return {path.name: _read_unit(path) for path in sorted(SYSTEMD.glob("*.service"))}


def _read_unit(path: Path) -> Unit:
    found: dict[str, list[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if pair := re.fullmatch(r"(\w+)=(.*)", line):
            found.setdefault(pair[1], []).append(pair[2])
    return found


def in_units(units: Mapping[str, Unit]) -> Iterator[str]:
    """What a unit cannot be given, or could not use: a file of settings wins over `Environment`."""
    files = {
        "notaponte.service": ["-/etc/notaponte/notaponte.env"],
        "notaponte@.service": ["/etc/notaponte/common.env", "/etc/notaponte/%i.env"],
        "notaponte-migrate.service": ["/etc/notaponte/migrate.env"],
    }
    for name, wanted in files.items():
        if list(units[name].get("EnvironmentFile", [])) != wanted:
            yield f"{name} does not read {' and '.join(wanted)}"
    if not units["notaponte.service"].get("ReadWritePaths"):
        yield f"notaponte.service can be given {BACKUPS}, and may not write there"
