"""The bell between services: it says that some sale is due, and nothing else.

A ring carries no data and may be lost; whoever listens also sweeps by itself (design D1). arq
stands behind it and is known to this module only.
"""

import asyncio
import json
import logging
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

import structlog
from arq.connections import ArqRedis
from arq.worker import Worker, func
from prometheus_client import Counter

from shared.net.redis import redis_pool
from shared.run.tasks import end_task
from shared.telemetry.severity import severity

if TYPE_CHECKING:
    from arq.typing import StartupShutdown

QUEUE: Final = "notaponte:emitter"
JOB: Final = "dispatch"
JOB_ID: Final = "notaponte:dispatch"  # fixed, so that rings coalesce
SPACING_SECONDS: Final = 0.02  # rings closer than this become one: no listener polls faster
RING_SECONDS: Final = 2.0
REST_SECONDS: Final = 1.0  # after a failure; also the most often that a failure is logged
POLL_SECONDS: Final = 0.05
JOB_SECONDS: Final = 1
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
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            sent = await self._send()
            await asyncio.sleep(SPACING_SECONDS if sent else REST_SECONDS)

    async def close(self) -> None:
        """Send a ring that is still wanted, then let Redis go."""
        if self._wanted.is_set():
            await self._send()
        await self._drop()

    async def _send(self) -> bool:
        try:
            async with asyncio.timeout(RING_SECONDS):
                if self._redis is None:
                    self._redis = await _connect(self._url)
                await self._redis.enqueue_job(JOB, _job_id=JOB_ID)
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
    """Call `on_ring` soon after each ring, until cancelled; outlives every absence of Redis.

    Rings close together may come as one. `on_ring` is also called at the start and after
    each failure, since rings may have been missed; it must return at once. No signal handlers
    are set.
    """
    logging.getLogger("arq").setLevel(logging.WARNING)  # it writes two lines a ring otherwise
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
            redis = await _connect(redis_url)
            failures = 0
            await _listen(redis, on_ring)
        except Exception as error:  # noqa: BLE001 - without the bell, sweeping goes on
            failures += 1
            name = type(error).__name__
            log.log(severity(error), "ring_worker_failed", error=name, failures=failures)
        await asyncio.sleep(_rest(failures))


async def _listen(redis: ArqRedis, on_ring: Callable[[], None]) -> None:
    worker = Worker(
        functions=[func(_nothing, name=JOB)],
        queue_name=QUEUE,
        redis_pool=redis,
        after_job_end=_after_job(on_ring),
        handle_signals=False,
        job_timeout=JOB_SECONDS,
        keep_result=0,
        poll_delay=POLL_SECONDS,
        job_serializer=_to_json,
        job_deserializer=json.loads,
        log_results=False,
    )
    # arq holds a dead worker's job for ten seconds more than its time-out; ours takes none.
    worker.in_progress_timeout_s = JOB_SECONDS
    on_ring()
    try:
        await worker.async_run()
    finally:
        for task in worker.tasks.values():
            task.cancel()
        await asyncio.gather(*worker.tasks.values(), return_exceptions=True)
        await _close(redis)


async def _nothing(ctx: dict[Any, Any], *_args: Any, **_named: Any) -> None:
    """Be the job. The listener is called after it, once its fixed id is free again.

    arq refuses a job id that is queued or running: were the listener called here, a ring that
    comes after it looked at the outbox, but before arq forgot the job, would be lost.
    """


def _after_job(on_ring: Callable[[], None]) -> "StartupShutdown":
    async def call(ctx: dict[Any, Any]) -> None:  # noqa: ARG001 - arq names it
        on_ring()

    return call


async def _connect(redis_url: str) -> ArqRedis:
    """A client whose every wait ends: without that, a peer that vanished is waited for for ever."""
    named = {"ssl_check_hostname": True} if redis_url.startswith("rediss:") else {}
    waits = {"socket_timeout": RING_SECONDS, "socket_connect_timeout": RING_SECONDS}
    redis = ArqRedis(
        redis_pool(redis_url, **waits, **named),
        job_serializer=_to_json,
        job_deserializer=json.loads,
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
