"""Money as integer centavos, read from and written to decimal text."""

import re
from decimal import Decimal
from functools import lru_cache
from typing import Final, NewType

Cents = NewType("Cents", int)
NOTHING: Final = Cents(0)

_CENTAVO = Decimal("0.01")
_PLAIN = re.compile(r"([0-9]{1,12})\.([0-9]{1,2})")
# Decimal would also take the digits of every script, `1_000` and an exponent of nine digits.
_WRITTEN = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{0,40})?([eE][+-]?[0-9]{1,3})?")
_LIMIT = Decimal(10) ** 15  # beyond any bill; keeps a typo from becoming a bigint overflow


def read_reais(value: object) -> Cents:
    """Read an amount in reais, as text or a JSON number, into centavos.

    Vindi writes money as `"179.9"`, `"-1.2"`, `"0.0"`; some webhook bodies of zero bills carry
    numbers (vindi-api, section 4). Raises ValueError for anything that is not a finite amount
    with at most two significant decimals.
    """
    try:
        return _read(value)
    except TypeError as error:  # what cannot be remembered is no amount either
        raise ValueError(f"not an amount: {type(value).__name__}") from error


@lru_cache(maxsize=4096, typed=True)  # a bill says its price thrice, and the next one again
def _read(value: object) -> Cents:
    if isinstance(value, str) and (plain := _PLAIN.fullmatch(value)):
        return Cents(int(plain[1]) * 100 + int(plain[2].ljust(2, "0")))  # nearly every amount
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise ValueError(f"not an amount: {type(value).__name__}")  # noqa: TRY004 - one error class for callers
    # repr of a float is its shortest exact text: 179.9 stays 179.9.
    text = repr(value) if isinstance(value, float) else str(value).strip()
    if not _WRITTEN.fullmatch(text):
        raise ValueError("not an amount")
    amount = Decimal(text)
    if abs(amount) >= _LIMIT:
        raise ValueError("not an amount within reach")
    rounded = amount.quantize(_CENTAVO)
    if rounded != amount:
        raise ValueError("an amount has at most two decimals")
    return Cents(int(rounded * 100))


def show_reais(cents: int) -> str:
    """Write centavos as a decimal string in reais: `17990` is `"179.90"`."""
    sign = "-" if cents < 0 else ""
    whole, part = divmod(abs(cents), 100)
    return f"{sign}{whole}.{part:02d}"
