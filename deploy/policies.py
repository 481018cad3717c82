"""What every manifest has to hold to, whatever Kubernetes itself would let through.

Each policy is a function that yields what is wrong with one object among its neighbours. What is
wrong on purpose stands in EXCEPTIONS with its reason; an exception that nothing needs is wrong too.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

Manifest = Mapping[str, Any]
Policy = Callable[[Manifest, Sequence[Manifest]], Iterator[str]]

WORKLOADS: Final = frozenset({"Deployment", "Job", "StatefulSet", "DaemonSet", "CronJob"})


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Breach:
    """Something that a policy does not allow, and in which object."""

    policy: str
    where: str
    what: str


# By policy and object: why it may be so.
EXCEPTIONS: Final[Mapping[tuple[str, str], str]] = {
    ("disruption", "Deployment/sandbox"): (
        "it keeps all it knows in memory, so there is one; whoever drains its node starts it anew"
    ),
    ("spread", "Deployment/sandbox"): "there is one",
    ("rollout", "Deployment/sandbox"): (
        "two would be two worlds: the old one ends before the new one begins"
    ),
    ("probes", "Deployment/sandbox"): (
        "it imitates Vindi and eNotas, which have no address that says how they are: ports will do"
    ),
}


def findings(manifests: Sequence[Manifest]) -> list[Breach]:
    """All that is wrong and not excepted, and exceptions that an object here does not need."""
    found = {
        (policy, where(one)): Breach(policy=policy, where=where(one), what=what)
        for one in manifests
        for policy, check in POLICIES.items()
        for what in check(one, manifests)
    }
    here = {where(one) for one in manifests}
    unneeded = [
        Breach(policy=policy, where=place, what="an exception that nothing needs")
        for policy, place in EXCEPTIONS
        if place in here and (policy, place) not in found
    ]
    wrong = [finding for key, finding in found.items() if key not in EXCEPTIONS]
    return sorted([*wrong, *unneeded])


def where(manifest: Manifest) -> str:
    """How an object is called in what is told of it."""
    return f"{manifest['kind']}/{manifest['metadata']['name']}"


def _restricted(one: Manifest, _all: Sequence[Manifest]) -> Iterator[str]:
    """Kubernetes' "restricted" standard for pods, as its documentation lists it."""
    pod = _pod(one)
    if pod is None:
        return
    own = pod.get("securityContext", {})
    if not own.get("runAsNonRoot") or not own.get("runAsUser"):
        yield "may run as root"
    if own.get("seccompProfile") != {"type": "RuntimeDefault"}:
        yield "may use every system call"
    if any(pod.get(name) for name in ("hostNetwork", "hostPID", "hostIPC")):
        yield "shares something with its node"
    if [v for v in pod.get("volumes", []) if not {"emptyDir", "configMap", "secret"} & set(v)]:
        yield "mounts what is not its own"
    for container in _containers(pod):
        allowed = container.get("securityContext", {})
        if allowed.get("allowPrivilegeEscalation") is not False or allowed.get("privileged"):
            yield f"{container['name']} may gain rights"
        if allowed.get("capabilities") != {"drop": ["ALL"]}:
            yield f"{container['name']} keeps capabilities"


def _read_only(one: Manifest, _all: Sequence[Manifest]) -> Iterator[str]:
    for container in _containers(_pod(one)):
        if not container.get("securityContext", {}).get("readOnlyRootFilesystem"):
            yield f"{container['name']} may write into its image"
    for volume in (_pod(one) or {}).get("volumes", []):
        if "emptyDir" in volume and "sizeLimit" not in volume["emptyDir"]:
            yield f"{volume['name']} may fill the node's disk"


def _bounded(one: Manifest, _all: Sequence[Manifest]) -> Iterator[str]:
    """Memory is bounded and asked for; no limit on CPU, which would only make things wait."""
    for container in _containers(_pod(one)):
        resources = container.get("resources", {})
        if not resources.get("limits", {}).get("memory"):
            yield f"{container['name']} may take all memory of its node"
        if not {"cpu", "memory"} <= set(resources.get("requests", {})):
            yield f"{container['name']} asks for nothing"


def _pinned(one: Manifest, _all: Sequence[Manifest]) -> Iterator[str]:
    for container in _containers(_pod(one)):
        image = container["image"]
        if "@sha256:" not in image and (":" not in image or image.endswith(":latest")):
            yield f"{image} is whatever it is today"


def _own_account(one: Manifest, everything: Sequence[Manifest]) -> Iterator[str]:
    pod = _pod(one)
    if pod is None:
        return
    if pod.get("automountServiceAccountToken") is not False:
        yield "is given a token of Kubernetes"
    accounts = {a["metadata"]["name"] for a in _of_kind(everything, "ServiceAccount")}
    if pod.get("serviceAccountName") not in accounts:
        yield "has no account that is made here"
    others = [w for w in everything if w is not one and _pod(w)]
    if pod.get("serviceAccountName") in {(_pod(w) or {})["serviceAccountName"] for w in others}:
        yield "shares its account"


def _own_secrets(one: Manifest, _all: Sequence[Manifest]) -> Iterator[str]:
    """A pod reads the Secret that bears its account's name, and no other."""
    if one["kind"] == "Secret":
        yield "lies in the repository"
    pod = _pod(one) or {}
    for name in _secrets(pod):
        if name != pod["serviceAccountName"]:
            yield f"reads {name}"


def _probes(one: Manifest, _all: Sequence[Manifest]) -> Iterator[str]:
    if one["kind"] != "Deployment":
        return
    for container in _containers(_pod(one)):
        ports = {port["name"] for port in container.get("ports", [])}
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            asked = container.get(probe, {}).get("httpGet", {})
            if asked.get("port") not in ports:
                yield f"{container['name']} has no {probe} at a port of its own"
        if container.get("livenessProbe", {}).get("httpGet", {}).get("path") == "/readyz":
            yield f"{container['name']} is killed when a store is away"


