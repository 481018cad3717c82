"""What the reference says of fields, parameters and refusals: read once from the texts beside."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

HERE: Final = Path(__file__).parent
Json = dict[str, Any]
NOTHING: Final = object()  # no example: null is one
# The model's own words that say no more than the unit.
_UNITS: Final = {"Reais.": "reais", "Reais, above zero.": "reais, above zero", "YYYY-MM": "YYYY-MM"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldWord:
    """What one field means, with an example of its value (NOTHING where none is given)."""

    text: str
    example: Any = NOTHING


def word_of(model: str, name: str) -> FieldWord | None:
    """What a field of a model means; that of all fields of its name where it has none alone."""
    words = _fields()
    return words.get(f"{model}.{name}") or words.get(name)


def said_of(word: FieldWord | None, own: str | None) -> str | None:
    """The description of a field, from what its model says and what stands here; None: nothing."""
    unit = _UNITS.get(own or "")
    if own and unit is None:
        return own
    if word is None:
        return None
    return f"{word.text} In {unit}." if unit else word.text


@cache
def refusals() -> Mapping[str, str]:
    """Each code of a refusal, and what it means."""
    return {code: text for code, text, *_ in _rows("errors.txt")}


@cache
def _fields() -> Mapping[str, FieldWord]:
    return {
        name: FieldWord(text=text, example=json.loads(example[0]) if example else NOTHING)
        for name, text, *example in _rows("fields.txt")
    }


def _rows(file: str) -> Iterator[list[str]]:
    for line in (HERE / file).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            yield [part.strip() for part in line.split(" | ")]
