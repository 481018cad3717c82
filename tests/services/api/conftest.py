"""The internal API on a port of its own, with the sandbox as Vindi and issuer."""

import asyncio
import base64
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network

import aiohttp
import pytest_asyncio
import uvicorn
from starlette.types import ASGIApp

from services.reconciler.app import create_app
from services.sandbox.run import Sandbox, running_sandbox
from shared.config.door import DoorSettings
from shared.config.settings import ReconcilerSettings, load_reconciler
from shared.crypto.seal import Sealer
from shared.db.connection import Pool
from shared.doors.door import Entrance
from shared.doors.serve import configured
from tests.services.api.support import TOKEN, Api, World

SECRET_KEY = bytes(range(32))


@pytest_asyncio.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with running_sandbox() as running:
        yield running


@pytest_asyncio.fixture
async def settings(database: str, redis_url: str, sandbox: Sandbox) -> ReconcilerSettings:
    return load_reconciler(
        {
            "DATABASE_URL": database,
            "REDIS_URL": redis_url,
            "SECRET_KEYS": base64.urlsafe_b64encode(SECRET_KEY).decode(),
            "INTERNAL_API_TOKEN": f"support:{TOKEN},other:{TOKEN}-2",
            "PUBLIC_WEBHOOK_URL": "https://hooks.example.test",
            "VINDI_URL_PRODUCTION": sandbox.vindi_url,
            "VINDI_URL_SANDBOX": sandbox.vindi_url,
            "VINDI_REQUESTS_PER_MINUTE": "100000",
            "ENOTAS_URL": sandbox.enotas_url,
            "ISSUER_REQUESTS_PER_SECOND": "1000",
        }
    )


@pytest_asyncio.fixture
async def api(settings: ReconcilerSettings) -> AsyncIterator[Api]:
    """The API with a token; `api.base` is where it listens."""
    async with (
        serving(create_app(settings)) as base,
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as http,
    ):
        yield Api(base=base, http=http)


@pytest_asyncio.fixture
async def world(api: Api, pool: Pool, sandbox: Sandbox) -> World:
    """The API with accounts at Vindi and eNotas to connect."""
    return World(api=api, pool=pool, sandbox=sandbox, sealer=Sealer([SECRET_KEY]))


@asynccontextmanager
async def serving(app: ASGIApp, port: int = 0) -> AsyncIterator[str]:
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:  # or answers wait for each other
        listener.bind(("127.0.0.1", port))
        door = Entrance(DoorSettings(proxies=(ip_network("127.0.0.0/8"),)))
        server = uvicorn.Server(configured(app, door, host="127.0.0.1", port=0))
        running = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:
            if running.done():
                await running
            await asyncio.sleep(0)  # until the server's own start has run
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await running
