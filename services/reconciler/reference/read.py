"""The description as a reader needs it: groups of calls, and each body as one table of fields."""

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from services.reconciler.reference.words import Json, refusals

_DEEPEST: Final = 4  # fields within fields; what lies deeper is named by its model


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldShown:
    """One field or parameter; `name` is its path, as `items[].id`."""

    name: str
    type: str
    text: str
    required: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What is sent, or answered, in one media type."""

    media_type: str
    about: str
    fields: Sequence[FieldShown]
    example: str
    must: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalShown:
    """One way in which a call may be refused."""

    status: str
    code: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallShown:
    """One operation."""

    id: str
    method: str
    path: str
    summary: str
    curl: str
    parameters: Sequence[FieldShown]
    body: Body | None
    status: str
    answers: Sequence[Body]
    refusals: Sequence[RefusalShown]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupShown:
    """Calls that belong together, on one page."""

    name: str
    slug: str
    about: str
    calls: Sequence[CallShown]


def groups_of(description: Json, prefix: str) -> list[GroupShown]:
    """Every group of the description with its calls, in its order."""
    schemas = description["components"]["schemas"]
    calls: dict[str, list[CallShown]] = {tag["name"]: [] for tag in description["tags"]}
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            shown = _call(path.removeprefix(prefix), method.upper(), operation, schemas, prefix)
            calls[operation["tags"][0]].append(shown)
    return [
        GroupShown(
            name=tag["name"],
            slug=tag["name"].lower().replace(" ", "-"),
            about=tag["description"],
            calls=calls[tag["name"]],
        )
        for tag in description["tags"]
    ]


def _call(path: str, method: str, operation: Json, schemas: Json, prefix: str) -> CallShown:
    status, done = next(iter(operation["responses"].items()))
    request = operation.get("requestBody")
    body = _bodies(request["content"], schemas, must=request["required"])[0] if request else None
    return CallShown(
        id=operation["operationId"],
        method=method,
        path=path,
        summary=operation["summary"],
        curl=_curl(prefix + path, method, operation, body),
        parameters=[_parameter(one) for one in operation["parameters"]],
        body=body,
        status=status,
        answers=_bodies(done["content"], schemas),
        refusals=list(_refusals(operation["responses"])),
    )


def _parameter(parameter: Json) -> FieldShown:
    return FieldShown(
        name=parameter["name"],
        type=f"{_type(parameter['schema'])}, in {parameter['in']}",
        text=parameter.get("description", ""),
        required=parameter.get("required", False),
    )


def _bodies(content: Json, schemas: Json, *, must: bool = True) -> list[Body]:
    return [
        Body(
            media_type=media_type,
            about=_about(what.get("schema", {}), schemas),
            fields=list(_fields(what.get("schema", {}), schemas, "", 0)),
            example=_written(what["example"]) if "$ref" in what.get("schema", {}) else "",
            must=must,
        )
        for media_type, what in content.items()
    ]


def _written(example: Any) -> str:
    return json.dumps(example, indent=2, ensure_ascii=False)


def _about(schema: Json, schemas: Json) -> str:
    return str(_resolved(schema, schemas).get("description", "")).replace("\n", " ")


def _fields(schema: Json, schemas: Json, before: str, deep: int) -> Iterator[FieldShown]:
    """The fields of an object, those of the objects in it right after the field that holds them."""
    whole = _resolved(schema, schemas)
    for name, part in whole.get("properties", {}).items():
        yield FieldShown(
            name=before + name,
            type=_type(part),
            text=part.get("description", ""),
            required=name in whole.get("required", ()),
        )
        inner, mark = _inner(part)
        if inner and deep < _DEEPEST:
            yield from _fields(inner, schemas, f"{before}{name}{mark}.", deep + 1)


def _inner(schema: Json) -> tuple[Json | None, str]:
    """The object that a field holds, and whether it holds many of them."""
    for one in (schema, *schema.get("anyOf", ())):
        if "$ref" in one:
            return one, ""
        if one.get("type") == "array" and "$ref" in one.get("items", {}):
            return one["items"], "[]"
    return None, ""


def _resolved(schema: Json, schemas: Mapping[str, Json]) -> Json:
    return schemas[_model(schema["$ref"])] if "$ref" in schema else schema


def _type(schema: Json) -> str:
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_type(one) for one in schema["anyOf"]))
    if "$ref" in schema:
        return _model(schema["$ref"])
    if "enum" in schema:
        return " | ".join(json.dumps(one) for one in schema["enum"])
    if "const" in schema:
        return json.dumps(schema["const"])
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return str(schema.get("format") or schema.get("type") or "any")


def _model(reference: str) -> str:
    return reference.rpartition("/")[2]


def _curl(path: str, method: str, operation: Json, body: Body | None) -> str:
    """The call as it is typed, with the examples of the description."""
    for parameter in operation["parameters"]:
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", str(parameter.get("example", "…")))
    asked = [
        f"{one['name']}={one.get('example', '…')}"
        for one in operation["parameters"]
        if one["in"] == "query" and one.get("required")
    ]
    address = f"$URL{path}" + ("?" + "&".join(asked) if asked else "")
    lines = [f'curl -X {method} -H "Authorization: Bearer $TOKEN" "{address}"']
    if body:
        sent = json.dumps(json.loads(body.example or "{}"), ensure_ascii=False)
        lines += ['  -H "Content-Type: application/json"', f"  -d {shlex.quote(sent)}"]
    return " \\\n".join(lines)


def _refusals(responses: Json) -> Iterator[RefusalShown]:
    for status, response in list(responses.items())[1:]:
        for line in response["description"].split("\n\n", 1)[1].splitlines():
            code = line.split("`")[1]
            yield RefusalShown(status=status, code=code, text=refusals().get(code, ""))
