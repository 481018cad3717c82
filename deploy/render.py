"""Kubernetes manifests as plain YAML, without kubectl: `make render`.

It understands the part of kustomize that deploy/k8s uses and refuses the rest, so that what it
writes is what `kubectl kustomize` would write, field for field.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

import yaml

K8S: Final = Path(__file__).parent / "k8s"
BUILD: Final = Path(__file__).parent.parent / "build" / "k8s"
UNDERSTOOD: Final = frozenset(
    {
        *("apiVersion", "kind", "resources", "namespace", "nameSuffix"),
        *("labels", "images", "replicas", "patches", "components"),
    }
)
OF_A_COMPONENT: Final = frozenset({"apiVersion", "kind", "resources", "patches"})
CLUSTER_WIDE: Final = frozenset({"Namespace"})

Manifest = dict[str, Any]


class RenderError(Exception):
    """A kustomization asks for something that is not understood or not there."""


def render(folder: Path, *, also: Sequence[Path] = ()) -> list[Manifest]:
    """All manifests of a kustomization, in the order of its resources.

    `also` are components that it takes beside those it names, as if it named them.
    """
    wanted = _wanted(folder)
    if wanted["kind"] != "Kustomization":
        raise RenderError(f"{folder}: a {wanted['kind']} is no resource")
    manifests = [found for name in wanted["resources"] for found in _read(folder / name)]
    for component in [*(folder / name for name in wanted.get("components", [])), *also]:
        parts = _wanted(component)
        if parts["kind"] != "Component" or set(parts) - OF_A_COMPONENT:
            raise RenderError(f"{component}: a component has resources and patches")
        manifests += [found for name in parts["resources"] for found in _read(component / name)]
        _patches(manifests, component, parts)
    _patches(manifests, folder, wanted)
    return _changed(manifests, wanted)


def _wanted(folder: Path) -> dict[str, Any]:
    wanted: dict[str, Any] = yaml.safe_load(
        (folder / "kustomization.yaml").read_text(encoding="utf-8")
    )
    if strange := set(wanted) - UNDERSTOOD:
        raise RenderError(f"{folder}: not understood: {', '.join(sorted(strange))}")
    return {"kind": "Kustomization", **wanted}


def _patches(manifests: list[Manifest], folder: Path, wanted: Mapping[str, Any]) -> None:
    for patch in wanted.get("patches", []):
        _patch(manifests, read_manifests(folder / patch["path"]))


def _changed(manifests: list[Manifest], wanted: Mapping[str, Any]) -> list[Manifest]:
    for labels in wanted.get("labels", []):
        _label(manifests, labels)
    for replicas in wanted.get("replicas", []):
        _find(manifests, "Deployment", replicas["name"])["spec"]["replicas"] = replicas["count"]
    for image in wanted.get("images", []):
        _set_image(manifests, image)
    if suffix := wanted.get("nameSuffix"):
        _rename(manifests, suffix)
    if namespace := wanted.get("namespace"):
        for manifest in manifests:
            if manifest["kind"] not in CLUSTER_WIDE:
                manifest["metadata"]["namespace"] = namespace
    return manifests


def overlays() -> list[Path]:
    """The folder of every overlay."""
    return sorted(path.parent for path in (K8S / "overlays").glob("*/kustomization.yaml"))


def components() -> list[Path]:
    """The folder of every component that an overlay may take."""
    return sorted(path.parent for path in (K8S / "components").glob("*/kustomization.yaml"))


def main() -> None:
    """Write build/k8s/<overlay>.yaml for every overlay and say so."""
    BUILD.mkdir(parents=True, exist_ok=True)
    for overlay in overlays():
        target = BUILD / f"{overlay.name}.yaml"
        text = yaml.safe_dump_all(render(overlay), sort_keys=False, allow_unicode=True)
        target.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{target.relative_to(BUILD.parent.parent)}\n")


def merge(base: Any, patch: Any) -> Any:
    """A strategic merge: objects by key, lists of named objects by name, the rest replaced."""
    if isinstance(base, dict) and isinstance(patch, dict):
        merged = {key: merge(base[key], patch[key]) if key in patch else base[key] for key in base}
        return {**merged, **{key: value for key, value in patch.items() if key not in base}}
    if _is_named(base) and _is_named(patch):
        by_name = {item["name"]: item for item in base}
        for item in patch:
            by_name[item["name"]] = merge(by_name.get(item["name"], {}), item)
        return list(by_name.values())
    return patch


def _read(path: Path) -> list[Manifest]:
    return render(path) if path.is_dir() else read_manifests(path)


def read_manifests(path: Path) -> list[Manifest]:
    """All objects of one file."""
    documents: Iterable[Any] = yaml.safe_load_all(path.read_text(encoding="utf-8"))
    return [deepcopy(document) for document in documents if document]


def _patch(manifests: list[Manifest], patches: Iterable[Manifest]) -> None:
    for patch in patches:
        target = _find(manifests, patch["kind"], patch["metadata"]["name"])
        manifests[manifests.index(target)] = merge(target, patch)


def _find(manifests: Iterable[Manifest], kind: str, name: str) -> Manifest:
    for manifest in manifests:
        if manifest["kind"] == kind and manifest["metadata"]["name"] == name:
            return manifest
    raise RenderError(f"There is no {kind} named {name}.")


def _label(manifests: Iterable[Manifest], labels: Mapping[str, Any]) -> None:
    if labels.get("includeSelectors", False):
        raise RenderError("labels with includeSelectors are not understood")
    for manifest in manifests:
        places = [manifest["metadata"]]
        if labels.get("includeTemplates") and "template" in manifest.get("spec", {}):
            places.append(manifest["spec"]["template"]["metadata"])
        for metadata in places:
            metadata.setdefault("labels", {}).update(labels["pairs"])


def _rename(manifests: Iterable[Manifest], suffix: str) -> None:
    for manifest in manifests:
        if manifest["kind"] != "Job":
            raise RenderError("nameSuffix is understood for a Job, which nothing else names")
        manifest["metadata"]["name"] += suffix


def _set_image(manifests: Iterable[Manifest], image: Mapping[str, str]) -> None:
    for manifest in manifests:
        template = manifest.get("spec", {}).get("template", {})
        for container in template.get("spec", {}).get("containers", []):
            if container["image"] == image["name"]:
                container["image"] = _named(image)


def _named(image: Mapping[str, str]) -> str:
    if digest := image.get("digest"):
        return f"{image['newName']}@{digest}"
    return f"{image['newName']}:{image['newTag']}"


def _is_named(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(v, dict) and "name" in v for v in value)


if __name__ == "__main__":
    main()
