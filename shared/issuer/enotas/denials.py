"""What a reason of eNotas says, and what the catalogue of refusals makes of it.

The texts come from some thousands of city halls and are wrapped in JSON, in HTML, or in both.
"""

import json
import re
from html import unescape
from typing import Final

from shared.domain.refusals import KnownDenial, read_refusal

_TAG: Final = re.compile(r"<[^<>]*>")
_SPACE: Final = re.compile(r"\s+")


def classify_denial(text: str | None) -> KnownDenial:
    """Say what a denial asks for. Show the original as well: this is a hint."""
    return read_refusal(plain_reason(text))


def plain_reason(text: str | None) -> str | None:
    """A reason as a person can read it: unwrapped from JSON, free of HTML, or None when empty."""
    if not text:
        return None
    unwrapped = _unwrap(text)
    spaced = unescape(_TAG.sub(" ", unwrapped)).replace("\x00", "")
    lines = (_SPACE.sub(" ", line).strip() for line in spaced.splitlines())
    return "\n".join(line for line in lines if line) or None


def _unwrap(text: str) -> str:
    """Take the message out of `{"mensagemErro": …}`, which may itself be wrapped once more."""
    for _ in range(2):
        if not text.lstrip().startswith(("{", '"')):
            break
        try:
            content = json.loads(text)
        except (ValueError, RecursionError):  # nested as nobody means it
            break
        message = content.get("mensagemErro") if isinstance(content, dict) else content
        if not isinstance(message, str):
            break
        text = message
    return text
