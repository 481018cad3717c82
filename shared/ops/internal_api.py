"""Calling the internal API from the command line."""

import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp

from shared.api_client.calls import InternalApiClient
from shared.api_client.transport import TIMEOUT, ApiTransport
from shared.config.env import Env, SettingsError
from shared.local.home import known_settings
from shared.net.http import demand_https


@asynccontextmanager
async def internal_api(env: Mapping[str, str]) -> AsyncIterator[InternalApiClient]:
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
        yield InternalApiClient(transport=ApiTransport(base=base, http=http))


def _base(env: Mapping[str, str]) -> str:
    given = env.get("INTERNAL_URL") or f"http://127.0.0.1:{env.get('INTERNAL_PORT') or 8082}"
    try:
        return demand_https(given)
    except ValueError as error:
        raise SettingsError((f"INTERNAL_URL: {error}.",)) from error


def complain(error: Exception | str) -> None:
    """Tell the operator in one line or a few."""
    sys.stderr.write(f"{error}\n")
