"""A city's text fit for eyes that are not its tenant's: no number, address or name is left. Pure.

What stays are the words that the catalogue of refusals uses itself, and small ones of a sentence. A
word that may be a name is masked: who needs it reads the sale it is from.
"""

import re
from collections.abc import Iterable
from functools import cache
from typing import Final

from shared.domain.bare_text import bare, repaired
from shared.domain.refusals import vocabulary

NAME: Final = "[nome]"
MAIL: Final = "[e-mail]"
LINK: Final = "[link]"
QUOTE: Final = "[texto]"
LONGEST: Final = 500
MOST_READ: Final = 4 * LONGEST  # looking for addresses takes time by the square of a text's length

_MAIL: Final = re.compile(r"\S+@\S+")
_LINK: Final = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_QUOTED: Final = re.compile(r"\"[^\"]*\"|“[^”]*”|«[^»]*»|(?<!\w)'[^']*'(?!\w)")
_DIGIT: Final = re.compile(r"\d")
_CODE: Final = re.compile(r"(?:E|L|GW|AUT|RNG|EL)\d{1,4}", re.IGNORECASE)
_WORDS: Final = re.compile(r"\w+", re.UNICODE)
_SMALL_WORDS: Final = (
    "a o as os e ou de da do das dos em no na nos nas um uma por para com sem que se ao aos à às"
    " não nao foi ser deve está esta este esse essa isso sua seu pelo pela já ja mais menos entre"
    " código codigo descrição descricao correção correcao mensagem motivo erro rejeição rejeicao"
    " informe informar verifique corrija campo dados valor data inválido invalido obrigatório"
    " obrigatorio permitido informado informada existe encontrado encontrada pode tente novamente"
)
_SMALL: Final = frozenset(_SMALL_WORDS.split())


def masked(text: str, names: Iterable[str] = ()) -> str:
    """A text without digits, addresses, quotations and words that may be names.

    `names` are of people the text may speak of: each of their words is masked, however written.
    """
    plain = _QUOTED.sub(QUOTE, _LINK.sub(LINK, _MAIL.sub(MAIL, repaired(_beginning(text)))))
    theirs = {word for name in names for word in bare(name).split() if len(word) > 1}
    doubtful = plain.isupper() or plain.islower()
    made = _WORDS.sub(lambda word: _mask(word[0], theirs, doubtful=doubtful), plain)
    one_line = " ".join(re.sub(rf"(?:{re.escape(NAME)}\s*)+", f"{NAME} ", made).split())
    return one_line[:LONGEST]


def _beginning(text: str) -> str:
    """What is read of a text; it ends between words, since half an address looks like none."""
    if len(text) <= MOST_READ:
        return text
    words = text[:MOST_READ].rsplit(maxsplit=1)
    return words[0] if len(words) == 2 else ""


def _mask(word: str, theirs: set[str], *, doubtful: bool) -> str:
    if f"[{word}]" in (NAME, LINK, QUOTE) or _CODE.fullmatch(word):
        return word
    if _DIGIT.search(word):
        return _DIGIT.sub("#", word) if word.isdigit() else NAME
    plain = bare(word)
    if plain in theirs:
        return NAME
    known = word.lower() in _SMALL or plain in _vocabulary()
    return word if known or (word.islower() and not doubtful) else NAME


@cache
def _vocabulary() -> frozenset[str]:
    return frozenset(word for text in vocabulary() for word in bare(text).split())
