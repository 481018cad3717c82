"""`python -m deploy.api_client`: the typed client of the internal API, from its description.

Writes shared/api_client/models.py and calls.py; a test holds both against the description.
"""

import json
import keyword
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from services.reconciler.api.kit.openapi import describe
from services.reconciler.api.kit.operation import PREFIX
from services.reconciler.app import OPERATIONS

Schema = dict[str, Any]
ROOT: Final = Path(__file__).parents[1]
FOLDER: Final = ROOT / "shared" / "api_client"
HOW: Final = "Written by `python -m deploy.api_client` from the description: change that instead."
_SIMPLE: Final[Mapping[str, str]] = {
    "string": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "null": "None",
}


_HEAD: Final = '''"""Every call of the internal API, typed.

{how}
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, cast

from shared.api_client.models import {models}
from shared.api_client.transport import ApiTransport


@dataclass(frozen=True, slots=True, kw_only=True)
class InternalApiClient:
    """The internal API, a method a call; each raises CallRefused and ApiAway.

    Bodies and answers are dictionaries of the shape that `models` says. What they mean is told by
    the reference, `/internal/docs`.
    """

    transport: ApiTransport
'''


def main() -> None:
    """Write the client's modules."""
    for name, text in rendered().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


def rendered() -> dict[str, str]:
    """The text of each module, by its name, formatted."""
    description = describe(OPERATIONS)
    made = {"models.py": _models(description), "calls.py": _calls(description)}
    return {name: _formatted(text) for name, text in made.items()}


def _formatted(text: str) -> str:
    ruff = [sys.executable, "-m", "ruff"]
    for step in (["check", "--fix-only", "--quiet", "--select", "I,F401,UP"], ["format"]):
        command = [*ruff, *step, "--stdin-filename", str(FOLDER / "written.py"), "-"]
        done = subprocess.run(  # noqa: S603 - our own command line
            command, input=text, capture_output=True, text=True, check=True
        )
        text = done.stdout
    return text


def _models(description: Schema) -> str:
    schemas = description["components"]["schemas"]
    used = _used(description)
    parts = [
        f'"""What the internal API takes and answers.\n\n{HOW}\n"""',
        "from __future__ import annotations",
        "from typing import Any, Literal, NotRequired, TypedDict",
    ]
    words = {name: one for name, one in schemas.items() if name in used and "enum" in one}
    parts += [f"{name} = {_type(one)}" for name, one in words.items()]
    parts += [
        _model(name, one) for name, one in schemas.items() if name in used and name not in words
    ]
    return "\n\n".join(parts) + "\n"


def _used(description: Schema) -> set[str]:
    """The models that bodies and answers reach; queries become parameters."""
    schemas = description["components"]["schemas"]
    found: set[str] = set()
    ahead = _references(description["paths"])
    while ahead:
        name = ahead.pop()
        if name not in found:
            found.add(name)
            ahead |= _references(schemas[name]) - found
    return found


def _references(part: object) -> set[str]:
    return set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(part)))


def _model(name: str, schema: Schema) -> str:
    if "properties" not in schema:
        return f"{name} = dict[str, Any]"
    required = set(schema.get("required", ()))
    fields = {
        key: _type(one) if key in required else f"NotRequired[{_type(one)}]"
        for key, one in schema["properties"].items()
    }
    if any(keyword.iskeyword(key) for key in fields):  # such a name needs the other form
        inner = ", ".join(f"{json.dumps(key)}: {_quoted(kind)}" for key, kind in fields.items())
        return f"{name} = TypedDict({json.dumps(name)}, {{{inner}}})"
    lines = [f"class {name}(TypedDict):", *_docstring(schema.get("description", name))]
    return "\n".join([*lines, *(f"    {key}: {kind}" for key, kind in fields.items())])


def _quoted(kind: str) -> str:
    """A type that is looked up later; the mark of what may be left out stays outside."""
    inner = re.fullmatch(r"NotRequired\[(.+)\]", kind)
    return f"NotRequired[{inner[1]!r}]" if inner else repr(kind)


