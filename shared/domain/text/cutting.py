"""Texts made shorter: between words where that can be, never inside a letter. Pure."""

import unicodedata
from typing import Final

MARK: Final = "..."  # of a text that went on; in every alphabet
_LOOSE_ENDS: Final = " \n,;:-/("


def cut(text: str, most: int, mark: str = "") -> str:
    """Cut a text to at most `most` characters, `mark` included, nothing loose at its end."""
    if len(text) <= most:
        return text
    room = max(most - len(mark), 0)
    head = text[: _place(text, room)].rstrip(_LOOSE_ENDS)
    return f"{head}{mark}"[:most]


def halves(text: str, most: int) -> tuple[str, str]:
    """What of a text fits, and the rest of it, without the blank or comma between them."""
    head = cut(text, most)
    return head, text[len(head) :].strip(_LOOSE_ENDS)


def _place(text: str, room: int) -> int:
    """Between two words, unless more than half would go; else between two letters."""
    if text[room : room + 1].isspace():
        return room
    blank = max(text.rfind(" ", 0, room), text.rfind("\n", 0, room))
    if blank * 2 > room:
        return blank
    while room > 0 and unicodedata.category(text[room])[0] == "M":
        room -= 1  # an accent belongs to the letter before it
    return room
