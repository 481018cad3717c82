"""Redis behind Sentinels: two servers, three Sentinels, and a master that is killed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from redis.exceptions import RedisError

from shared.config.env import Env, SettingsError
from shared.local.files import LOOPBACK, free_port
from shared.local.redis import redis_binary
from shared.net.redis import redis_client, redis_pool
from shared.run.waker import open_waker, ring_worker

PATIENCE = 60.0
Process = asyncio.subprocess.Process
MASTER = "notaponte"


@dataclass(slots=True, kw_only=True)
class Guarded:
    """A master, its replica and those who watch them."""

    url: str
    master: Process
    master_port: int
    replica_port: int


@asynccontextmanager
async def a_server(
    folder: Path, port: int, *lines: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    home = folder / str(port)
    home.mkdir()
    config = home / "server.conf"
    text = [f"port {port}", f"bind {LOOPBACK}", f'dir "{home}"', *lines]
    config.write_text("\n".join(text) + "\n")
    sentinel = ("--sentinel",) if any(line.startswith("sentinel ") for line in lines) else ()
    process = await asyncio.create_subprocess_exec(
        *(redis_binary(), str(config), *sentinel), stdout=asyncio.subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.fixture
async def guarded(tmp_path: Path) -> AsyncIterator[Guarded]:
    master, replica, *sentinels = (free_port() for _ in range(5))
    watch = [
        f"sentinel monitor {MASTER} {LOOPBACK} {master} 2",
        f"sentinel down-after-milliseconds {MASTER} 500",
        f"sentinel failover-timeout {MASTER} 3000",
    ]
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(a_server(tmp_path, master, 'save ""'))
        await stack.enter_async_context(
            a_server(tmp_path, replica, 'save ""', f"replicaof {LOOPBACK} {master}")
        )
        for port in sentinels:
            await stack.enter_async_context(a_server(tmp_path, port, *watch))
        hosts = ",".join(f"{LOOPBACK}:{port}" for port in sentinels)
        yield Guarded(
            url=f"redis+sentinel://{hosts}/{MASTER}/0",
            master=first,
            master_port=master,
            replica_port=replica,
        )


async def until_watched(guarded: Guarded) -> None:
    """A failover needs Sentinels that know of each other and of the replica."""
    for port in guarded.url.partition("://")[2].partition("/")[0].split(","):
        async with asyncio.timeout(PATIENCE), redis_client(f"redis://{port}") as sentinel:
            while True:
                try:
                    told = await sentinel.sentinel_masters()  # type: ignore[no-untyped-call] # has none
                    state = told[MASTER]
                    if state["num-other-sentinels"] == 2 and state["num-slaves"] == 1:
                        break
                except RedisError:
                    pass
                await asyncio.sleep(0.1)


async def test_a_failover_is_followed_by_clients_that_were_connected(guarded: Guarded) -> None:
    await until_watched(guarded)
    heard = asyncio.Event()
    async with redis_client(guarded.url) as client, open_waker(guarded.url) as waker:
        await client.set("budget", "7")
        assert (await client.info("server"))["tcp_port"] == guarded.master_port
        listening = asyncio.create_task(ring_worker(guarded.url, heard.set))
        async with asyncio.timeout(PATIENCE):
            await heard.wait()

        guarded.master.kill()
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    async with asyncio.timeout(2):
                        await client.set("budget", "8")
                    break
                except (RedisError, OSError, TimeoutError):
                    await asyncio.sleep(0.1)
        assert (await client.info("server"))["tcp_port"] == guarded.replica_port

        # The bell too. A listener that only failed and began anew would call as well, but not five
        # times in a row each within a second.
        in_a_row = 0
        async with asyncio.timeout(PATIENCE):
            while in_a_row < 5:
                heard.clear()
                await waker.ring()
                try:
                    async with asyncio.timeout(1):
                        await heard.wait()
                    in_a_row += 1
                except TimeoutError:
                    in_a_row = 0
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


@pytest.mark.parametrize(
    "url",
    [
        "redis+sentinel://one:26379,two:26379/master",
        "redis+sentinel://one,two,three/master/3",
        "rediss+sentinel://user:p%40ss@one:1/my-master",
    ],
)
def test_addresses_of_sentinels_are_settings(url: str) -> None:
    with Env(values={"REDIS_URL": url}) as var:
        assert var.redis_url("REDIS_URL").reveal() == url
    redis_pool(url)


@pytest.mark.parametrize(
    "url", ["redis+sentinel://one:26379", "redis+sentinel:///master", "redis+sentinel://a/b/c"]
)
def test_what_names_no_master_is_refused(url: str) -> None:
    with (
        pytest.raises(SettingsError, match=r"redis\+sentinel://host"),
        Env(values={"REDIS_URL": url}) as var,
    ):
        var.redis_url("REDIS_URL")
