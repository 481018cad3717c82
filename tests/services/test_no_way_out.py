"""No address of ours leads to a host that the request itself names."""

import base64
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from starlette.types import ASGIApp

from services.emitter.app import create_app as emitter
from services.panel.app import create_app as panel
from services.reconciler.app import create_app as reconciler
from services.webhook.app import create_app as webhook
from shared.config.settings import load_emitter, load_panel, load_reconciler, load_webhook
from tests.support.asgi import ask

SETTINGS = {
    "DATABASE_URL": "postgresql://user:pass@db.example/notaponte",
    "REDIS_URL": "redis://cache.example",
    "SECRET_KEYS": base64.urlsafe_b64encode(bytes(32)).decode(),
    "INTERNAL_API_TOKEN": "a-token-of-a-test",
    "METRICS_PORT": "80",  # where the test's requests come in
}


@pytest.mark.parametrize(
    ("load", "create"),
    [
        (load_webhook, webhook),
        (load_emitter, emitter),
        (load_reconciler, reconciler),
    ],
)
@pytest.mark.parametrize("path", ["/metrics/", "/readyz/", "//elsewhere.example/"])
async def test_a_slash_too_many_leads_nowhere(
    load: Callable[[Mapping[str, str]], Any], create: Callable[[Any], ASGIApp], path: str
) -> None:
    answer = await ask(create(load(SETTINGS)), path, headers={"Host": "elsewhere.example"})

    assert answer.status == 404
    assert "location" not in answer.headers


def test_nor_does_the_panel() -> None:
    assert panel(load_panel(SETTINGS)).router.redirect_slashes is False
