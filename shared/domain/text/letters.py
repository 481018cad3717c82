"""Texts in the letters that a nota can carry: no control characters, one blank at a time. Pure.

XML 1.0 has no control characters; cities refuse line breaks that come from data, and many print
Latin-1 only (fiscal-domain, section 6).
"""

import re
import unicodedata
from collections.abc import Callable
from enum import StrEnum
from html import unescape
from typing import Final

from anyascii import anyascii

MOST_REMEMBERED: Final = 10_000  # characters: who sends us all of Unicode fills no memory


class Alphabet(StrEnum):
    """Which letters a field takes."""

    LATIN_1 = "latin_1"
    UNICODE = "unicode"  # whatever XML 1.0 can carry


# Where the usual transliteration says something else than a person would.
_OWN: Final = {"•": "-", "◦": "-", "▪": "-", "∙": "-", "″": '"', "→": "->", "←": "<-",
               "‹": "'", "›": "'", "Œ": "OE", "∞": "", "√": ""}  # fmt: skip
_REPLACEMENT: Final = "�"  # stands for what was lost before it came to us
# Latin-1 as it should be: nothing but letters and signs, single blanks, none at the ends.
_GOOD_LATIN: Final = re.compile(r"[!-~¡-¬®-ÿ]+(?: [!-~¡-¬®-ÿ]+)*")
# "&amp;" of a shop that wrote for a page and sent it on; a name has none. Whole ones alone.
_ENTITY: Final = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
# "&amp;amp;…": however often it was written, in one step; one by one costs its length's square.
_AMPERSANDS: Final = re.compile(r"&(?:amp;|AMP;|#0{0,5}38;|#[xX]0{0,4}26;)+")
_MANY_BREAKS: Final = re.compile(r"\n{3,}")


class _Table(dict[int, str]):
    """What each character is written as, worked out once for each that is met."""

    def __init__(self, write: Callable[[str], str]) -> None:
        super().__init__()
        self._write = write

    def __missing__(self, code: int) -> str:
        written = self._write(chr(code))
        if len(self) < MOST_REMEMBERED:
            self[code] = written
        return written


def _carried(letter: str) -> str:
    """Leave out what no XML or no reader has; a break or tab of any kind is a blank."""
    if letter.isspace():
        return " "
    if "\x80" <= letter <= "\x9f":  # Windows' own signs, read as Latin-1 by somebody before us
        return letter.encode("latin-1").decode("cp1252", "ignore")
    gone = letter == _REPLACEMENT or unicodedata.category(letter)[0] == "C"
    return "" if gone else letter


def _in_latin_1(letter: str) -> str:
    """Letters of other scripts are transliterated, signs replaced; emoji and the like go."""
    if letter in _OWN:
        return _OWN[letter]
    if letter <= "\xff":
        return letter
    if unicodedata.category(letter) == "So":
        letter = unicodedata.normalize("NFKC", letter)  # ™, №, ℃ are letters; a heart is none
        return "".join(one if one <= "\xff" else "" for one in letter)
    return anyascii(letter)


_CARRIED: Final = _Table(_carried)
_LATIN_1: Final = _Table(_in_latin_1)


def is_single_line(text: str) -> bool:
    """Say whether a text surely is as `one_line` would write it, in any alphabet, and not empty."""
    return (
        text.isascii()
        and text.isprintable()
        and "  " not in text
        and text[:1] not in ("", " ")
        and text[-1] != " "
    )


def grows_no_longer(text: str) -> bool:
    """Say whether a text surely has no more characters once it is written on one line."""
    return text.isascii() or _GOOD_LATIN.fullmatch(text) is not None


def one_line(text: str, alphabet: Alphabet = Alphabet.LATIN_1) -> str:
    """Write a text on one line, trimmed, with single blanks. Safe to repeat."""
    if "&" in text:
        text = _without_entities(text)
    if text.isascii() and text.isprintable():
        if "  " in text or text[:1] == " " or text[-1:] == " ":
            return " ".join(text.split())
        return text
    if _GOOD_LATIN.fullmatch(text):
        return text
    written = _single_blanks(rewritten(text, alphabet))
    if "&" not in written or (bare := _without_entities(written)) == written:
        return written
    return one_line(bare, alphabet)  # what stood inside an entity and is carried nowhere hid it


def _without_entities(text: str) -> str:
    """The letters that entities of a page stand for, also where they were written twice."""
    while (
        after := _ENTITY.sub(lambda found: unescape(found[0]), _AMPERSANDS.sub("&", text))
    ) != text:
        text = after  # which is shorter
    return text


def lines(text: str, alphabet: Alphabet = Alphabet.LATIN_1) -> str:
    r"""Write a text whose lines a person chose: `\n` alone between them. Safe to repeat."""
    if "\n" not in text and "\r" not in text:
        return one_line(text, alphabet)
    rows = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return _MANY_BREAKS.sub("\n\n", "\n".join(one_line(row, alphabet) for row in rows)).strip("\n")


def rewritten(text: str, alphabet: Alphabet = Alphabet.LATIN_1) -> str:
    """Write a text in the letters of an alphabet, its blanks left as they are."""
    carried = unicodedata.normalize("NFC", text.translate(_CARRIED))
    return carried.translate(_LATIN_1) if alphabet is Alphabet.LATIN_1 else carried


def says_something(text: str) -> bool:
    """Say whether there is a letter or a digit in a text, once it is written in Latin letters."""
    if text[:1].isalnum() and text[0] <= "ÿ":  # as nearly always
        return True
    return any(letter.isalnum() for letter in one_line(text))


def is_transliterated(text: str) -> bool:
    """Say whether a text has letters of a script that is not Latin."""
    return not text.isascii() and any(
        letter > "\xff" and letter.isalpha() and "LATIN" not in unicodedata.name(letter, "")
        for letter in text
    )


def _single_blanks(text: str) -> str:
    if "  " in text or text[:1] == " " or text[-1:] == " ":
        return " ".join(text.split())
    return text
