"""Examples of what is sent and answered, made from the schemas so that they cannot go stale."""

from collections.abc import Mapping
from typing import Any, Final

from services.reconciler.reference.words import NOTHING, Json, word_of

_INSTANT: Final = "2026-10-05T14:30:00Z"
_BY_FORMAT: Final[Mapping[str, str]] = {"date-time": _INSTANT, "date": "2026-10-05"}
_BY_PATTERN: Final[Mapping[str, str]] = {
    r"^-?\d+\.\d\d$": "179.90",
    r"^\d{1,12}\.\d\d$": "179.90",
    r"^\d{1,10}(\.\d{1,2})?$": "10.00",
}
# What people send: written by hand where what the schema allows would say little.
_BODIES: Final[Mapping[str, Any]] = {
    "RuleTold": {
        "issue_when": "guarantee_ended",
        "guarantee_days": 7,
        "service": {"municipal_code": "010700188", "lc116": "1.07", "iss_rate": "2.00"},
    },
    "RuleAsked": {"rule": {"issue_when": "bill_paid", "service": {"lc116": "1.07"}}},
    "RulePreview": {
        "since": "2026-10-01",
        "rule": {"issue_when": "bill_paid", "service": {"lc116": "1.07"}},
    },
    "RuleException": {"if": {"product_name": ["Curso*"]}, "issue_when": "bill_paid"},
    "SelectionIn": {"reason": "emitidas pelo ERP", "external_id_prefix": "erp-"},
    "ManyIn": {"action": "release", "code": "held_by_person", "reason": "conferidas"},
    "TenantChange": {"name": "Estúdio Exemplo"},
    "IssueIn": {"reason": "o cliente pediu a nota agora"},
    "ErasureIn": {"customer_id": 1001, "ticket": "DESK-17", "reason": "pedido do titular"},
    "PersonExportIn": {"customer_id": 1001, "ticket": "DESK-17", "format": "html"},
    "DepartureIn": {"name": "Escola Aurora", "reason": "contrato encerrado", "days": 30},
    "Rule": {"issue_when": "bill_paid"},
    "RuleOut.rule": {"issue_when": "bill_paid"},
}
_DEEPEST: Final = 8


def example_of(schema: Json, schemas: Mapping[str, Json]) -> Any:
    """A value that the schema allows, as telling as the words about its fields make it."""
    return _example(schema, schemas, "", "", 0)


def _example(schema: Json, schemas: Mapping[str, Json], model: str, name: str, deep: int) -> Any:
    found = _given(schema, model, name)
    if found is not NOTHING:
        return found
    if "$ref" in schema:
        target = schema["$ref"].rpartition("/")[2]
        if target in _BODIES:
            return _BODIES[target]
        return _example(schemas[target], schemas, target, name, deep + 1)
    options = schema.get("anyOf") or schema.get("oneOf")
    if options:
        some = [one for one in options if one.get("type") != "null"]
        return None if deep > _DEEPEST else _example(some[0], schemas, model, name, deep)
    return _by_type(schema, schemas, model, name, deep)


def _given(schema: Json, model: str, name: str) -> Any:
    """An example or constant that somebody stated."""
    for key in ("example", "const"):
        if key in schema:
            return schema[key]
    if schema.get("examples"):
        return schema["examples"][0]
    if f"{model}.{name}" in _BODIES:
        return _BODIES[f"{model}.{name}"]
    if schema.get("enum"):
        return schema["enum"][0]
    word = word_of(model, name) if name and "properties" not in schema else None
    return word.example if word and _fits(word.example, schema) else NOTHING


def _fits(value: Any, schema: Json) -> bool:
    """Whether an example of that name can be of this type: names are shared by other fields."""
    options = schema.get("anyOf") or schema.get("oneOf") or [schema]
    types: dict[str, type | tuple[type, ...]] = {
        "string": str,
        "integer": int,
        "number": (int, float),
        "boolean": bool,
        "array": list,
        "object": dict,
    }
    return any(
        isinstance(value, types[one["type"]])
        and isinstance(value, bool) == (one["type"] == "boolean")
        for one in options
        if one.get("type") in types and "enum" not in one and "const" not in one
    )


def _by_type(schema: Json, schemas: Mapping[str, Json], model: str, name: str, deep: int) -> Any:
    kind = schema.get("type")
    if kind == "object" or "properties" in schema:
        return {
            key: _example(part, schemas, model, key, deep + 1)
            for key, part in schema.get("properties", {}).items()
            if key in schema.get("required", ()) or (deep < _DEEPEST and _tells(part))
        }
    if kind == "array":
        return [] if deep > _DEEPEST else _items(schema, schemas, model, name, deep)
    if kind == "string":
        return _text(schema)
    if kind in {"integer", "number"}:
        return max(1, schema.get("minimum", 1))
    return kind == "boolean"


def _tells(schema: Json) -> bool:
    """Whether a field that may be left out belongs into an example: not what is usually null."""
    return "default" in schema and schema["default"] not in (None, [], {})


def _items(schema: Json, schemas: Mapping[str, Json], model: str, name: str, deep: int) -> Any:
    if "prefixItems" in schema:
        return [_example(one, schemas, model, "", deep + 1) for one in schema["prefixItems"]]
    if "items" not in schema:
        return []
    return [_example(schema["items"], schemas, model, name, deep + 1)]


def _text(schema: Json) -> str:
    by_format = _BY_FORMAT.get(schema.get("format", ""))
    if by_format:
        return by_format
    return _BY_PATTERN.get(schema.get("pattern", ""), "exemplo")
