"""Texts of a rule that nothing can carry: characters that steer, and blanks where words belong.

Works on a rule as it was told, as `impossible` does: every text in it, wherever it stands.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any, Final

from shared.domain.cep import state_of_cep
from shared.domain.told import Field, Misfit, Told, part_of

MOST_DEEP: Final = 12  # a rule is five deep
# What XML 1.0 cannot carry, what is no text, and what turns a text around or hides in it.
_STEERS: Final = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2064\ufeff\ufff9-\uffff"
    "\ud800-\udfff]"
)
_WITH_LINES: Final = frozenset({"description", "observations"})  # the tenant wrote them
_ADDRESS: Final = "default_address"


def text_problems(rule: Told) -> Iterator[Misfit]:
    """Name every text that cannot be sent as it was told."""
    yield from _steering(rule, ())
    yield from _blank(rule)
    yield from _zip_of_its_state(rule)


def _steering(told: Any, at: Field) -> Iterator[Misfit]:
    if len(at) > MOST_DEEP:
        return
    if isinstance(told, str):
        found = _steers(told, lines=bool(at) and at[-1] in _WITH_LINES)
        if found is not None:
            yield at, f"{_name(at)}: contém um caractere de controle ({_shown(found)})"
    elif isinstance(told, Mapping):
        for key, value in told.items():
            if _steers(key) is None:
                yield from _steering(value, (*at, key))
            else:
                yield at, f"{_name(at)}: um nome contém um caractere de controle"
    elif isinstance(told, list):
        for number, value in enumerate(told):
            yield from _steering(value, (*at, number))


def _steers(text: str, *, lines: bool = False) -> str | None:
    if lines:  # as a form or a spreadsheet writes them; they leave as "\n" alone
        text = text.replace("\r\n", "\n")
    found = _STEERS.search(text)
    if found is not None:
        return found[0]
    return "\n" if "\n" in text and not lines else None


def _blank(rule: Told) -> Iterator[Misfit]:
    description = rule.get("description")
    if isinstance(description, str) and description and not description.strip():
        yield ("description",), "description: não pode ficar em branco"
    for name, value in part_of(rule, _ADDRESS).items():
        if isinstance(value, str) and value and not value.strip():
            yield (_ADDRESS, name), f"{name}: não pode ficar em branco"


def _zip_of_its_state(rule: Told) -> Iterator[Misfit]:
    address = part_of(rule, _ADDRESS)
    code, state = address.get("zip"), address.get("state")
    if not isinstance(code, str) or not isinstance(state, str):
        return
    bare = code.replace("-", "")
    if re.fullmatch(r"[0-9]{8}", bare) and state_of_cep(bare) != state:
        yield (_ADDRESS, "zip"), "zip: o CEP não é do estado informado"


def _name(at: Field) -> str:
    return next((part for part in reversed(at) if isinstance(part, str)), "regra")


def _shown(character: str) -> str:
    name = unicodedata.name(character, "")
    return f"U+{ord(character):04X}{', ' + name.lower() if name else ''}"
