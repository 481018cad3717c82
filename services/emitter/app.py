"""The emitter as an ASGI app: its loop runs beside the health addresses."""

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

import structlog
from prometheus_client import Gauge
from starlette.applications import Starlette

from services.emitter.acting.ahead import KeyRooms
from services.emitter.acting.group_commit import GroupCommit
from services.emitter.batch import Tools
from services.emitter.dispatch import Dispatcher
from services.emitter.leases import Leases
from services.emitter.loop import Loop, free_leases_for_ever
from services.emitter.stopping.under_way import UnderWay
from shared.clients import open_clients
from shared.config.settings import EmitterSettings
from shared.run.loops import beside
from shared.run.tasks import end_task
from shared.run.waker import ring_worker
from shared.service import Resources, make_app, open_stored
from shared.telemetry.sampled import sample_for_ever

DRAIN_SECONDS: Final = 8.0  # what is at the issuer may answer; the rest is looked up later

UNDER_WAY: Final = Gauge(
    "notaponte_emitter_sales_under_way", "Sales that are worked on.", multiprocess_mode="livesum"
)
LATENESS: Final = Gauge(
    "notaponte_emitter_lateness_seconds",
    "How late a process comes to what it should do now, the worst of them.",
    multiprocess_mode="livemax",
)

log = structlog.get_logger()


def create_app(settings: EmitterSettings) -> Starlette:
    """The service as an app; it works for as long as its server runs."""
    return make_app(partial(open_emitter, settings))


@asynccontextmanager
async def open_emitter(settings: EmitterSettings) -> AsyncIterator[Resources]:
    """The loop and what runs beside it; ends gently."""
    process = settings.process
    async with (
        open_stored("emitter", settings) as stored,
        open_clients(process, settings.vindi, settings.issuer) as clients,
    ):
        pool, sealer = stored.pool, stored.sealer
        leases = Leases()
        under_way = UnderWay(registered=False)
        commits = GroupCommit(pool, leases)
        rooms = KeyRooms(parallel=clients.issuer_parallel, per_second=clients.issuer_pace)
        tools = Tools(
            pool=pool,
            clients=clients,
            sealer=sealer,
            leases=leases,
            commits=commits,
            rooms=rooms,
            under_way=under_way,
        )
        name = worker_name()
        dispatcher = Dispatcher(tools=tools, worker=name)
        loop = Loop(dispatcher)
        async with (
            beside(
                tell_under_way=partial(under_way.beat_for_ever, pool, name),
                renew_leases=partial(leases.renew_for_ever, pool),
                look_at_line=partial(leases.line.look_for_ever, pool),
                free_leases=partial(free_leases_for_ever, pool, loop),
                lateness=partial(dispatcher.lateness.watch_for_ever, works=lambda: len(leases) > 0),
                gauges=partial(sample_for_ever, gauges_of(dispatcher, leases)),
            ),
            working(loop, process.redis_url.reveal()),
        ):
            yield stored
        await under_way.end(pool, name)


def gauges_of(dispatcher: Dispatcher, leases: Leases) -> dict[Gauge, Callable[[], float]]:
    """What is shown of this process, and how it is looked at."""
    return {UNDER_WAY: lambda: len(leases), LATENESS: lambda: dispatcher.lateness.seconds}


@asynccontextmanager
async def working(loop: Loop, redis_url: str) -> AsyncIterator[None]:
    """Run the loop and listen for rings; at the end it is told to stop at once.

    It listens no longer then: a ring comes to one process, and has to come to one that claims.
    """
    async with _running(loop), beside(ring_worker=partial(ring_worker, redis_url, loop.ring)):
        try:
            yield
        finally:
            loop.stop()


@asynccontextmanager
async def _running(loop: Loop) -> AsyncIterator[None]:
    """Run the loop; at the end what it began has some time, and leases cover what is cut off."""
    running = asyncio.create_task(loop.run(), name="emitter-loop")
    try:
        yield
    finally:
        loop.stop()
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                await asyncio.shield(running)
        except TimeoutError:
            log.warning("work_cut_off")
        await end_task(running)


def worker_name() -> str:
    """Name this process in leases, for people who look at the table."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(2)}"
