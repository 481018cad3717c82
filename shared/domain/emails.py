"""E-mail addresses as people type them into a field that was meant for one. Pure."""

import re
from functools import lru_cache
from html import unescape
from typing import Final

from email_validator import EmailNotValidError, validate_email

from shared.domain.text.letters import Alphabet, one_line

MOST_CHARACTERS: Final = 80  # enotas-api, section 4.2
_LONGEST_LABEL: Final = 63  # of a domain, between two dots
# What is surely good, as nearly all are; anything else is asked of who knows the standard.
_USUAL: Final = re.compile(
    r"[a-z0-9]+(?:[._-][a-z0-9]+)*@(?:[a-z0-9]+(?:-[a-z0-9]+)*\.)+(?:com|br|net|org|example)"
)
_IN_BRACKETS: Final = re.compile(r"<([^<>]*)>")
_COMMENT: Final = re.compile(r"\([^()]*\)")
_BETWEEN: Final = re.compile(r"[,;|/\n]+|\s(?:e|ou)\s", re.IGNORECASE)
_LABEL: Final = re.compile(r"^\s*(?:e-?mails?|correio)\s*[:=-]\s*", re.IGNORECASE)
_SHORTEST_ENDING: Final = 2  # letters: no domain of the highest level has one
_BEFORE: Final = " :\"'<[("
_BEHIND: Final = " .:\"'>])"


def email_for_nota(text: str | None) -> str | None:
    """The first good address of a field that may hold several; None when none surely is."""
    if not text:
        return None
    if len(text) < _LONGEST_LABEL and _USUAL.fullmatch(text):
        return text
    return next(iter(emails_in(text)), None)


@lru_cache(maxsize=4096)
def emails_in(text: str) -> tuple[str, ...]:
    """The good addresses of a field, each once, in their order.

    "Maria <maria@x.com.br>" is one. So is none of "ana silva@x.com.br": half an address may be
    somebody else's.
    """
    # Entities first: half of "ana&amp;co@x.com.br" is the address of somebody else.
    bare = _COMMENT.sub(" ", unescape(text) if "&" in text else text)
    found = [_good(one) for part in _BETWEEN.split(bare) for one in _candidates(part)]
    return tuple(dict.fromkeys(one for one in found if one is not None))


def _candidates(part: str) -> list[str]:
    part = one_line(part, Alphabet.UNICODE)
    named = _IN_BRACKETS.findall(part)
    if named:
        return list(named)
    words = _LABEL.sub("", part, count=1).split(" ")
    return words if all("@" in word for word in words) else []


def _good(candidate: str) -> str | None:
    address = candidate.lstrip(_BEFORE).rstrip(_BEHIND)
    address = address[7:] if address.lower().startswith("mailto:") else address
    try:
        # The domains of tests are let through: what they are for is a question of the account.
        told = validate_email(
            address, check_deliverability=False, test_environment=True, strict=True
        )
    except EmailNotValidError:
        return None
    said = told.ascii_email or told.normalized
    latin = all(letter <= "ÿ" for letter in said)
    whole = len(said.rpartition(".")[2]) >= _SHORTEST_ENDING
    return said if latin and whole and len(said) <= MOST_CHARACTERS else None
