"""Whether a secret that people make up can be guessed."""

import base64
import binascii
from typing import Final

LEAST_LETTERS: Final = 16
LEAST_DIFFERENT: Final = 6  # of sixteen at random out of sixteen signs fewer are one in millions
MAKES_ONE: Final = "openssl rand -hex 24"
MAKES_A_KEY: Final = "openssl rand -base64 32 | tr '+/' '-_'"


def is_guessable(secret: str) -> bool:
    """Whether a token or a password is too short, or too much of one sign, to be anybody's."""
    return len(secret) < LEAST_LETTERS or len(set(secret)) < LEAST_DIFFERENT


def is_typed(key: str) -> bool:
    """Whether the 32 bytes of a key were made up by a person: chance writes no such ones."""
    try:
        told = base64.b64decode(key.encode("ascii"), b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError):
        return False
    return len(set(told)) < LEAST_DIFFERENT or all(0x20 <= byte < 0x7F for byte in told)
