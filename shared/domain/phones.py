"""Telephones as people type them, as the ten or eleven digits a Brazilian city takes. Pure."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from typing import Final

from phonenumbers import PhoneMetadata

MOST_READ: Final = 200  # characters of a field; a longer one is no list of telephones
_BRAZIL: Final = "55"
_REGION: Final = "BR"
_BETWEEN: Final = re.compile(r"[,;/|\n]| ou | e ", re.IGNORECASE)
# Last, whatever stands between words: "11 98888-7777 - recado 11 97777-6666".
_BESIDE_WORDS: Final = re.compile(r"[+(0-9][0-9 ().+-]{7,}")
_EXTENSION: Final = re.compile(
    r"[\s,;.(-]*(?:ramal|ram|ext|extens[aã]o|r|x|#)[\s.:]*\d{1,6}\W*$", re.IGNORECASE
)
_CARRIER: Final = re.compile(r"^\W*0\s*(?:xx|[xX]{2})\W*")  # "0xx11": of any operator


def phone_for_nota(phone: str | None) -> str | None:
    """Ten or eleven digits of a valid Brazilian number, or nothing (enotas-api, section 4.2).

    A field may hold several: the first good one counts. A number of another country is none,
    and neither is one whose area is not told.
    """
    return _first_good(phone) if phone else None


def phone_among(phones: Iterable[str]) -> str | None:
    """The first good number of several."""
    return next((good for phone in phones if (good := phone_for_nota(phone))), None)


@lru_cache(maxsize=8192)
def _first_good(text: str) -> str | None:
    text = text[:MOST_READ]
    told = (_national(one) for one in (*_BETWEEN.split(text), *_BESIDE_WORDS.findall(text)))
    return next((number for number in told if number), None)


def _national(text: str) -> str | None:
    text = _CARRIER.sub("", _EXTENSION.sub("", text))
    digits = _digits(text)
    if text.lstrip(" (").startswith("+") and not digits.startswith(_BRAZIL):
        return None
    return next((one for one in _readings(digits) if _is_valid(one)), None)


def _readings(digits: str) -> Iterator[str]:
    """The number as it stands, then without what is dialled before it, most usual first."""
    yield digits
    for prefix in ("55", "0", "550", "0055", "5555", "055"):
        if digits.startswith(prefix):
            yield digits[len(prefix) :]
    if digits.startswith("0") and digits[1:2] != "0" and len(digits) in (13, 14):
        yield digits[3:]  # and two digits of an operator


def _is_valid(number: str) -> bool:
    return len(number) in (10, 11) and any(kind.fullmatch(number) for kind in _plan())


@cache
def _plan() -> tuple[re.Pattern[str], ...]:
    """The country's own numbering plan for houses and mobiles, as the library keeps it."""
    plan = PhoneMetadata.metadata_for_region(_REGION)
    kinds = (plan.mobile, plan.fixed_line) if plan is not None else ()
    found = [kind.national_number_pattern for kind in kinds if kind is not None]
    return tuple(re.compile(pattern) for pattern in found if pattern is not None)


def _digits(text: str) -> str:
    if text.isascii():
        return "".join(letter for letter in text if letter.isdigit())
    return "".join(str(unicodedata.decimal(letter)) for letter in text if letter.isdecimal())
