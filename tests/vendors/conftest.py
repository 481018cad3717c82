import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import ClientSession
from redis.asyncio import Redis

from shared.issuer.enotas.client import EnotasIssuer
from shared.issuer.limits import Limits
from shared.local.files import free_port
from shared.local.redis import redis_binary
from shared.net.http import open_session
from shared.vindi.budget import MINUTE, AccountKey, Budget, BudgetShare
from shared.vindi.client import VindiClient
from tests.support.scripted_server import ScriptedServer, serving

ACCOUNT = AccountKey("taaaaaaaaaa")
COMPANY = "0A1B2C3D-0000-4000-8000-000000000001"
BUSY = timedelta(seconds=30)  # how long a busy machine may take for what is answered at once


class RedisServer:
    """A Redis of the test run's own, which tests may stop and start again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = free_port()  # not one of those that outgoing connections are given
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        flags = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly"]
        self._process = subprocess.Popen(
            [redis_binary(), *flags, "no", "--dir", str(self._folder)], stdout=subprocess.DEVNULL
        )
        limit = time.monotonic() + 60
        while time.monotonic() < limit:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.01)  # until it listens
            else:
                return
        raise RuntimeError("Redis does not start")

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def client_of(server: RedisServer) -> Redis:
    client: Redis = Redis.from_url(server.url, socket_connect_timeout=BUSY.total_seconds())
    return client


def a_budget(
    redis: Redis, *, per_window: int, window: timedelta = MINUTE, leave_percent: int = 0
) -> Budget:
    """A budget that takes a Redis for lost only when it is."""
    return Budget(
        redis, per_window=per_window, window=window, answer=BUSY, leave_percent=leave_percent
    )


def the_limits(redis: Redis | None, *, parallel: int, per_second: float) -> Limits:
    """Limits that take a Redis for lost only when it is."""
    return Limits(redis, parallel=parallel, per_second=per_second, answer=BUSY)


def left_of(whole: timedelta, began: float) -> timedelta:
    """The least that is left of a span which began at or after that monotonic instant.

    Redis' clock is read in whole milliseconds.
    """
    return whole - timedelta(seconds=time.monotonic() - began, milliseconds=2)


@pytest.fixture(scope="session")
def redis_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def shared_redis(redis_process: RedisServer) -> AsyncIterator[Redis]:
    client = client_of(redis_process)
    await client.flushall()
    yield client
    await client.aclose()


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with open_session() as session:
        yield session


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with serving() as server:
        yield server


@pytest.fixture
def vindi(session: ClientSession, server: ScriptedServer) -> VindiClient:
    return a_vindi_client(session, server)


def a_vindi_client(
    session: ClientSession, server: ScriptedServer, *, timeout: float = 30.0
) -> VindiClient:
    return VindiClient(
        session,
        base_url=f"{server.url}/api/v1",
        api_key="key-of-a-test",
        account=ACCOUNT,
        budget=Budget(None, per_window=2000),
        share=BudgetShare.DUE,
        timeout=timedelta(seconds=timeout),
        patience=timedelta(seconds=5),
    )


@pytest.fixture
def issuer(session: ClientSession, server: ScriptedServer) -> EnotasIssuer:
    return an_issuer(session, server.url)


def an_issuer(session: ClientSession, url: str, *, timeout: float = 30.0) -> EnotasIssuer:
    return EnotasIssuer(
        session,
        base_url=url,
        api_key="bm90YS1rZXk6",
        company_id=COMPANY,
        limits=Limits(None, parallel=4, per_second=10_000),
        limit_key=ACCOUNT,
        timeout=timedelta(seconds=timeout),
    )
