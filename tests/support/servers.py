"""Real PostgreSQL and Redis for tests: embedded, or Docker with TEST_BACKEND=testcontainers."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from shared.db.migrate import migrate
from shared.local.postgres import running_postgres
from shared.local.redis import running_redis

TEMPLATE = "template_notaponte"


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresForTests:
    """A server's maintenance database; databases for tests are cloned on it."""

    admin_url: str

    def url(self, database: str) -> str:
        return urlunsplit(urlsplit(self.admin_url)._replace(path=f"/{database}"))

    async def clone(self, database: str) -> str:
        """A fresh database with the schema at head; its URL. FILE_COPY measured fastest here."""
        await self.run(f"CREATE DATABASE {database} TEMPLATE {TEMPLATE} STRATEGY FILE_COPY")
        return self.url(database)

    async def drop(self, database: str) -> None:
        await self.run(f"DROP DATABASE {database} WITH (FORCE)")

    async def run(self, sql: str) -> None:
        connection = await asyncpg.connect(self.admin_url)
        try:
            await connection.execute(sql)
        finally:
            await connection.close()


@asynccontextmanager
async def postgres_for_tests(folder: Path) -> AsyncIterator[PostgresForTests]:
    """A server with a migrated template database."""
    async with _postgres(folder) as admin_url:
        server = PostgresForTests(admin_url=admin_url)
        await server.run(f"CREATE DATABASE {TEMPLATE}")
        await migrate(server.url(TEMPLATE))
        yield server


@asynccontextmanager
async def redis_for_tests(folder: Path) -> AsyncIterator[str]:
    """The URL of a server nobody else uses."""
    if not _wants_docker():
        async with running_redis(folder) as server:
            yield server.url()
        return
    from testcontainers.redis import RedisContainer

    container = RedisContainer("redis:7-alpine")
    await asyncio.to_thread(container.start)
    try:
        yield f"redis://{container.get_container_host_ip()}:{container.get_exposed_port(6379)}/0"
    finally:
        await asyncio.to_thread(container.stop)


@asynccontextmanager
async def _postgres(folder: Path) -> AsyncIterator[str]:
    if not _wants_docker():
        async with running_postgres(folder) as server:
            yield server.url("postgres")
        return
    from testcontainers.postgres import PostgresContainer

    container = PostgresContainer("postgres:18-alpine", dbname="postgres", driver=None)
    await asyncio.to_thread(container.start)
    try:
        yield container.get_connection_url()
    finally:
        await asyncio.to_thread(container.stop)


def _wants_docker() -> bool:
    return os.environ.get("TEST_BACKEND", "embedded") == "testcontainers"
