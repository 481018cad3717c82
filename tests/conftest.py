"""What every test may ask for: a fresh database, a pool on it, an empty Redis."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, settings
from redis.asyncio import Redis

from shared.config.secret import Secret
from shared.config.settings import DatabaseSettings
from shared.db.connection import Pool, open_pool
from tests.support.servers import PostgresForTests, postgres_for_tests, redis_for_tests

# How long an example takes says something about the machine, nothing about the business; the first
# text of a fresh checkout waits a second for Hypothesis' table of characters.
settings.register_profile(
    "any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any-machine")


@pytest.fixture(scope="session")
def server_folder() -> Iterator[Path]:
    # Not pytest's own folder: as root the server runs under an account that may not enter it.
    with tempfile.TemporaryDirectory(prefix="notaponte-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres(server_folder: Path) -> AsyncIterator[PostgresForTests]:
    """The worker's PostgreSQL, with a migrated template."""
    async with postgres_for_tests(server_folder) as server:
        yield server


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def redis_server(server_folder: Path) -> AsyncIterator[str]:
    """The URL of the worker's Redis."""
    async with redis_for_tests(server_folder) as url:
        yield url


@pytest_asyncio.fixture
async def database(postgres: PostgresForTests) -> AsyncIterator[str]:
    """The URL of a fresh database at head, this test's own."""
    name = f"test_{uuid4().hex}"
    yield await postgres.clone(name)
    await postgres.drop(name)


@pytest.fixture
def database_settings(database: str) -> DatabaseSettings:
    return DatabaseSettings(url=Secret.of(database), pool_size=10, pooler="none")


@pytest_asyncio.fixture
async def pool(database_settings: DatabaseSettings) -> AsyncIterator[Pool]:
    """A pool on this test's own database."""
    async with open_pool(database_settings, application="tests") as opened:
        yield opened


@pytest_asyncio.fixture
async def redis_url(redis_server: str) -> str:
    """The URL of an empty Redis, this test's own while it runs."""
    async with Redis.from_url(redis_server) as client:
        await client.flushall()
    return redis_server
