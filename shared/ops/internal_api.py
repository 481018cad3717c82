"""Calling the internal API from the command line."""

import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from shared.config.env import Env, SettingsError
from shared.local.home import known_settings
from shared.net.http import demand_https

PREFIX: Final = "/internal/v1"
TIMEOUT: Final = aiohttp.ClientTimeout(total=60, connect=5)


class CallRefused(Exception):
    """The API refused a call; the message is what it said."""


class ApiAway(CallRefused):
    """The API did not answer, or said that it cannot now: later it may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InternalApi:
    """The internal API as an operator reaches it."""

    base: str
    http: aiohttp.ClientSession

    async def call(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """Send one call and give back its answer; CallRefused (ApiAway) when it is no success."""
        try:
            async with self.http.request(method, f"{self.base}{PREFIX}{path}", json=body) as answer:
                said = await answer.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise ApiAway(f"the internal API does not answer at {self.base}") from error
        if not isinstance(said, dict):
            raise CallRefused("the internal API gave no object")
        if answer.status >= 400:
            refusal = ApiAway if answer.status >= 500 else CallRefused
            raise refusal(_told(said))
        return said


@asynccontextmanager
async def internal_api(env: Mapping[str, str]) -> AsyncIterator[InternalApi]:
    """The API at INTERNAL_URL, else on this machine's INTERNAL_PORT, with the first token known.

    The token is INTERNAL_API_TOKEN, else the one that `make up` keeps in NOTAPONTE_HOME.
    SettingsError when one of these cannot be meant.
    """
    base = _base(env)
    with Env(values=known_settings(env)) as var:
        tokens = var.api_tokens("INTERNAL_API_TOKEN")
    token = tokens[0].token
    headers = {"Authorization": f"Bearer {token.reveal()}"}
    async with aiohttp.ClientSession(headers=headers, timeout=TIMEOUT) as http:
        yield InternalApi(base=base, http=http)


def _base(env: Mapping[str, str]) -> str:
    given = env.get("INTERNAL_URL") or f"http://127.0.0.1:{env.get('INTERNAL_PORT') or 8082}"
    try:
        return demand_https(given)
    except ValueError as error:
        raise SettingsError((f"INTERNAL_URL: {error}.",)) from error


def _told(problem: dict[str, Any]) -> str:
    lines = [f"{problem.get('code', 'refused')}: {problem.get('detail', '')}"]
    lines += [f"  {one.get('field')}: {one.get('message')}" for one in problem.get("errors", [])]
    if "backfill_id" in problem:
        lines.append(f"  {problem['backfill_id']}")
    return "\n".join(lines)


def complain(error: Exception | str) -> None:
    """Tell the operator in one line or a few."""
    sys.stderr.write(f"{error}\n")
