"""Events that a middleman passed on in a form of its own.

Automation tools between Vindi and us parse a delivery and send it again: in a list, in an envelope,
as a form, with a byte order mark. What is inside is a hint like any other (design D3).
"""

from base64 import b64decode
from typing import Any, Final
from urllib.parse import parse_qsl

from shared.net.json_bytes import read_json

ENVELOPES: Final = ("body", "payload", "json", "data")  # looked into before any other member
MOST_ENVELOPES: Final = 12  # members of one object, whatever they are called
DEPTH: Final = 3  # of envelopes in envelopes
MOST_FIELDS: Final = 500
MOST_DEEP: Final = 12  # parts of a member's path
FLATTENED: Final = (".", "__")  # {"event.data.bill.id": 7}
BASE64: Final = "eyJ"  # how `{"` begins in it: functions and queues hand a body on so


def read_document(body: bytes, *, holds: str) -> Any:
    """The JSON value of a delivery, out of whatever it was wrapped in; None when there is none.

    `holds` names a member of what is looked for. Total over all bytes.
    """
    try:
        document = read_json(body)
    except ValueError:  # not JSON, not UTF-8, or an endless number
        document = _form(body)
    return _unwrapped(document, holds, DEPTH)


def _unwrapped(document: Any, holds: str, depth: int) -> Any:
    if isinstance(document, dict) and holds in document:
        inner = _opened(document[holds])
        return document if inner is document[holds] else {**document, holds: inner}
    document = _in_depth(document, holds)
    if depth == 0 or (isinstance(document, dict) and holds in document):
        return document
    for inner in _inside(document):
        found = _unwrapped(inner, holds, depth - 1)
        if isinstance(found, dict) and holds in found:
            return found
    return document


def _inside(document: Any) -> list[Any]:
    if isinstance(document, list):
        return document[:1]
    if isinstance(document, dict):
        known = [name for name in ENVELOPES if name in document]
        others = [name for name in document if name not in ENVELOPES]
        return [_opened(document[name]) for name in (known + others)[:MOST_ENVELOPES]]
    return []


def _in_depth(document: Any, holds: str) -> Any:
    """An object whose members say where they belong, as objects in objects; else as it is."""
    if not isinstance(document, dict) or len(document) > MOST_FIELDS:
        return document
    for mark in FLATTENED:
        named = [name for name in document if name.startswith(f"{holds}{mark}")]
        if named:
            deep: dict[str, Any] = {}
            for name in named:
                _put(deep, name.split(mark), document[name])
            return deep
    return document


def _opened(value: Any) -> Any:
    """A text that is itself a JSON object, plain or in base64, as that; else as it is."""
    if not isinstance(value, str):
        return value
    try:
        if value.startswith(BASE64):
            return read_json(b64decode(value, validate=True))
        if value.lstrip().startswith(("{", "[")):
            return read_json(value.encode("utf-8", "replace"))
    except ValueError:
        pass
    return value


def _form(body: bytes) -> Any:
    """A form's fields: `event[data][bill][id]=7` as objects in objects; None for no form."""
    try:
        pairs = parse_qsl(body.decode(), strict_parsing=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        return None
    form: dict[str, Any] = {}
    for name, value in pairs:
        _put(form, name.replace("]", "").split("["), value)
    return form or None


def _put(form: dict[str, Any], path: list[str], value: Any) -> None:
    if len(path) > MOST_DEEP:
        return
    for part in path[:-1]:
        inner = form.setdefault(part, {})
        if not isinstance(inner, dict):
            return  # a field that is a text and an object: somebody's mistake, or a stranger's
        form = inner
    form.setdefault(path[-1], value)
