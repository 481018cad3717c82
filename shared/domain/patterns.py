"""Names of products and plans as a rule writes them: `Curso*`. Pure.

Case, accents and doubled blanks do not count; `*` stands for any text, also for none. A name
without it has to be the whole name.
"""

import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

ANY: Final = "*"


@lru_cache(maxsize=8192)
def plain(text: str) -> str:
    """A name as it is compared: small letters, no accents, single blanks."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return " ".join(bare.casefold().split())


@lru_cache(maxsize=65536)
def matches(pattern: str, name: str) -> bool:
    """Say whether a name is meant by a pattern; in time that grows with both lengths alone."""
    return fits(plain(pattern), plain(name))


def any_matches(patterns: Iterable[str], name: str | None) -> bool:
    """Say whether a name is meant by any of some patterns; what has no name is meant by none."""
    return bool(name) and any(matches(pattern, name or "") for pattern in patterns)


def fits(pattern: str, name: str) -> bool:
    """The same of a pattern and a name that are `plain` already.

    A pattern fits another one only if whatever the other one means is meant by it too.
    """
    first, *others = pattern.split(ANY)
    if not others:
        return pattern == name
    *middle, last = others
    if len(name) < len(first) + len(last) or not name.startswith(first):
        return False
    at, end = len(first), len(name) - len(last)
    for piece in middle:
        found = name.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return name.endswith(last)
