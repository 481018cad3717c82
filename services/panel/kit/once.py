"""A word of a form's own, by which the same form sent twice does one thing."""

import secrets
from typing import Annotated

from pydantic import StringConstraints

Once = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{16,64}$")]


def new_once() -> str:
    """A word for a form that is shown for the first time; shown again it keeps the one it has."""
    return secrets.token_urlsafe(24)
