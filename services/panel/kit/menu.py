"""The pages of a tenant, as its menu names them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shared.domain.people import Rank, Right, may


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuItem:
    """One line of the menu; `path` is below the tenant."""

    word: str
    path: str
    here: bool


_PAGES: Final[tuple[tuple[str, str, Right], ...]] = (
    ("overview", "", "see"),
    ("sales", "/vendas", "see"),
    ("attention", "/pendencias", "see"),
    ("closing", "/fechamento", "see"),
    ("rule", "/regra", "see"),
    ("past", "/passadas", "see"),
    ("activation", "/ativacao", "see"),
    ("settings", "/configuracoes", "see"),
)


def menu_of(standing: Rank, path: str) -> Sequence[MenuItem]:
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
