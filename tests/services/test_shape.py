"""The four services start, say whether they are ready, and stop in the same way."""

import base64
from collections.abc import Callable, Mapping

import aiohttp
import pytest
from starlette.types import ASGIApp

from services.emitter.app import create_app as create_emitter
from services.panel.app import create_app as create_panel
from services.reconciler.app import create_app as create_reconciler
from services.webhook.app import create_app as create_webhook
from shared.config.settings import load_emitter, load_panel, load_reconciler, load_webhook
from shared.local.files import free_port
from tests.services.api.conftest import serving

Made = Callable[[Mapping[str, str]], ASGIApp]
SERVICES: Mapping[str, Made] = {
    "webhook": lambda env: create_webhook(load_webhook(env)),
    "emitter": lambda env: create_emitter(load_emitter(env)),
    "reconciler": lambda env: create_reconciler(load_reconciler(env)),
    "panel": lambda env: create_panel(load_panel(env)),
}
NOWHERE = "127.0.0.1:1"


@pytest.mark.parametrize("name", SERVICES)
async def test_it_is_ready_with_its_stores(name: str, database: str, redis_url: str) -> None:
    assert await answers(name, database, redis_url) == {"/healthz": 200, "/readyz": 200}


@pytest.mark.parametrize("name", SERVICES)
async def test_without_its_stores_it_lives_and_is_not_ready(name: str) -> None:
    found = await answers(name, f"postgresql://nobody@{NOWHERE}/nothing", f"redis://{NOWHERE}/0")

    assert found == {"/healthz": 200, "/readyz": 503}


async def answers(name: str, database: str, redis_url: str) -> dict[str, int]:
    port = free_port()
    app = SERVICES[name](
        {
            "METRICS_PORT": str(port),  # where the webhook says how it goes
            "DATABASE_URL": database,
            "REDIS_URL": redis_url,
            "SECRET_KEYS": base64.urlsafe_b64encode(bytes(32)).decode(),
            "INTERNAL_API_TOKEN": "support:" + "a-token-of-a-test",
            "PUBLIC_WEBHOOK_URL": "https://hooks.example.test",
        }
    )
    found: dict[str, int] = {}
    async with serving(app, port) as base, aiohttp.ClientSession() as http:
        for path in ("/healthz", "/readyz"):
            async with http.get(base + path) as answer:
                found[path] = answer.status
    return found
