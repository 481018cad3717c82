"""A CPF or CNPJ inside a text that somebody typed, so that it is kept out of addresses. Pure."""

import re
import unicodedata
from typing import Final

from shared.domain.party import document_state, normalise_document

_CPF_DIGITS: Final = 11
_CNPJ_LETTERS: Final = 14
# Written as people write them, whole or with a digit that was mistyped: the dots, the stroke and
# the dash may each be there or not.
_WRITTEN: Final = re.compile(
    r"(?<![0-9A-Za-z])(?:\d{3}[. ]?\d{3}[. ]?\d{3}[-. ]?\d{2}"
    r"|\d{2}[. ]?\d{3}[. ]?\d{3}[/ ]?\d{4}[-. ]?\d{2}"
    r"|[0-9A-Z]{2}\.[0-9A-Z]{3}\.[0-9A-Z]{3}/[0-9A-Z]{4}-?\d{2})(?![0-9A-Za-z])",
    re.IGNORECASE | re.ASCII,
)


def names_somebody(text: str) -> bool:
    """Whether a text has a CPF, a CNPJ or an e-mail: for what is kept where nothing is erased."""
    return "@" in text or names_document(text)


def names_document(text: str) -> bool:
    """Whether a text is a CPF or CNPJ, however written, or has one among other words.

    A mistyped one counts: it is nearly somebody's. So do eleven and fourteen digits that are
    something else, which Vindi's numbers, of nine digits in 2026, are not.
    """
    plain = unicodedata.normalize("NFKC", text)
    whole = normalise_document(plain) or ""
    if len(whole) not in (_CPF_DIGITS, _CNPJ_LETTERS):
        return _WRITTEN.search(plain) is not None
    is_one = whole.isdigit() or document_state(whole) == "valid"
    return is_one or _WRITTEN.search(plain) is not None
