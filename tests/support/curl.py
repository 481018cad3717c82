"""The calls of curl that documents tell somebody to type, read as curl and a shell read them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.support.typed import Typed

_WORD = re.compile(r"""(?:'[^']*'|"(?:\\.|[^"\\])*"|\\\n|[^\s'"|;)>&\\])+|[|;)>&\n]|\\\n|\\.""")
_QUOTED = re.compile(r"""'([^']*)'|"((?:\\.|[^"\\])*)\"""")
_TAKE_A_WORD = {"-H", "-d", "-X", "-o", "-w", "-u", "-sH"}
_OF_A_FILE = re.compile(r"-d @\S+\s*#\s*(\{.*\})|-d @\S+\n\s*#\s*(\{.*\})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Curl:
    """One call; of what lies in a file the body is what the remark beside it says."""

    method: str
    url: str
    body: str | None


def curls(piece: Typed) -> Iterator[Curl]:
    """The calls of a piece, in order."""
    for begins in re.finditer(r"\bcurl ", piece.text):
        rest = piece.text[begins.end() :]
        yield _read(_words(rest), rest)


def _words(text: str) -> Iterator[str]:
    for word in _WORD.findall(text):
        if word in {"\n", "|", ";", ")", ">", "&"} or word.startswith("#"):
            return
        if word != "\\\n":
            yield _QUOTED.sub(lambda quoted: quoted[1] or quoted[2] or "", word)


def _read(words: Iterator[str], rest: str) -> Curl:
    method, url, body = "", "", None
    for word in words:
        value = next(words, "") if word in _TAKE_A_WORD else ""
        if word == "-X":
            method = value
        elif word == "-d":
            body = value
        elif not word.startswith("-"):
            url = word
    if body is not None and body.startswith("@"):
        said = _OF_A_FILE.search(rest)
        body = (said[1] or said[2]) if said else None
    return Curl(method=method or ("GET" if body is None else "POST"), url=url, body=body)
