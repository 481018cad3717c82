"""JSON as bytes, both ways: for bodies of answers and for what is kept sealed."""

import json
from typing import Any, Final

import orjson

LOST: Final = "\ufffd"
DEEPEST: Final = 100  # of what is written; no record of either API is a tenth as deep


def read_json(body: bytes) -> Any:
    """Decode a JSON body; ValueError for anything else, HTML and emptiness included.

    Half a surrogate pair, which an escape can smuggle in and no UTF-8 can hold, becomes U+FFFD, as
    do bytes that are none, and controls may stand in a text unescaped: one odd name must not make a
    whole page unreadable, or what is read from it unwritable. A whole number beyond 64 bits becomes
    a float; neither API has such ids, codes or amounts.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:  # stricter than we may be: half pairs, NaN, a mark of order
        try:
            text = _text(body)
            return _mended(json.loads(text, strict=False))
        except RecursionError as error:
            raise ValueError("nested too deeply") from error


def _text(body: bytes) -> str:
    """The text of a body that is not what it should be: some proxies pass Latin-1 on as UTF-8.

    Where not one of its letters beyond ASCII reads as UTF-8, they are of the alphabet that Windows
    writes here; beside some that do, those that do not are lost.
    """
    encoding = json.detect_encoding(body)
    text = body.decode(encoding, "replace")
    if not encoding.startswith("utf-8") or LOST not in text:
        return text
    if any(letter > "\x7f" and letter != LOST for letter in text.removeprefix("\ufeff")):
        return text
    return body.removeprefix(b"\xef\xbb\xbf").decode("cp1252", "replace")


def write_json(value: Any) -> bytes:
    """Encode as compact UTF-8; equal values give equal bytes. For what `read_json` reads.

    What is nested deeper than we can write is read all the same: of that, what lies too deep is
    left out, or one metadata without an end would fail whatever its bill is written with.
    """
    try:
        return orjson.dumps(value)
    except TypeError:  # integers of more than 64 bits, which no answer brings, or too deep for it
        try:
            return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        except RecursionError:
            return write_json(_pruned(value, DEEPEST))


def _pruned(value: Any, deepest: int) -> Any:
    if isinstance(value, list):
        return [_pruned(item, deepest - 1) for item in value] if deepest else None
    if isinstance(value, dict):
        return {key: _pruned(one, deepest - 1) for key, one in value.items()} if deepest else None
    return value


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_mended(item) for item in value]
    if isinstance(value, dict):
        return {_mended(key): _mended(item) for key, item in value.items()}
    return value
