"""One word means one thing: a name of a type that two modules define needs a reason.

Functions and constants are read behind their module's name (`outbox_store.settle`), or at their
definition; a type's name stands alone wherever it is used.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
MOST = 5
# A name that two modules define, and why that misleads nobody.
REASONS = {
    "Answer": "of the internal API to its caller, of the issuer about a nota: nothing reads both",
}


def test_few_names_of_types_have_two_meanings_and_each_has_its_reason() -> None:
    places: dict[str, set[str]] = defaultdict(set)
    for place, name in public_types():
        places[name].add(place)

    assert {name: sorted(at) for name, at in places.items() if len(at) > 1}.keys() == REASONS.keys()
    assert len(REASONS) <= MOST


def public_types() -> Iterator[tuple[str, str]]:
    """Classes and names of types, each with its module. The sandbox is a world of its own.

    The client's models are those of the API, under the same names because they are the same.
    """
    for root in ("services", "shared"):
        for file in sorted((ROOT / root).rglob("*.py")):
            if "sandbox" in file.parts or file == ROOT / "shared/api_client/models.py":
                continue
            for node in ast.parse(file.read_text(encoding="utf-8")).body:
                yield from ((str(file), name) for name in _defined(node) if _names_a_type(name))


def _defined(node: ast.stmt) -> list[str]:
    match node:
        case ast.ClassDef(name=name):
            return [name]
        case ast.Assign(targets=targets):
            return [one.id for one in targets if isinstance(one, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
        case _:
            return []


def _names_a_type(name: str) -> bool:
    """`Lane`; neither `LANES`, a constant, nor `_Lane`, nor the `T` of a generic function."""
    return name[0].isupper() and any(letter.islower() for letter in name)
