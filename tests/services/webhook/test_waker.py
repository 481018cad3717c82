"""The bell: rings arrive at once, coalesce, and cost nothing at rest or while Redis is away."""

import asyncio
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import pytest
from redis.asyncio import Redis

from shared.local.files import free_port
from shared.local.redis import EmbeddedRedis, prepare_redis, wait_for_redis
from shared.run.waker import (
    JOB_ID,
    JOB_KEY,
    JOB_LIVES,
    MOST_SPACING_SECONDS,
    QUEUE,
    open_waker,
    ring_worker,
)

PATIENCE = 60.0  # seconds; a loaded machine is slow, a lost ring never comes


class Listener:
    """Counts what it hears."""

    def __init__(self) -> None:
        self.heard = 0

    def on_ring(self) -> None:
        self.heard += 1

    async def until(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE):
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
        async with asyncio.timeout(PATIENCE):
            while not await redis.zcard(QUEUE):
                await asyncio.sleep(0.01)
        assert await redis.zrange(QUEUE, 0, -1) == [JOB_ID.encode()]


async def test_a_stream_of_rings_is_heard_less_often_than_its_beginning(redis_url: str) -> None:
    """One ring now and then is heard at once; of hundreds a second fifty are."""
    async with listening(redis_url) as listener, open_waker(redis_url) as waker:
        await listener.until(1)
        began = time.monotonic()
        while (passed := time.monotonic() - began) < 1.0:
            await waker.ring()
            await asyncio.sleep(0.001)

    # It takes three of them until they are as far apart as they come.
    assert listener.heard - 1 <= passed / MOST_SPACING_SECONDS + 4


async def test_a_ring_wakes_one_of_those_who_wait(redis_url: str) -> None:
    async with (
        listening(redis_url) as one,
        listening(redis_url) as other,
        open_waker(redis_url) as waker,
    ):
        await asyncio.gather(one.until(1), other.until(1))
        for count in range(3, 13):
            await waker.ring()
            async with asyncio.timeout(PATIENCE):
                while one.heard + other.heard < count:
                    await asyncio.sleep(0.002)
        await asyncio.sleep(0.1)
        assert one.heard + other.heard == 12  # both heard Redis come, and each ring came to one
        assert min(one.heard, other.heard) > 1  # in turn


async def test_at_rest_nobody_asks_redis_for_anything(redis_url: str) -> None:
    async with (
        listening(redis_url) as listener,
        open_waker(redis_url) as waker,
        Redis.from_url(redis_url) as redis,
    ):
        await listener.until(1)
        await waker.ring()
        await listener.until(2)
        before = (await redis.info("stats"))["total_commands_processed"]
        await asyncio.sleep(1)
        after = (await redis.info("stats"))["total_commands_processed"]
        assert after - before <= 2  # our own question, and the wait that may just be asked anew


async def test_a_ring_is_heard_although_redis_was_emptied(redis_url: str) -> None:
    async with (
        listening(redis_url) as listener,
        open_waker(redis_url) as waker,
        Redis.from_url(redis_url) as redis,
    ):
        await listener.until(1)
        for count in range(2, 7):
            await redis.flushall()
            await waker.ring()
            await listener.until(count)


@pytest.mark.parametrize("left_by", ["us", "older code"])
async def test_what_a_killed_listener_left_keeps_no_ring_from_the_next(
    redis_url: str, left_by: str
) -> None:
    async with open_waker(redis_url) as waker, Redis.from_url(redis_url) as redis:
        await waker.ring()
        taken = await redis.bzpopmin([QUEUE], timeout=int(PATIENCE))
        assert taken is not None
        if left_by == "older code":  # whose jobs live for a day
            await redis.set(JOB_KEY, b"{}", ex=86_400)
        async with listening(redis_url) as listener:
            await listener.until(1)
            await waker.ring()
            await listener.until(2)


async def test_others_who_listen_miss_rings_of_a_killed_one_only_for_a_moment(
    redis_url: str,
) -> None:
    async with (
        listening(redis_url) as listener,
        open_waker(redis_url) as waker,
        Redis.from_url(redis_url) as redis,
    ):
        await listener.until(1)
        await redis.set(JOB_KEY, b"{}", px=JOB_LIVES)  # one was taken, and not forgotten
        async with asyncio.timeout(PATIENCE):
            while listener.heard < 2:
                await waker.ring()
                await asyncio.sleep(0.05)


async def test_a_ring_that_is_wanted_at_the_end_is_still_sent(redis_url: str) -> None:
    async with open_waker(redis_url) as waker:
        await waker.ring()
    async with Redis.from_url(redis_url) as redis:
        assert await redis.zcard(QUEUE) == 1


async def test_ringing_takes_no_time_while_redis_is_away() -> None:
    async with open_waker("redis://127.0.0.1:1/0") as waker:
        started = time.process_time()  # what else runs on the machine costs us none of it
        for _ in range(1000):
            with pytest.raises(StopIteration):  # over at its first step: it waits for nothing
                waker.ring().send(None)
        assert time.process_time() - started < 0.5


async def test_a_listener_outlives_redis(server_folder: Path) -> None:
    home = server_folder / "leaving"
    home.mkdir()
    server = prepare_redis(home, port=free_port(), durable=False)
    async with AsyncExitStack() as ending:
        process = await start(server)
        ending.push_async_callback(lambda: stop(process))
        listener = await ending.enter_async_context(listening(server.url()))
        waker = await ending.enter_async_context(open_waker(server.url()))
        await listener.until(1)
        await stop(process)
        await waker.ring()
        process = await start(server)
        # Reaching Redis again may count as one ring, and a waker that failed rests for a while.
        async with asyncio.timeout(PATIENCE):
            while listener.heard < 3:
                await waker.ring()
                await asyncio.sleep(0.05)


async def test_a_listener_ends_at_whatever_step_it_is_cancelled(redis_url: str) -> None:
    async def cancelled_after(steps: int) -> None:
        listening = asyncio.create_task(ring_worker(redis_url, lambda: None))
        for _ in range(steps):
            await asyncio.sleep(0)
        listening.cancel()
        await asyncio.wait({listening}, timeout=60)
        assert listening.cancelled()

    await asyncio.gather(*(cancelled_after(steps) for steps in range(60)))


async def start(server: EmbeddedRedis) -> Process:
    """Start it, again if need be: a client that calls a free port may sit on it for a moment."""
    while True:
        process = await asyncio.create_subprocess_exec(
            *server.command(), stdout=asyncio.subprocess.DEVNULL, start_new_session=True
        )
        with suppress(TimeoutError):
            await wait_for_redis(server.url(), within=10)
            return process
        await stop(process)


async def stop(process: Process) -> None:
    with suppress(ProcessLookupError):
        process.terminate()
    await process.wait()
