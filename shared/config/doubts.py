"""Settings with which everything starts, and that hardly anybody means: told, never refused."""

from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import urlsplit

from shared.config.env import Env, is_loopback
from shared.config.settings import read_public_panel_url, read_public_webhook_url
from shared.config.strength import (
    LEAST_LETTERS,
    MAKES_A_KEY,
    MAKES_ONE,
    is_guessable,
    is_typed,
)

_BETTER: Final = (
    f"take {LEAST_LETTERS} random letters and digits or more, such as {MAKES_ONE} writes."
)


def doubts(env: Mapping[str, str]) -> list[str]:
    """A sentence for each setting that a person should look at again, with what to do."""
    return [*_addresses(env), *_keys(env), *_guessable(env)]


def _addresses(env: Mapping[str, str]) -> Iterator[str]:
    var = Env(values=env)
    webhook, panel = read_public_webhook_url(var), read_public_panel_url(var)
    if var.problems:
        return  # refused elsewhere
    url = urlsplit(webhook)
    if url.scheme == "http" and not is_loopback(url.hostname or ""):
        yield (
            "PUBLIC_WEBHOOK_URL begins with http://: Vindi and eNotas send what they know, and the"
            " secret in the address, for everybody on the way to read. Put a proxy with https"
            " before the webhook, and enter the new addresses at both."
        )
    if webhook == panel:
        yield (
            "PUBLIC_WEBHOOK_URL and PUBLIC_PANEL_URL are the same: events reach the webhook only if"
            " a proxy leads /v1/ of that address to its port. A name of its own for each is better."
        )


def _keys(env: Mapping[str, str]) -> Iterator[str]:
    first = env.get("SECRET_KEYS", "").partition(",")[0].strip()
    if first and is_typed(first):
        yield (
            "The first of SECRET_KEYS is not random, and can be guessed: put one before it that"
            f" {MAKES_A_KEY} writes, start anew, then `make rotate-keys`."
        )


def _guessable(env: Mapping[str, str]) -> Iterator[str]:
    """Not refused: a system that has run for long must not stand still for it at an upgrade."""
    var = Env(values={**env, "INTERNAL_API_TOKEN": env.get("INTERNAL_API_TOKEN", "")})
    tokens = [one.token.reveal() for one in var.api_tokens("INTERNAL_API_TOKEN")]
    if any(map(is_guessable, tokens)):
        yield (
            "INTERNAL_API_TOKEN holds a token that can be guessed, and opens everything of every"
            f" tenant: {_BETTER}"
        )
    for name in ("SERVICES_PASSWORD", "PANEL_PASSWORD"):
        if env.get(name) and is_guessable(env[name]):
            yield f"{name} is a password that can be guessed: {_BETTER}"
