"""`make rehearse`: what a cluster would say of the manifests, said without one.

Every object of every overlay, with and without each component, and of the examples, is held against
Kubernetes' own description of itself in three versions, strictly: an unknown field is refused, as
is a wrong type. Kinds of others are held against what is shipped in k8s/schemas. Then come the
policies, and deploy/compose.yaml.
"""

import sys
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, Final

import jsonschema_rs
import kubernetes_validate
import yaml

from deploy.compose_check import compose_problems, demanded, read_compose
from deploy.policies import EXCEPTIONS, findings, where
from deploy.reach import reach_problems
from deploy.render import (
    K8S,
    Manifest,
    RenderError,
    components,
    overlays,
    read_manifests,
    render,
)

VERSIONS: Final = ("1.35", "1.36", "1.37")
KINDS: Final = K8S / "schemas" / "kinds.yaml"
EXAMPLES: Final = K8S / "examples"


def schema_problems(manifest: Manifest) -> Iterator[str]:
    """What some version of Kubernetes, or the operator that the kind is of, would refuse."""
    kind = f"{manifest['apiVersion']}/{manifest['kind']}"
    if schema := _kinds().get(kind):
        own = {
            name: value
            for name, value in manifest.items()
            if name not in {"apiVersion", "kind", "metadata"}
        }
        for error in jsonschema_rs.validator_for(schema).iter_errors(own):
            yield f"{kind}: {'.'.join(map(str, error.instance_path))}: {error.message}"
        return
    for version in VERSIONS:
        try:
            kubernetes_validate.validate(manifest, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            yield f"{version}: {error.message}"
        except kubernetes_validate.SchemaNotFoundError:
            yield f"{version}: {kind} is described neither there nor in k8s/schemas"


def examples() -> list[Manifest]:
    """The objects that an operator makes alike outside of the overlays."""
    return [one for path in sorted(EXAMPLES.glob("*.yaml")) for one in read_manifests(path)]


def problems(manifests: Sequence[Manifest]) -> list[str]:
    """All that is wrong with the objects of one overlay."""
    schemas = [f"{where(one)}: {what}" for one in manifests for what in schema_problems(one)]
    return schemas + [f"{one.where}: {one.what} ({one.policy})" for one in findings(manifests)]


@cache
def _kinds() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(KINDS.read_text(encoding="utf-8"))
    return loaded


def main() -> int:
    """Say what was found, overlay by overlay; 1 if it is anything."""
    given = dict.fromkeys(demanded(), "given")
    wrong = [f"compose: {what}" for what in compose_problems(read_compose(given))]
    wrong += [f"examples: {where(o)}: {what}" for o in examples() for what in schema_problems(o)]
    rendered: dict[str, list[Manifest]] = {}
    for overlay in overlays():
        try:
            manifests = rendered[overlay.name] = render(overlay)
        except RenderError as error:
            wrong.append(f"{overlay.name}: {error}")
            continue
        wrong += [f"{overlay.name}: {what}" for what in problems(manifests)]
        for component in components():
            together = problems(render(overlay, also=[component]))
            wrong += [f"{overlay.name} with {component.name}: {what}" for what in together]
        sys.stdout.write(f"{overlay.name}: {len(manifests)} objects, {', '.join(VERSIONS)}\n")
    wrong += reach_problems(rendered)
    for (policy, place), reason in EXCEPTIONS.items():
        sys.stdout.write(f"excepted: {place} from {policy}: {reason}\n")
    sys.stdout.writelines(f"{what}\n" for what in wrong)
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
