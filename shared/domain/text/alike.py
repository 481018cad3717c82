"""Names as people type them to find somebody: accents, capitals, words left out do not count.

A text is looked for by two patterns: a fast one in which each letter that may bear an accent is any
letter, and an exact one, a regular expression, for the rows that fit it. Pure.
"""

from typing import Final

from msgspec import Struct

# What Portuguese and its neighbours put on letters, and what is beneath; a letter that was typed
# with one is found without it too. Small and capital: where a database has the locale C, `lower`
# knows plain letters alone.
_LOWER: Final = "áàâãäåéèêëíìîïóòôõöúùûüçñý"
ACCENTED: Final = _LOWER + _LOWER.upper()
BARE: Final = "aaaaaaeeeeiiiiooooouuuucny" * 2
_FOLD: Final = str.maketrans(ACCENTED, BARE)
_MAY_BEAR: Final = str.maketrans(dict.fromkeys(set(BARE), "_"))
_ESCAPED: Final = str.maketrans({"\\": "\\\\", "%": "\\%", "_": "\\_"})


class Likeness(Struct, frozen=True, kw_only=True):
    """`fast` is a pattern of ILIKE; `exact` one of `~`, None where `fast` says it all."""

    fast: str
    exact: str | None


def alike(typed: str) -> Likeness:
    """What finds a part of a text; words may have others between them (`jose silva`)."""
    words = typed.casefold().translate(_FOLD).split()
    loose = [word.translate(_ESCAPED).translate(_MAY_BEAR) for word in words]
    exact = ".*".join("".join(map(_any_case, word)) for word in words)
    return Likeness(fast=f"%{'%'.join(loose)}%", exact=exact or None)


def _any_case(letter: str) -> str:
    """A part of a regular expression that fits a letter, small or capital, with any accent."""
    borne = [other for other, bare in zip(ACCENTED, BARE, strict=True) if bare == letter]
    forms = dict.fromkeys([letter, letter.upper(), *borne])
    single = [form for form in forms if len(form) == 1]
    if len(single) > 1:
        return f"[{''.join(single)}]"
    return letter if letter.isalnum() or not letter.isascii() else f"\\{letter}"
