"""Texts that some program read in the wrong alphabet before they came to us: `JosÃ©`. Pure."""

import re
from typing import Final

# The first byte of a letter in UTF-8, read as a sign of its own. A blank behind it belongs to the
# next word: "MAÇÃ  VERDE", with the blank that does not break, is meant as it stands.
_FIRST: Final = re.compile("[Â-Ãâãð](?!\\s)")
_MOST_TIMES: Final = 3  # each program on the way may do it once
_ALPHABETS: Final = ("cp1252", "latin-1")


def as_meant(text: str) -> str:
    """The text in its own letters where all of it was UTF-8 read as Latin-1 or Windows' alphabet.

    A text of which only a part would come out is left as it is: nobody knows what it was.
    """
    for _ in range(_MOST_TIMES):
        again = _again(text) if _FIRST.search(text) else text
        if again == text:
            break
        text = again
    return text


def _again(text: str) -> str:
    for alphabet in _ALPHABETS:
        try:
            read = text.encode(alphabet).decode("utf-8")
        except UnicodeError:
            continue
        # A blank that does not break would have to be half a letter.
        return text if "\u00a0" in text or not read.isprintable() else read
    return text
