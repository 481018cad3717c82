"""Names as people type them to find somebody: accents, capitals, words left out do not count.

PostgreSQL folds a text by `translate`, which is too slow for every row of a large list (11 µs). So
a text is looked for by two patterns: a fast one in which each letter that may bear an accent is any
letter, and an exact one for the few rows that fit it. Pure.
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
    """Patterns of LIKE: `fast` for ILIKE of the text as it is, `exact` for the folded text.

    `exact` is None where `fast` says it all, in which accents count: what consists of letters that
    may bear one would fit nearly every text.
    """

    fast: str
    exact: str | None


def alike(typed: str) -> Likeness:
    """What finds a part of a text; words may have others between them (`jose silva`)."""
    words = typed.casefold().translate(_FOLD).split()
    loose = [word.translate(_ESCAPED).translate(_MAY_BEAR) for word in words]
    if not any(letter.isalnum() for word in words for letter in word.translate(_MAY_BEAR)):
        plain = [word.translate(_ESCAPED) for word in typed.split()]
        return Likeness(fast=_pattern(plain), exact=None)
    return Likeness(
        fast=_pattern(loose), exact=_pattern([word.translate(_ESCAPED) for word in words])
    )


def _pattern(words: list[str]) -> str:
    return f"%{'%'.join(words)}%"
