"""The panel on a port of its own, with the sandbox as Vindi and issuer."""

import base64
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from services.panel.app import create_app
from services.sandbox.run import Sandbox, running_sandbox
from shared.config.settings import PanelSettings, load_panel
from shared.crypto.seal import Sealer
from shared.db.connection import Pool
from tests.services.api.conftest import SECRET_KEY, serving
from tests.services.panel.lively import lively_panel
from tests.services.panel.support import Panel


@pytest_asyncio.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with running_sandbox() as running:
        yield running


@pytest.fixture
def panel_settings(database: str, redis_url: str, sandbox: Sandbox) -> PanelSettings:
    return load_panel(
        {
            "DATABASE_URL": database,
            "REDIS_URL": redis_url,
            "SECRET_KEYS": base64.urlsafe_b64encode(SECRET_KEY).decode(),
            "PUBLIC_WEBHOOK_URL": "https://hooks.example.test",
            "VINDI_URL_PRODUCTION": sandbox.vindi_url,
            "VINDI_URL_SANDBOX": sandbox.vindi_url,
            "VINDI_REQUESTS_PER_MINUTE": "100000",
            "ENOTAS_URL": sandbox.enotas_url,
            "ISSUER_REQUESTS_PER_SECOND": "1000",
        }
    )


@pytest_asyncio.fixture
async def panel(
    panel_settings: PanelSettings, pool: Pool, sandbox: Sandbox
) -> AsyncIterator[Panel]:
    async with serving(create_app(panel_settings)) as base:
        yield Panel(base=base, pool=pool, sandbox=sandbox, sealer=Sealer([SECRET_KEY]))


@pytest_asyncio.fixture
async def lively(
    pool: Pool, sandbox: Sandbox, database: str, redis_url: str
) -> AsyncIterator[tuple[Panel, dict[str, int]]]:
    """A company at which all sorts of things happened, and its bills by what happened to them."""
    async with lively_panel(pool, sandbox, database, redis_url) as made:
        yield made
