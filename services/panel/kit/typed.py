"""Numbers, days and instants as people in Brazil type them. Pure."""

import re
from datetime import date, datetime
from typing import Annotated, Final

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

_PLAIN: Final = re.compile(r"[0-9]{1,18}")
_GROUPED: Final = re.compile(r"[0-9]{1,3}(?:[. \u00a0][0-9]{3})+")
_DAY: Final = re.compile(r"([0-9]{1,2})[/.-]([0-9]{1,2})[/.-]([0-9]{4})")
_INSTANT: Final = re.compile(rf"{_DAY.pattern}(?:,? +(?:às +)?|T)([0-9]{{1,2}})[:h]([0-9]{{2}})h?")
# How people say or paste what they have in hand, before the number itself.
# Nothing is tried twice: a line of `#` would be shared out among its own signs in every way.
_SAID: Final = re.compile(
    r"(?:(?:faturas?|notas?(?: fiscal| fiscais)?|nfs-?e|n\.?[º°o]\.?|#)[\s:.#]*+)++(?=\d)",
    re.IGNORECASE,
)
_AT_VINDI: Final = re.compile(r"https?://\S*/bills/(\d{1,19})\b\S*")
_HERE: Final = re.compile(r"https?://\S*/e/t[a-z0-9]{10}/vendas/(\d{1,19})\b\S*")
FIRST: Final = date(2000, 1, 1)
LAST: Final = date(2199, 12, 30)  # the day after it is read too


def whole_number(typed: object) -> object:
    """`1.500` is fifteen hundred, not one and a half: a limit of one nota a day stops a company.

    What is no text is left to pydantic; a text that is no whole number is refused.
    """
    if not isinstance(typed, str):
        return typed
    text = typed.strip()
    if _GROUPED.fullmatch(text):
        text = re.sub(r"[^0-9]", "", text)
    if not _PLAIN.fullmatch(text):
        raise PydanticCustomError("whole_number", "deve ser um número inteiro, como 1500")
    return int(text)


Whole = Annotated[int, BeforeValidator(whole_number)]


def iso_day(typed: str) -> str:
    """`1/3/2026` as `2026-03-01`; anything else, and a day that there is not, as it is."""
    found = _DAY.fullmatch(typed)
    if not found:
        return typed
    day, month, year = (int(part) for part in found.groups())
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return typed


def read_day(typed: str) -> date | None:
    """A day as it is typed or as an address has it; None for one that there is not."""
    try:
        day = date.fromisoformat(iso_day(typed.strip()))
    except ValueError:
        return None
    return day if FIRST <= day <= LAST else None


def read_instant(typed: str) -> datetime | None:
    """A local day and time, maybe without its zone: as browsers send it, or as people write it."""
    text = typed.strip()
    if found := _INSTANT.fullmatch(text):
        text = "{2}-{1:0>2}-{0:0>2}T{3:0>2}:{4}".format(*found.groups())
    try:
        local = datetime.fromisoformat(iso_day(text))
    except ValueError:
        return None
    return local if FIRST.year <= local.year <= LAST.year else None


def number_said(words: str) -> str:
    """The number that was meant: `#4711`, `NFS-e 1024`, the address of a bill here or at Vindi.

    Words that are none of these as they are.
    """
    text = words.strip()
    if found := _HERE.fullmatch(text) or _AT_VINDI.fullmatch(text):
        return found[1]
    return _SAID.sub("", text, count=1) if _SAID.match(text) else text
