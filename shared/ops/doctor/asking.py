"""A few plain reads of an account's API, told by their outside: status, headers, names of fields.

There is no way to name a method here. Requests are counted and spaced, since what an account may be
asked is shared with all its other systems.
"""

import asyncio
import base64
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import ClientError, ClientSession, ClientTimeout
from msgspec import Struct
from yarl import URL

from shared.config.secret import Secret
from shared.net.http import AnswerTooLarge, demand_https, read_capped
from shared.net.json_bytes import read_json

MOST_BYTES: Final = 8 * 2**20
SPACING: Final = timedelta(milliseconds=400)


class Seen(Struct, frozen=True, kw_only=True):
    """An answer; `status` 0 is none at all."""

    status: int
    headers: Mapping[str, str] = {}
    body: Any = None

    @property
    def kind(self) -> str:
        """Its content type, without parameters."""
        return self.headers.get("Content-Type", "none").partition(";")[0]

    def rows(self, name: str) -> list[dict[str, Any]]:
        """The objects of a list by the name it goes by."""
        found = self.body.get(name) if isinstance(self.body, dict) else self.body
        return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []

    def whole(self, header: str) -> int | None:
        """A header that is a number."""
        text = self.headers.get(header, "")
        return int(text) if text.isdigit() else None

    def fields(self) -> list[str]:
        """The names of the fields of its body, or of the first thing in it."""
        body = self.body[0] if isinstance(self.body, list) and self.body else self.body
        return sorted(map(str, body)) if isinstance(body, dict) else []


class PlainReader:
    """Reads with one key at one address."""

    def __init__(self, session: ClientSession, base: str, headers: Mapping[str, str]) -> None:
        self._session = session
        self._base = demand_https(base).rstrip("/")
        self._headers = headers
        self.asked = 0

    @classmethod
    def of_vindi(cls, session: ClientSession, base: str, key: Secret) -> "PlainReader":
        """The key is the user of Basic, without a password (vindi-api, 2.1)."""
        word = base64.b64encode(f"{key.reveal()}:".encode()).decode()
        return cls(session, base, {"Authorization": f"Basic {word}"})

    @classmethod
    def of_enotas(cls, session: ClientSession, base: str, key: Secret) -> "PlainReader":
        """The key as the panel shows it (enotas-api, 2.1)."""
        return cls(
            session,
            base,
            {"Authorization": f"Basic {key.reveal()}", "Accept": "application/json"},
        )

    async def get(self, path: str, **asked: str) -> Seen:
        """One read; whatever goes wrong on the way is a status of 0."""
        self.asked += 1
        await asyncio.sleep(SPACING.total_seconds())
        query = f"?{urlencode(asked)}" if asked else ""
        try:
            async with self._session.get(
                URL(f"{self._base}/{path}{query}", encoded=True),
                headers=self._headers,
                timeout=ClientTimeout(total=30),
                allow_redirects=False,
            ) as response:
                content = await read_capped(response, most=MOST_BYTES)
                return Seen(
                    status=response.status, headers=response.headers.copy(), body=_read(content)
                )
        # What the library raises may show the request, so it is never passed on.
        except (ClientError, AnswerTooLarge, TimeoutError, OSError):
            return Seen(status=0)


def _read(content: bytes) -> Any:
    try:
        return read_json(content)
    except ValueError:
        return None
