"""HTTP calls as a user's script makes them; anything but success is an error."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

PATIENCE: Final = 10
TIMEOUT: Final = aiohttp.ClientTimeout(total=30)


class RefusedError(Exception):
    """A call was refused; the text says which, with status and answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """Calls below one base address, always with the same headers."""

    session: aiohttp.ClientSession
    base: str

    async def get(self, path: str, **params: Any) -> Any:
        """GET; parameters that are None are left out. Patient with a service that restarts."""
        given = {name: str(value) for name, value in params.items() if value is not None}
        for _ in range(PATIENCE):
            with suppress(aiohttp.ClientConnectionError):
                return await self._call("GET", path, params=given)
            await asyncio.sleep(1)
        return await self._call("GET", path, params=given)

    async def post(self, path: str, **body: Any) -> Any:
        return await self._call("POST", path, json=body or None)

    async def put(self, path: str, **body: Any) -> Any:
        return await self._call("PUT", path, json=body)

    async def patch(self, path: str, **body: Any) -> Any:
        return await self._call("PATCH", path, json=body)

    async def _call(self, method: str, path: str, **details: Any) -> Any:
        async with self.session.request(method, self.base + path, **details) as answer:
            if answer.status >= 300:
                said = (await answer.text())[:500]
                raise RefusedError(f"{method} {path}: {answer.status} {said}")
            return await answer.json()


@asynccontextmanager
async def calls_to(
    base: str, *, token: str | None = None, basic: str | None = None
) -> AsyncIterator[Calls]:
    """Open calls with a bearer token, or with a key as Basic user name, or with neither."""
    headers = {}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    if basic is not None:
        headers["Authorization"] = aiohttp.encode_basic_auth(basic, "")
    async with aiohttp.ClientSession(headers=headers, timeout=TIMEOUT) as session:
        yield Calls(session=session, base=base)
