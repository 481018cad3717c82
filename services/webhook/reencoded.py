"""Events that a middleman passed on in a form of its own.

Automation tools between Vindi and us parse a delivery and send it again: in a list, in an envelope,
as a form, with a byte order mark; a queue hands several on at once. What is inside is a hint like
any other (design D3).
"""

import re
from base64 import b64decode
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl

from shared.net.json_bytes import read_json

ENVELOPES: Final = ("body", "payload", "json", "data")  # looked into before any other member
MOST_EVENTS: Final = 100  # of one delivery; no queue hands on more at once
MOST_LOOKED_AT: Final = 2_000  # objects, lists and texts of one delivery, events or not
MOST_ENVELOPES: Final = 12  # members of one object, whatever they are called
DEPTH: Final = 3  # of envelopes in envelopes
MOST_FIELDS: Final = 500
MOST_DEEP: Final = 12  # parts of a member's path
LINES: Final = re.compile(rb"\{[^\n]*\}\r?\n\s*\{")
FLATTENED: Final = (".", "__")  # {"event.data.bill.id": 7}
BASE64: Final = "eyJ"  # how `{"` begins in it: functions and queues hand a body on so


def read_documents(body: bytes, *, holds: str) -> list[Any]:
    """The JSON values of a delivery, out of whatever they were wrapped in; at least one.

    `holds` names a member of what is looked for. Where nothing has it that is the whole delivery as
    it was read, or None for what cannot be. Of several, up to 100, the last may be a list of what
    stood beside them and has it not, or came after them. Total over all bytes.
    """
    try:
        document = read_json(body)
    except ValueError:  # not JSON, not UTF-8, or an endless number
        document = _lines(body) or _form(body)
    if isinstance(document, dict) and holds in document:
        return [_held_open(document, holds)]
    unwrapping = _Unwrapping(holds=holds)
    found: list[Any] = list(unwrapping.all_in(document, DEPTH)) or [_in_depth(document, holds)]
    return [*found, unwrapping.rest] if len(found) > 1 and unwrapping.rest else found


@dataclass(slots=True, kw_only=True)
class _Unwrapping:
    """Looks for what holds something, no further than is worth it."""

    holds: str
    left: int = MOST_LOOKED_AT
    rest: list[Any] = field(default_factory=list)  # of lists in which something was found

    def all_in(self, document: Any, depth: int) -> list[dict[str, Any]]:
        """All in a list; in an object the first member that has any, which may be a list."""
        self.left -= 1
        if self.left < 0:
            return []
        if isinstance(document, list):
            return self._of_each(document, depth - 1) if depth else []
        document = _in_depth(document, self.holds)
        if not isinstance(document, dict):
            return []
        if self.holds in document:
            return [_held_open(document, self.holds)]
        if depth and document and all(map(str.isdecimal, document)):  # a list, as PHP passes it on
            return self._of_each(list(document.values()), depth - 1)
        if depth:
            for inner in _inside(document):
                if found := self.all_in(inner, depth - 1):
                    return found
        return []

    def _of_each(self, documents: list[Any], depth: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for number, one in enumerate(documents):
            if len(found) >= MOST_EVENTS or self.left < 0:
                self.rest += documents[number:]
                break
            beside = len(self.rest)
            inside = self.all_in(_opened(one), depth)
            if not inside:  # all of it, then
                del self.rest[beside:]
                self.rest.append(one)
            found += inside
        self.rest += found[MOST_EVENTS:]
        return found[:MOST_EVENTS]


def _held_open(document: dict[str, Any], holds: str) -> dict[str, Any]:
    inner = _opened(document[holds])
    return document if inner is document[holds] else {**document, holds: inner}


def _inside(document: dict[str, Any]) -> list[Any]:
    known = [name for name in ENVELOPES if name in document]
    others = [name for name in document if name not in ENVELOPES]
    return [_opened(document[name]) for name in (known + others)[:MOST_ENVELOPES]]


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


def _lines(body: bytes) -> list[Any]:
    """One JSON object a line, as logs and streams hand them on, each as its text."""
    return body.decode("utf-8", "replace").splitlines() if LINES.match(body) else []


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
