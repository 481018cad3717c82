"""The webhook service in this process, on a port of its own, and a client that knows tenants."""

import asyncio
import base64
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
import pytest_asyncio
import uvicorn

from services.webhook.app import create_app
from shared.config.secret import Secret
from shared.config.settings import (
    DatabaseSettings,
    LogSettings,
    ProcessSettings,
    WebhookSettings,
)
from shared.crypto.seal import Sealer
from shared.crypto.tokens import hash_secret, new_tenant_id, new_webhook_secret
from shared.db.connection import Connection, Pool
from shared.db.tenants import secrets_store
from shared.db.vindi.events_store import Source
from shared.domain.ids import TenantId
from shared.doors.door import Entrance
from shared.doors.serve import configured

KEY = bytes(range(32))
NO_REDIS = "redis://127.0.0.1:1/0"  # nothing listens there, and nothing here may need it

ADD_TENANT = """
    INSERT INTO tenants (tenant_id, name, plan, timezone, status)
    VALUES ($1, 'Escola Aurora', 'basic', 'America/Sao_Paulo', 'setting_up')
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """A tenant and the secrets that its senders use."""

    id: TenantId
    vindi: str
    enotas: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    body: bytes
    headers: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Sends deliveries to a running service."""

    base: str
    http: aiohttp.ClientSession

    async def send(
        self,
        path: str,
        body: object = b"{}",
        *,
        method: str = "POST",
        headers: dict[str, str] | None = None,
    ) -> Answer:
        if isinstance(body, bytes):
            body = io.BytesIO(body)
        async with self.http.request(
            method, self.base + path, data=body, headers=headers
        ) as answer:
            return Answer(
                status=answer.status, body=await answer.read(), headers=dict(answer.headers)
            )


def settings_for(database: str, *, redis_url: str = NO_REDIS, port: int = 0) -> WebhookSettings:
    return WebhookSettings(
        process=ProcessSettings(
            database=DatabaseSettings(url=Secret.of(database), pool_size=10, pooler="none"),
            redis_url=Secret.of(redis_url),
            log=LogSettings(level="info", format="json"),
            host="127.0.0.1",
            port=port,
        ),
        secret_keys=(Secret.of(base64.urlsafe_b64encode(KEY).decode()),),
        public_webhook_url="http://127.0.0.1",
    )


@asynccontextmanager
async def serving(settings: WebhookSettings) -> AsyncIterator[Client]:
    """The service, answering on a free port until the block ends."""
    door = Entrance(settings.process.door)
    config = configured(create_app(settings), door, host="127.0.0.1", port=0)
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    running = asyncio.create_task(server._serve(None))
    while not server.started:
        await asyncio.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=100), timeout=aiohttp.ClientTimeout(100)
        ) as http:
            yield Client(base=f"http://127.0.0.1:{port}", http=http)
    finally:
        server.should_exit = True
        await running


async def a_tenant(pool: Pool) -> Tenant:
    """A tenant as the API would make it: only hashes of its secrets are kept."""
    tenant = new_tenant_id()
    secrets = Tenant(id=tenant, vindi=new_webhook_secret(tenant), enotas=new_webhook_secret(tenant))
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute(ADD_TENANT, tenant)
        await add_secret(conn, tenant, "vindi", secrets.vindi)
        await add_secret(conn, tenant, "enotas", secrets.enotas)
    return secrets


async def add_secret(conn: Connection, tenant: TenantId, source: Source, secret: str) -> None:
    await secrets_store.add(conn, tenant, source, secret_hash=hash_secret(secret), sealed=None)


@pytest_asyncio.fixture
async def tenant(pool: Pool) -> Tenant:
    return await a_tenant(pool)


@pytest_asyncio.fixture
async def client(database: str) -> AsyncIterator[Client]:
    async with serving(settings_for(database)) as client:
        yield client


def sealer() -> Sealer:
    return Sealer([KEY])