def _type(schema: Schema) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "enum" in schema or "const" in schema:
        choices = schema.get("enum", [schema.get("const")])
        return f"Literal[{', '.join(repr(one) for one in choices)}]"
    options = schema.get("anyOf") or schema.get("oneOf")
    if options:
        return " | ".join(dict.fromkeys(_type(one) for one in options))
    kind = schema.get("type")
    if kind == "array":
        return f"list[{_type(schema['items']) if 'items' in schema else 'Any'}]"
    if kind == "object":
        more = schema.get("additionalProperties")
        return f"dict[str, {_type(more) if isinstance(more, dict) else 'Any'}]"
    return _SIMPLE.get(str(kind), "Any")


def _docstring(text: str) -> list[str]:
    first, _, rest = text.strip().replace("\\", "\\\\").partition("\n\n")
    wrapped = textwrap.wrap(" ".join(first.split()), 90)
    more = textwrap.wrap(" ".join(rest.split()), 90)
    body = [*wrapped, *(["", *more] if more else [])]
    if len(body) == 1:
        return [f'    """{body[0]}"""']
    return [f'    """{body[0]}', *(f"    {line}".rstrip() for line in body[1:]), '    """']


def _calls(description: Schema) -> str:
    models = sorted(_used(description))
    parts = [_HEAD.format(how=HOW, models=", ".join(models))]
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            parts.append(_call(path.removeprefix(PREFIX), method.upper(), operation))
    return "\n\n".join(parts) + "\n"


def _call(path: str, method: str, operation: Schema) -> str:
    done = next(iter(operation["responses"].values()))["content"]
    answer = done.get("application/json", {}).get("schema")
    returns = _type(answer) if answer else "bytes"
    head = f"async def {operation['operationId']}({_signature(operation)}) -> {returns}:"
    sent = [f'"{method}"'] if answer else []
    sent += [json.dumps(path), *_sent(operation)]
    call = f"await self.transport.{'json' if answer else 'bytes'}({', '.join(sent)})"
    result = f'return cast("{returns}", {call})' if answer else f"return {call}"
    doc = operation["summary"].rstrip(".") + "."
    lines = [head, *_docstring(doc), f"    {result}"]
    return textwrap.indent("\n".join(lines), "    ")


def _signature(operation: Schema) -> str:
    named = _by_place(operation)
    kinds = dict.fromkeys(named["path"], "str | int")
    words = ["self", *(f"{name}: {kind}" for name, kind in kinds.items())]
    keys: list[str] = []
    body = operation.get("requestBody")
    if body:
        kind = _type(body["content"]["application/json"]["schema"])
        keys.append(f"body: {kind}" if body["required"] else f"body: {kind} | None = None")
    for name, one in named["query"].items():
        kind = _type(one["schema"])
        optional = "" if one.get("required") else " | None = None"
        keys.append(f"{name}: {kind}{optional}")
    if named["header"]:
        keys.append("idempotency_key: str | None = None")
    keys.sort(key=lambda key: "=" in key)
    return ", ".join([*words, "*", *keys] if keys else words)


def _sent(operation: Schema) -> Iterator[str]:
    named = _by_place(operation)
    for place in ("path", "query"):
        if named[place]:
            yield f"{place}={{{', '.join(f'{json.dumps(name)}: {name}' for name in named[place])}}}"
    if "requestBody" in operation:
        yield "body=body"
    if named["header"]:
        yield "idempotency_key=idempotency_key"


def _by_place(operation: Schema) -> dict[str, dict[str, Schema]]:
    places: dict[str, dict[str, Schema]] = {"path": {}, "query": {}, "header": {}}
    for one in operation["parameters"]:
        if one["name"] != "format":  # an answer has one type here: JSON
            places[one["in"]][one["name"]] = one
    return places


if __name__ == "__main__":
    main()
