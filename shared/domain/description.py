"""The text of a nota, from the tenant's template.

Where it is too long, what the tenant sold is told shorter first, then the customer's name, and
only then the tenant's own words; the bill's number, amounts and dates are never touched.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

from msgspec import Struct

from shared.domain.text.cutting import MARK, cut
from shared.domain.text.letters import lines, one_line, rewritten

VARIABLES: Final = frozenset(
    {"produtos", "fatura", "competencia", "cliente", "plano", "ciclo", "valor", "pagamento"}
)
PRODUCTS: Final = "produtos"
# The national standard's limits of the discriminação (enotas-api, section 4.3), for every issuer.
FEWEST_CHARACTERS: Final = 10  # blanks not counted
MOST_CHARACTERS: Final = 2000
_VARIABLE = re.compile(r"\{([^{}]*)\}")
_CUT_NEXT: Final = {"cliente": "nome do cliente", "plano": "plano"}  # in this order
_FEWEST_OF_A_NAME: Final = 12  # of a product's: fewer say nothing


class Written(Struct, frozen=True, kw_only=True):
    """A description, and in Portuguese what of it had to be told shorter."""

    text: str
    shortened: tuple[str, ...] = ()


class _Piece(Struct, kw_only=True):
    """A stretch of the tenant's own words, or a variable with its value."""

    text: str
    variable: str | None = None


def check_template(template: str) -> None:
    """Raise ValueError when a template names a variable we do not know or leaves a brace open."""
    unknown = sorted({name for name in _VARIABLE.findall(template) if name not in VARIABLES})
    if unknown:
        known = ", ".join(f"{{{name}}}" for name in sorted(VARIABLES))
        raise ValueError(
            f"description: a variável {{{unknown[0]}}} não existe; as conhecidas são {known}"
        )
    if set("{}") & set(_VARIABLE.sub("", template)):
        raise ValueError("description: uma chave ficou aberta ou foi fechada duas vezes")


@lru_cache(maxsize=1024)
def variables_in(template: str) -> frozenset[str]:
    """Name the variables that a template uses."""
    return frozenset(_VARIABLE.findall(template))


def fill_template(
    template: str, values: Mapping[str, str], products: Sequence[str] = ()
) -> Written:
    """Fill a checked template within the limit; values are written on one line each.

    `products` are the names that `{produtos}` stands for.
    """
    names = [name for one in products if (name := one_line(one))]
    said = {name: one_line(value) for name, value in values.items()}
    said[PRODUCTS] = ", ".join(names)
    parsed = _parsed(template)
    text = lines("".join(said.get(word, "") if variable else word for word, variable in parsed))
    if len(text) <= MOST_CHARACTERS:
        return Written(text=text)
    pieces = [
        _Piece(text=said.get(word, ""), variable=word) if variable else _Piece(text=word)
        for word, variable in parsed
    ]
    return _shortened(pieces, names)


def lengthen(text: str, bill: int) -> str:
    """Name the bill in a text too short for the issuer; others stay as the tenant wrote them."""
    # No two blanks, and no three breaks, follow each other: a third of a text is letters.
    if len(text) >= 3 * FEWEST_CHARACTERS or len("".join(text.split())) >= FEWEST_CHARACTERS:
        return text
    return " - ".join(part for part in (text, f"referente à fatura {bill}") if part)


@lru_cache(maxsize=1024)
def _parsed(template: str) -> tuple[tuple[str, bool], ...]:
    """The template's words and, marked with True, its variables, in their order."""
    parts = _VARIABLE.split(template)
    return tuple(
        (part if place % 2 else _own_words(part), bool(place % 2))
        for place, part in enumerate(parts)
        if part
    )


@lru_cache(maxsize=1024)
def measured(template: str) -> tuple[int, int]:
    """How many characters of a template are its own, and how often it names a variable."""
    parsed = _parsed(template)
    own = sum(len(word) for word, is_variable in parsed if not is_variable)
    return own, sum(is_variable for _, is_variable in parsed)


def _own_words(text: str) -> str:
    rows = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(rewritten(row) for row in rows)


def _shortened(pieces: list[_Piece], names: Sequence[str]) -> Written:
    shortened = []
    listed = [piece for piece in pieces if piece.variable == PRODUCTS and piece.text]
    room = _room(pieces, listed)
    if any(len(piece.text) > room for piece in listed):
        for piece in listed:
            piece.text = list_products(names, room)
        shortened.append("lista de produtos")
    for variable, what in _CUT_NEXT.items():
        long = [piece for piece in pieces if piece.variable == variable and piece.text]
        if long and _length(pieces) > MOST_CHARACTERS:
            room = _room(pieces, long)
            for piece in long:
                piece.text = cut(piece.text, room, MARK)
            shortened.append(what)
    if _length(pieces) > MOST_CHARACTERS:
        _cut_own_words(pieces)
        shortened.append("texto do modelo")
    text = lines("".join(piece.text for piece in pieces))
    return Written(text=cut(text, MOST_CHARACTERS, MARK), shortened=tuple(shortened))


def list_products(names: Sequence[str], most: int) -> str:
    """As many names as fit, and how many more there are: "Plano A, Plano B e mais 97 itens"."""
    if not names:
        return ""
    if len(names) == 1:
        return cut(names[0], most, MARK) if most >= _FEWEST_OF_A_NAME else ""
    count = _how_many_fit(names, most)
    if count:
        return ", ".join(names[:count]) + _and_more(len(names) - count)
    rest = _and_more(len(names) - 1)
    if most - len(rest) >= _FEWEST_OF_A_NAME:
        return cut(names[0], most - len(rest), MARK) + rest
    counted = f"{len(names)} itens"
    return counted if len(counted) <= most else ""


def _how_many_fit(names: Sequence[str], most: int) -> int:
    fit, length = 0, -len(", ")
    for count, name in enumerate(names, start=1):
        length += len(", ") + len(name)
        if length > most:
            break
        if length + len(_and_more(len(names) - count)) <= most:
            fit = count
    return fit


def _and_more(count: int) -> str:
    match count:
        case 0:
            return ""
        case 1:
            return " e mais 1 item"
        case _:
            return f" e mais {count} itens"


def _cut_own_words(pieces: Sequence[_Piece]) -> None:
    """Shorten the tenant's longest stretches, so that what stands between them survives."""
    for piece in sorted(pieces, key=lambda one: len(one.text), reverse=True):
        over = _length(pieces) - MOST_CHARACTERS
        if over > 0 and piece.variable is None:
            room = max(len(piece.text) - over - 1, 0)
            piece.text = f"{cut(piece.text, room, MARK)} " if room else " "


def _room(pieces: Sequence[_Piece], among: Sequence[_Piece]) -> int:
    """What each of these may have of the limit, beside all others."""
    others = _length(pieces) - sum(len(piece.text) for piece in among)
    return max((MOST_CHARACTERS - others) // max(len(among), 1), 0)


def _length(pieces: Sequence[_Piece]) -> int:
    return sum(len(piece.text) for piece in pieces)
