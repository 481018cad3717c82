"""The pages of a tenant, as its menu names them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shared.domain.people import Right, Standing, may


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuItem:
    """One line of the menu; `path` is below the tenant."""

    word: str
    path: str
    here: bool


_PAGES: Final[tuple[tuple[str, str, Right], ...]] = (("overview", "", "see"),)


def menu_of(standing: Standing, path: str) -> Sequence[MenuItem]:
    """What somebody may open; the page at `path`, or the one it lies below, is marked."""
    return [
        MenuItem(word=word, path=to, here=_is_at(path, to))
        for word, to, right in _PAGES
        if may(standing, right)
    ]


def _is_at(path: str, to: str) -> bool:
    if to == "":
        return path == ""
    return path == to or path.startswith(f"{to}/")
