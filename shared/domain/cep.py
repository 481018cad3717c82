"""Which state a CEP belongs to, by the ranges of the Correios. Ships with us: nobody is asked."""

from bisect import bisect_right
from functools import lru_cache
from typing import Final

# The first five digits with which a range begins, in order; each ends where the next begins.
_BEGINS: Final = (
    ("01000", "SP"), ("20000", "RJ"), ("29000", "ES"), ("30000", "MG"), ("40000", "BA"),
    ("49000", "SE"), ("50000", "PE"), ("57000", "AL"), ("58000", "PB"), ("59000", "RN"),
    ("60000", "CE"), ("64000", "PI"), ("65000", "MA"), ("66000", "PA"), ("68900", "AP"),
    ("69000", "AM"), ("69300", "RR"), ("69400", "AM"), ("69900", "AC"), ("70000", "DF"),
    ("72800", "GO"), ("73000", "DF"), ("73700", "GO"), ("76800", "RO"), ("77000", "TO"),
    ("78000", "MT"), ("78900", "RO"), ("79000", "MS"), ("80000", "PR"), ("88000", "SC"),
    ("90000", "RS"),
)  # fmt: skip
_STARTS: Final = [start for start, _ in _BEGINS]


@lru_cache(maxsize=8192)
def state_of_cep(cep: str) -> str | None:
    """The two letters of the state an eight-digit CEP lies in; None for what is no CEP."""
    if len(cep) != 8 or not (cep.isascii() and cep.isdigit()):
        return None
    place = bisect_right(_STARTS, cep[:5]) - 1
    return _BEGINS[place][1] if place >= 0 else None
