"""A database that is there and answers nothing, as when the way to it is gone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from urllib.parse import urlsplit

import pytest

from services.webhook import commit_batch
from services.webhook.commit_batch import Committer
from services.webhook.held import NotCommittedError
from shared.config.secret import Secret
from shared.config.settings import DatabaseSettings
from shared.db.connection import Pool, open_pool
from tests.services.webhook.conftest import Tenant
from tests.services.webhook.test_trouble import a_delivery, nothing

SOON = 20.0


class Way:
    """The way to the database: nothing comes through any more once a word was on it."""

    def __init__(self, database: str) -> None:
        self._there = urlsplit(database)
        self.ends_at: bytes | None = None
        self._open = asyncio.Event()
        self._open.set()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection(self._there.hostname, self._there.port)
        with suppress(ConnectionError):
            await asyncio.gather(self._pump(reader, there[1]), self._pump(there[0], writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(2**16):
                if self.ends_at is not None and self.ends_at in data:
                    self._open.clear()
                await self._open.wait()
                writer.write(data)
        finally:
            writer.close()

    def opens(self) -> None:
        self.ends_at = None
        self._open.set()


@pytest.fixture
async def way(database: str) -> AsyncIterator[tuple[Way, Pool]]:
    way = Way(database)
    server = await asyncio.start_server(way.carry, "127.0.0.1", 0)
    there = urlsplit(database)
    user = (there.netloc.rpartition("@")[0] + "@") if "@" in there.netloc else ""
    port = server.sockets[0].getsockname()[1]
    url = Secret.of(there._replace(netloc=f"{user}127.0.0.1:{port}").geturl())
    settings = DatabaseSettings(url=url, pool_size=4, pooler="none")
    async with open_pool(settings, application="test") as pool:
        yield way, pool
        way.opens()
    server.close()


@pytest.mark.parametrize("word", [b"SET LOCAL lock_timeout", b"vindi", b"COMMIT"])
async def test_deliveries_are_answered_though_the_database_says_nothing(
    way: tuple[Way, Pool], tenant: Tenant, monkeypatch: pytest.MonkeyPatch, word: bytes
) -> None:
    """Whatever was being asked: the connection that does not let go of it is given up."""
    monkeypatch.setattr(commit_batch, "COMMIT_SECONDS", 1.0)
    there, pool = way
    committer = Committer(pool, after_marks=nothing)
    committer.start()
    await committer.commit(a_delivery(1, tenant=tenant.id, marked=True))
    there.ends_at = word
    async with asyncio.timeout(SOON):
        with pytest.raises(NotCommittedError):
            await committer.commit(a_delivery(2, tenant=tenant.id, marked=True))
        there.opens()
        await committer.commit(a_delivery(3, tenant=tenant.id, marked=True))
        await committer.close()


@pytest.mark.parametrize("word", [b"vindi", b"COMMIT"])
async def test_it_stops_though_the_database_says_nothing(
    way: tuple[Way, Pool], tenant: Tenant, word: bytes
) -> None:
    there, pool = way
    committer = Committer(pool, after_marks=nothing)
    committer.start()
    await committer.commit(a_delivery(1, tenant=tenant.id, marked=True))
    there.ends_at = word
    waiting = asyncio.create_task(committer.commit(a_delivery(2, tenant=tenant.id, marked=True)))
    await asyncio.sleep(0.3)
    async with asyncio.timeout(SOON):
        await committer.close()
        with pytest.raises(NotCommittedError):
            await waiting
