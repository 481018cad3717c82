"""The bell between services: it says that some sale is due, and nothing else.

A ring carries no data and may be lost; whoever listens also sweeps by itself (design D1). It is a
job of arq's, which is known to this module only: the job's fixed id makes one of the rings of all
processes. Listeners wait at arq's queue in Redis, where its own worker would look into it again and
again (decision 0044).
"""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Final

import structlog
from arq.connections import ArqRedis
from arq.constants import job_key_prefix
from prometheus_client import Counter

from shared.net.redis import redis_pool
from shared.run.tasks import end_task
from shared.telemetry.severity import severity

QUEUE: Final = "notaponte:emitter"
JOB: Final = "dispatch"
JOB_ID: Final = "notaponte:dispatch"  # fixed, so that rings coalesce
JOB_KEY: Final = f"{job_key_prefix}{JOB_ID}"  # while it is there arq takes no other of this id
# A listener takes the job off the queue and then its key away; one that died in between costs this.
JOB_LIVES: Final = timedelta(milliseconds=200)
# Rings closer than this become one: at first nearly all are heard, of a stream of them fewer.
SPACING_SECONDS: Final = 0.005
MOST_SPACING_SECONDS: Final = 0.02
RING_SECONDS: Final = 2.0
REST_SECONDS: Final = 1.0  # after a failure; also the most often that a failure is logged
# Then whoever listens asks anew: so, a little later, a peer that vanished is noticed.
WAIT_SECONDS: Final = 5
BACK_OFF_SECONDS: Final = 5.0

RINGS: Final = Counter(
    "notaponte_rings_total", "Rings sent to the emitter, by outcome.", ["outcome"]
)
for _outcome in ("sent", "failed"):
    RINGS.labels(_outcome)  # shown as 0 before the first, so that the first is a rise

log = structlog.get_logger()


class Waker:
    """Rings the emitter. Made by `open_waker`."""

    def __init__(self, redis_url: str) -> None:
        self._url = redis_url
        self._wanted = asyncio.Event()
        self._redis: ArqRedis | None = None

    async def ring(self) -> None:
        """Ask for a ring; returns at once, never raises, whatever Redis does.

        One task sends, however many ask, so that Redis being away costs neither memory nor time.
        """
        self._wanted.set()

    async def send_rings(self) -> None:
        """Send what is asked for, until cancelled."""
        spacing = SPACING_SECONDS
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            sent = await self._send()
            await asyncio.sleep(spacing if sent else REST_SECONDS)
            streams = self._wanted.is_set()
            spacing = min(2 * spacing, MOST_SPACING_SECONDS) if streams else SPACING_SECONDS

    async def close(self) -> None:
        """Send a ring that is still wanted, then let Redis go."""
        if self._wanted.is_set():
            await self._send()
        await self._drop()

    async def _send(self) -> bool:
        try:
            async with asyncio.timeout(RING_SECONDS):
                if self._redis is None:
                    self._redis = await _connect(self._url, answers_within=RING_SECONDS)
                await self._redis.enqueue_job(JOB, _job_id=JOB_ID, _expires=JOB_LIVES)
        except Exception as error:  # noqa: BLE001 - a bell must never disturb who rings it
            RINGS.labels("failed").inc()
            log.log(severity(error), "ring_failed", error=type(error).__name__)
            await self._drop()
            return False
        RINGS.labels("sent").inc()
        return True

    async def _drop(self) -> None:
        redis, self._redis = self._redis, None
        if redis is not None:
            await _close(redis)


@asynccontextmanager
async def open_waker(redis_url: str) -> AsyncIterator[Waker]:
    """A waker for as long as the block runs; Redis need not be there, then or later."""
    waker = Waker(redis_url)
    sending = asyncio.create_task(waker.send_rings(), name="waker")
    try:
        yield waker
    finally:
        await end_task(sending)
        await waker.close()


async def ring_worker(redis_url: str, on_ring: Callable[[], None]) -> None:
    """Call `on_ring` right after each ring, until cancelled; outlives every absence of Redis.

    Rings close together may come as one, and one that several processes wait for comes to one of
    them. `on_ring` is also called at the start and after each failure, since rings may have been
    missed; it must return at once.
    """
    # In a task of its own, since a cancellation of it may have to be repeated.
    listening = asyncio.create_task(_listen_for_ever(redis_url, on_ring), name="ring-worker")
    try:
        await asyncio.wait({listening})
        listening.result()  # never comes back but by a bug
    finally:
        await end_task(listening)


async def _listen_for_ever(redis_url: str, on_ring: Callable[[], None]) -> None:
    failures = 0
    while True:
        try:
            redis = await _connect(redis_url, answers_within=WAIT_SECONDS + RING_SECONDS)
            failures = 0
            await _listen(redis, on_ring)
        except Exception as error:  # noqa: BLE001 - without the bell, sweeping goes on
            failures += 1
            name = type(error).__name__
            log.log(severity(error), "ring_worker_failed", error=name, failures=failures)
        await asyncio.sleep(_rest(failures))


async def _listen(redis: ArqRedis, on_ring: Callable[[], None]) -> None:
    """Wait at the queue; whoever has waited longest takes the job, and so forgets it for all.

    It is forgotten before the listener is called: else a ring that came after the listener looked
    at the outbox, and before arq took another job of this id, would be lost.
    """
    try:
        await redis.delete(JOB_KEY)  # of one that died before it could
        on_ring()
        while True:
            if await redis.bzpopmin([QUEUE], timeout=WAIT_SECONDS) is not None:
                await redis.delete(JOB_KEY)
                on_ring()
    finally:
        await _close(redis)


async def _connect(redis_url: str, *, answers_within: float) -> ArqRedis:
    """A client whose every wait ends: without that, a peer that vanished is waited for for ever."""
    named = {"ssl_check_hostname": True} if redis_url.startswith("rediss:") else {}
    waits = {"socket_timeout": answers_within, "socket_connect_timeout": RING_SECONDS}
    redis = ArqRedis(
        redis_pool(redis_url, **waits, **named),
        job_serializer=_to_json,
        default_queue_name=QUEUE,
    )
    try:
        await redis.ping()
    except BaseException:
        await _close(redis)
        raise
    return redis


async def _close(redis: ArqRedis) -> None:
    with suppress(Exception):  # it may be away, which is why we leave
        async with asyncio.timeout(RING_SECONDS):
            await redis.aclose(close_connection_pool=True)


def _rest(failures: int) -> float:
    longest = min(BACK_OFF_SECONDS, 0.5 * 2.0 ** min(failures, 10))
    return random.uniform(longest / 2, longest)  # noqa: S311 - spreads load, hides nothing


def _to_json(value: object) -> bytes:
    return json.dumps(value, default=str).encode()
