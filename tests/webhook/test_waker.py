"""The bell: rings arrive soon, coalesce, and cost nothing when Redis is away."""

import asyncio
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis

from shared.local.files import free_port
from shared.local.redis import EmbeddedRedis, prepare_redis
from shared.waker import JOB_ID, QUEUE, REST_SECONDS, open_waker, ring_worker


class Listener:
    """Counts what it hears."""

    def __init__(self) -> None:
        self.heard = 0

    def on_ring(self) -> None:
        self.heard += 1

    async def until(self, count: int) -> None:
        async with asyncio.timeout(10):
            while self.heard < count:
                await asyncio.sleep(0.002)


@asynccontextmanager
async def listening(redis_url: str) -> AsyncIterator[Listener]:
    listener = Listener()
    working = asyncio.create_task(ring_worker(redis_url, listener.on_ring))
    try:
        yield listener
    finally:
        working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working


async def test_every_ring_after_the_last_was_heard_is_heard_too(redis_url: str) -> None:
    async with listening(redis_url) as listener, open_waker(redis_url) as waker:
        await listener.until(1)  # Redis was reached
        for count in range(2, 22):
            await waker.ring()
            await listener.until(count)


async def test_rings_that_nobody_hears_yet_become_one(redis_url: str) -> None:
    async with open_waker(redis_url) as waker, Redis.from_url(redis_url) as redis:
        for _ in range(50):
            await waker.ring()
            await asyncio.sleep(0)
        async with asyncio.timeout(5):
            while not await redis.zcard(QUEUE):
                await asyncio.sleep(0.01)
        assert await redis.zrange(QUEUE, 0, -1) == [JOB_ID.encode()]


async def test_a_ring_that_is_wanted_at_the_end_is_still_sent(redis_url: str) -> None:
    async with open_waker(redis_url) as waker:
        await waker.ring()
    async with Redis.from_url(redis_url) as redis:
        assert await redis.zcard(QUEUE) == 1


async def test_ringing_takes_no_time_while_redis_is_away() -> None:
    async with open_waker("redis://127.0.0.1:1/0") as waker:
        started = time.monotonic()
        for _ in range(1000):
            await waker.ring()
        assert time.monotonic() - started < 0.5


async def test_a_listener_outlives_redis(server_folder: Path) -> None:
    home = server_folder / "leaving"
    home.mkdir()
    server = prepare_redis(home, port=free_port(), durable=False)
    process = await start(server)
    async with listening(server.url()) as listener, open_waker(server.url()) as waker:
        await listener.until(1)
        await stop(process)
        await waker.ring()
        process = await start(server)
        await listener.until(2)  # it was reached again
        heard = listener.heard
        await asyncio.sleep(REST_SECONDS)  # a waker that failed rests that long
        await waker.ring()
        await listener.until(heard + 1)
    await stop(process)


async def start(server: EmbeddedRedis) -> Process:
    return await asyncio.create_subprocess_exec(
        *server.command(), stdout=asyncio.subprocess.DEVNULL, start_new_session=True
    )


async def stop(process: Process) -> None:
    process.terminate()
    await process.wait()
