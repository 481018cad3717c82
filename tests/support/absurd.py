"""Values that no API means, one at a time in any field of a record that is otherwise in order."""

import copy
from collections.abc import Iterator, Sequence
from typing import Any, Final

Path = tuple[str | int, ...]
Json = Any

PLAIN: Final[dict[str, Json]] = {
    "null": None,
    "true": True,
    "false": False,
    "zero": 0,
    "minus one": -1,
    "one": 1,
    "a half": 0.5,
    "three decimals": "1.005",
    "2**31": 2**31,
    "2**63": 2**63,
    "2**64": 2**64,
    "minus 2**63": -(2**63),
    "1e15": 1e15,
    "1e300": 1e300,
    "tiny": "1e-400",
    "empty": "",
    "blank": "   ",
    "NUL": "a\x00b",
    "only NUL": "\x00",
    "controls": "a\r\nb\x1b[0m\x7f\u0085\u2028",
    "other direction": "\u202eabc\u200b\ufeff",
    "emoji": "👩‍👩‍👧‍👦" * 50,
    "combining": "a" + "\u0301" * 3000,
    "markup": "<script>alert('x')</script>{{7*7}}{produtos}%s%n{0.__class__}",
    "quotes": "'\";--\\",
    "a formula": "=HYPERLINK(1)",
    "long": "x" * 100_000,
    "long digits": "9" * 5000,
    "fullwidth digits": "\uff11\uff12\uff13",
    "arabic digits": "\u0661\u0662",
    "underscored": "1_000",
    "hexadecimal": "0x10",
    "comma": "1.234,56",
    "R$": "R$ 10,00",
    "NaN text": "NaN",
    "sNaN text": "sNaN123",
    "Infinity text": "-Infinity",
    "exponent": "1E+999999999",
    "negative zero": "-0.0",
    "year 0": "0000-01-01T00:00:00.000-03:00",
    "year 1": "0001-01-01T00:00:00.000+23:59",
    "year 9999": "9999-12-31T23:59:59.999-03:00",
    "1969": "1969-12-31T23:59:59.000-03:00",
    "2100": "2100-12-31T23:59:59.000-03:00",
    "no offset": "2026-10-05T10:00:00",
    "offset of a day": "2026-10-05T10:00:00+23:59",
    "offset of a second": "2026-10-05T10:00:00-03:00:01",
    "no such day": "2026-02-30T10:00:00-03:00",
    "no such hour": "2026-10-05T24:00:00-03:00",
    "leap second": "2026-06-30T23:59:60Z",
    "week date": "2026-W40-1T10:00:00Z",
    "a day": "2026-10-05",
    "epoch": 1_790_000_000,
    "empty list": [],
    "empty object": {},
    "list of null": [None],
    "list of list": [[[]]],
    "list of text": ["x", 1, None, True, {}, []],
    "object of null": {"id": None, "code": None, "amount": None, "number": None},
    "object of lists": {"id": [1], "code": {"x": 1}, "name": [], "amount": []},
    "an id": {"id": 1},
    "many": list(range(5000)),
    "deep 200": None,  # filled below
}


def _nested(depth: int) -> Json:
    value: Json = 1
    for turn in range(depth):
        value = {"a": value} if turn % 2 else [value]
    return value


PLAIN["deep 200"] = _nested(200)

# What no encoder writes: put into the bytes in the place of a word that stands for it.
RAW: Final[dict[str, bytes]] = {
    "NaN": b"NaN",
    "Infinity": b"-Infinity",
    "1e400": b"1e400",
    "30 digits": b"9" * 30,
    "400 digits": b"-" + b"9" * 400,
    "5000 digits": b"9" * 5000,
    "half a pair": b'"a\\ud800b"',
    "key of half a pair": b'{"\\udc00":1}',
    "raw control": b'"a\x01b"',
    "bad UTF-8": b'"a\xff\xfeb"',
    "deep 300": b'{"a":' * 300 + b"1" + b"}" * 300,
    "deep 900": b"[" * 900 + b"1" + b"]" * 900,
    "deep 1020": b"[" * 1010 + b"1" + b"]" * 1010,
    "deep 5000": b"[" * 5000 + b"1" + b"]" * 5000,
    "10 MB": b'"' + b"x" * 10_000_000 + b'"',
    "10 MB of digits": b'"' + b"9" * 10_000_000 + b'"',
    "said twice": b'1,"id":7,"status":"paid","x":1',
    "a comma too many": b"1,,",
}


def marker(name: str) -> str:
    """The word in a record in whose place `spoilt` puts bytes."""
    return f"@@{name}@@"


def spoilt(body: bytes) -> bytes:
    """A body with the bytes that its words stand for."""
    if b"@@" not in body:
        return body
    for name, value in RAW.items():
        body = body.replace(f'"{marker(name)}"'.encode(), value)
    return body


def paths_in(record: Json, here: Path = ()) -> Iterator[Path]:
    """Every field of a record, those inside others too; of a list its first and its last."""
    if isinstance(record, dict):
        steps: Sequence[str | int] = list(record)
    elif isinstance(record, list) and record:
        steps = sorted({0, len(record) - 1})
    else:
        return
    for step in steps:
        yield (*here, step)
        yield from paths_in(record[step], (*here, step))


def changed(record: Json, path: Path, value: Json) -> Json:
    """A copy of a record with another value in one field."""
    whole = copy.deepcopy(record)
    inside = whole
    for step in path[:-1]:
        inside = inside[step]
    inside[path[-1]] = value
    return whole


def without(record: Json, path: Path) -> Json:
    """A copy of a record that lacks one field."""
    whole = copy.deepcopy(record)
    inside = whole
    for step in path[:-1]:
        inside = inside[step]
    del inside[path[-1]]
    return whole
