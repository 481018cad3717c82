"""Texts that stand in a field because somebody, or a program, had nothing to put there. Pure."""

import re
import unicodedata
from typing import Final

_LONGEST: Final = 24  # characters; a longer text says something
_AROUND: Final = " \t()[]{}<>'\"`“”‘’.,;:*_-/\\|"
# How any of them begins, small or capital: nearly every text is told apart by its first letter.
_OF_PROGRAMS_BEGIN: Final = frozenset("NU#") | frozenset(_AROUND)
# The same, small letters too: for whoever asks of many texts.
UNSAID_BEGINS: Final = _OF_PROGRAMS_BEGIN | {one.lower() for one in _OF_PROGRAMS_BEGIN}
_OF_PEOPLE_BEGIN: Final = frozenset("DNS") | _OF_PROGRAMS_BEGIN
_PROGRAM_WORDS: Final = frozenset({"null", "undefined", "none", "nan"})
_PROGRAM_TEXTS: Final = frozenset({"object object"})  # of what a program took for a text
# What a sheet shows for a cell that it could not fill, in both languages.
_SHEET_WORDS: Final = frozenset(
    {"n/d", "n/a", "ref", "valor", "value", "nome", "name", "nulo", "null", "div/0", "num"}
)
_PEOPLES: Final = frozenset(
    {"n a", "n d", "n i", "s n", "sem nome", "sem cadastro", "sem informacao", "nao informado",
     "nao informada", "nao consta", "nao identificado", "nao identificada", "nao cadastrado",
     "nao cadastrada", "nao possui", "nao tem", "desconhecido", "desconhecida"}
)  # fmt: skip
_WORD: Final = re.compile(r"[a-z0-9]+")


def is_unsaid(text: str) -> bool:
    """Say whether a program wrote a text where it had none: null, (undefined), NaN, #N/D.

    No person means a street, a district or a number by it. A name of two such words is none
    either: first and last name, each missing.
    """
    if len(text) > _LONGEST or text[:1].upper() not in _OF_PROGRAMS_BEGIN:
        return False
    bare = text.strip(_AROUND).lower()
    if bare.startswith("#"):
        return bare.strip("#!?") in _SHEET_WORDS
    words = bare.split()
    return " ".join(words) in _PROGRAM_TEXTS or (bool(words) and _PROGRAM_WORDS.issuperset(words))


def says_there_is_none(text: str) -> bool:
    """Say whether a text tells that there is nothing to tell: a program's word, or a person's."""
    if len(text) > _LONGEST or text[:1].upper() not in _OF_PEOPLE_BEGIN:
        return False
    if is_unsaid(text):
        return True
    plain = unicodedata.normalize("NFKD", text.lower()).encode("ascii", "ignore").decode()
    return " ".join(_WORD.findall(plain)) in _PEOPLES
