"""The cookies of the panel: a session, a visit before it, a link that was followed, a word said."""

import secrets
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

SESSION: Final = "notaponte"
VISIT: Final = "notaponte-visita"  # before anybody is signed in: what their forms are bound to
LINK: Final = "notaponte-convite"
SAID: Final = "notaponte-recado"
TICKET: Final = "notaponte-chamado"  # `tenant:person:ticket`, of somebody of ours
ERRAND: Final = "notaponte-externa"  # what another door's answer is held against, sealed
DEVICE: Final = "notaponte-aparelho"  # sealed: who has signed in by this browser, and its word
LONGEST: Final = 14 * 24 * 3600
_LINK_SECONDS: Final = 3600
_SAID_SECONDS: Final = 60
_ERRAND_SECONDS: Final = 600
_DEVICE_SECONDS: Final = 400 * 24 * 3600  # longer no browser keeps one


class Jar:
    """Reads and sets cookies; over https under names that no other host can set."""

    def __init__(self, *, encrypted: bool) -> None:
        self._encrypted = encrypted

    def read(self, request: Request, name: str) -> str:
        """The value, or nothing."""
        return request.cookies.get(self._full(name), "")

    def keep(self, response: Response, name: str, value: str, seconds: int | None = None) -> None:
        """Set one; without `seconds` until the browser closes."""
        response.set_cookie(
            self._full(name),
            value,
            max_age=seconds,
            path="/",
            secure=self._encrypted,
            httponly=True,
            samesite="lax",
        )

    def drop(self, response: Response, name: str) -> None:
        """Take one back."""
        response.delete_cookie(
            self._full(name),
            path="/",
            secure=self._encrypted,
            httponly=True,
            samesite="lax",
        )

    def keep_session(self, response: Response, word: str) -> None:
        self.keep(response, SESSION, word, LONGEST)

    def keep_link(self, response: Response, token: str) -> None:
        self.keep(response, LINK, token, _LINK_SECONDS)

    def keep_errand(self, response: Response, sealed: str) -> None:
        self.keep(response, ERRAND, sealed, _ERRAND_SECONDS)

    def keep_device(self, response: Response, sealed: str) -> None:
        self.keep(response, DEVICE, sealed, _DEVICE_SECONDS)

    def keep_said(self, response: Response, said: str) -> None:
        self.keep(response, SAID, said, _SAID_SECONDS)

    def _full(self, name: str) -> str:
        return f"__Host-{name}" if self._encrypted else name


def new_visit() -> str:
    """A word for a visit."""
    return secrets.token_urlsafe(24)