def _rollout(one: Manifest, _all: Sequence[Manifest]) -> Iterator[str]:
    """The old version stays until the new one is ready, and drains before it ends."""
    if one["kind"] != "Deployment":
        return
    if one["spec"].get("strategy", {}).get("rollingUpdate", {}).get("maxUnavailable") != 0:
        yield "is replaced before the new one is ready"
    pod = one["spec"]["template"]["spec"]
    if pod.get("terminationGracePeriodSeconds", 30) < 20:
        yield "is killed while it drains"
    for container in pod["containers"]:
        if "preStop" not in container.get("lifecycle", {}):
            yield f"{container['name']} ends while it is still asked"


def _disruption(one: Manifest, everything: Sequence[Manifest]) -> Iterator[str]:
    if one["kind"] != "Deployment":
        return
    labels = one["spec"]["template"]["metadata"]["labels"]
    budgets = _of_kind(everything, "PodDisruptionBudget")
    if not [b for b in budgets if _selects(b["spec"]["selector"], labels)]:
        yield "may vanish whole when nodes are drained"


def _spread(one: Manifest, _all: Sequence[Manifest]) -> Iterator[str]:
    if one["kind"] != "Deployment":
        return
    spread = one["spec"]["template"]["spec"].get("topologySpreadConstraints", [])
    if {s["topologyKey"] for s in spread} != {
        "topology.kubernetes.io/zone",
        "kubernetes.io/hostname",
    }:
        yield "may lie on one node, or in one zone"


def _network(one: Manifest, everything: Sequence[Manifest]) -> Iterator[str]:
    """Every rule says who, and by which ports; every pod is under one that denies the rest."""
    if one["kind"] == "NetworkPolicy":
        spec = one["spec"]
        for rule in (*spec.get("ingress", []), *spec.get("egress", [])):
            if not rule.get("from") and not rule.get("to"):
                yield "a rule is for everybody"
            if not rule.get("ports"):
                yield "a rule is for every port"
    elif _pod(one) is not None:
        nothing = [
            policy
            for policy in _of_kind(everything, "NetworkPolicy")
            if policy["spec"]["podSelector"] == {}
            and set(policy["spec"]["policyTypes"]) == {"Ingress", "Egress"}
            and not policy["spec"].get("ingress")
            and not policy["spec"].get("egress")
        ]
        if not nothing:
            yield "speaks with everybody"


def _doors(one: Manifest, everything: Sequence[Manifest]) -> Iterator[str]:
    """Whoever comes from outside comes by TLS, to a Service that is there, never to metrics."""
    if one["kind"] == "Service" and one["spec"].get("type", "ClusterIP") != "ClusterIP":
        yield "is a door beside the Ingress"
    if one["kind"] != "Ingress":
        return
    covered = {host for tls in one["spec"].get("tls", []) for host in tls["hosts"]}
    services = {s["metadata"]["name"]: s for s in _of_kind(everything, "Service")}
    for rule in one["spec"]["rules"]:
        if rule["host"] not in covered:
            yield f"{rule['host']} has no TLS"
        for path in rule["http"]["paths"]:
            service = path["backend"]["service"]
            ports = services.get(service["name"], {}).get("spec", {}).get("ports", [])
            if service["port"]["name"] not in {port["name"] for port in ports}:
                yield f"leads to {service['name']}, which is not there"
            if service["port"]["name"] == "metrics" or service["name"] == "reconciler":
                yield f"leads to {service['name']}'s {service['port']['name']}, which is not public"


def _namespace(one: Manifest, _all: Sequence[Manifest]) -> Iterator[str]:
    if one["kind"] == "Namespace":
        if one["metadata"]["labels"].get("pod-security.kubernetes.io/enforce") != "restricted":
            yield "takes any pod"
    elif "namespace" not in one["metadata"]:
        yield "lies wherever whoever applies it is"


POLICIES: Final[Mapping[str, Policy]] = {
    "restricted": _restricted,
    "read-only": _read_only,
    "bounded": _bounded,
    "pinned": _pinned,
    "own-account": _own_account,
    "own-secrets": _own_secrets,
    "probes": _probes,
    "rollout": _rollout,
    "disruption": _disruption,
    "spread": _spread,
    "network": _network,
    "doors": _doors,
    "namespace": _namespace,
}


def _pod(one: Manifest) -> Mapping[str, Any] | None:
    if one["kind"] not in WORKLOADS:
        return None
    template = one["spec"].get("jobTemplate", {}).get("spec", one["spec"])["template"]
    spec: Mapping[str, Any] = template["spec"]
    return spec


def _containers(pod: Mapping[str, Any] | None) -> Sequence[Mapping[str, Any]]:
    return [*(pod or {}).get("initContainers", []), *(pod or {}).get("containers", [])]


def _secrets(pod: Mapping[str, Any]) -> Iterator[str]:
    for container in _containers(pod):
        for source in container.get("envFrom", []):
            if "secretRef" in source:
                yield source["secretRef"]["name"]
        for variable in container.get("env", []):
            if reference := variable.get("valueFrom", {}).get("secretKeyRef"):
                yield reference["name"]
    for volume in pod.get("volumes", []):
        if "secret" in volume:
            yield volume["secret"]["secretName"]


def _of_kind(manifests: Iterable[Manifest], kind: str) -> list[Manifest]:
    return [one for one in manifests if one["kind"] == kind]


def _selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    wanted: Mapping[str, str] = selector.get("matchLabels", {})
    return all(labels.get(key) == value for key, value in wanted.items())
