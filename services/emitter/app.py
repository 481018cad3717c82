"""The emitter as an ASGI app: its loop runs beside the health addresses."""

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

import structlog
from starlette.applications import Starlette

from services.emitter.acting.group_commit import Scribe
from services.emitter.batch import Tools
from services.emitter.dispatch import Dispatcher
from services.emitter.leases import Leases
from services.emitter.loop import Loop, free_leases_for_ever
from shared.clients import open_clients
from shared.config.settings import EmitterSettings
from shared.crypto.seal import Sealer
from shared.db.connection import open_pool
from shared.db.migrate import schema_check
from shared.keys import proven_keys
from shared.run.waker import ring_worker
from shared.telemetry.health import Check, NotReadyError, health_routes

DRAIN_SECONDS: Final = 8.0  # what is at the issuer may answer; the rest is looked up later

log = structlog.get_logger()


def create_app(settings: EmitterSettings) -> Starlette:
    """The emitter's app; its lifespan runs the loop and ends it gently."""
    checks: list[Check] = []

    async def database() -> None:
        if not checks:
            raise NotReadyError("starting")
        await checks[0]()

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        process = settings.process
        sealer = Sealer.from_text(key.reveal() for key in settings.secret_keys)
        async with (
            open_pool(process.database, application="emitter") as pool,
            proven_keys(pool, sealer),
            open_clients(process, settings.vindi, settings.issuer) as clients,
        ):
            leases = Leases()
            scribe = Scribe(pool, leases)
            tools = Tools(pool=pool, clients=clients, sealer=sealer, leases=leases, scribe=scribe)
            loop = Loop(Dispatcher(tools=tools, worker=worker_name()))
            running = asyncio.create_task(loop.run(), name="emitter-loop")
            beside = [
                asyncio.create_task(leases.renew_for_ever(pool), name="renew-leases"),
                asyncio.create_task(free_leases_for_ever(pool, loop), name="free-leases"),
                asyncio.create_task(
                    ring_worker(process.redis_url.reveal(), loop.ring), name="ring-worker"
                ),
            ]
            checks.append(schema_check(pool))
            try:
                yield
            finally:
                loop.stop()
                await _end(running, beside)

    return Starlette(routes=health_routes({"database": database}), lifespan=lifespan)


async def _end(running: asyncio.Task[None], beside: list[asyncio.Task[None]]) -> None:
    """Let running work end within its time, then stop; leases cover what was cut off."""
    try:
        async with asyncio.timeout(DRAIN_SECONDS):
            await asyncio.shield(running)
    except TimeoutError:
        log.warning("work_cut_off")
    for task in (running, *beside):
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def worker_name() -> str:
    """Name this process in leases, for people who look at the table."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(2)}"
