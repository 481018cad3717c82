"""Serving an app behind its door."""

import asyncio
import gc
import resource
import socket
from collections.abc import Mapping
from contextlib import suppress
from types import FrameType
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from shared.config.door import DoorSettings
from shared.doors.door import Entrance
from shared.doors.protocol import protocol_at

DRAIN_SECONDS: Final = 5  # below supervisord's and Kubernetes' patience
SPARE_DESCRIPTORS: Final = 500
COLLECT_AFTER: Final = 20_000  # objects that may be in cycles
TICK_SECONDS: Final = 1.0


class Server(uvicorn.Server):
    """uvicorn's, which at rest looks up once a second in the place of ten times.

    What it looks for is whether it was told to stop: that wakes it, so it ends as soon as before.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._told = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def main_loop(self) -> None:
        """Return once it is to stop."""
        self._loop = asyncio.get_running_loop()
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                async with asyncio.timeout(TICK_SECONDS):
                    await self._told.wait()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take a signal to stop; called between two steps of whatever runs."""
        super().handle_exit(sig, frame)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._told.set)


def configured(
    app: ASGIApp,
    door: Entrance,
    private: Mapping[int, Entrance] | None = None,
    *,
    host: str,
    port: int,
) -> uvicorn.Config:
    """How every listener of ours is served."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http=protocol_at(door, private or {}),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,  # nothing reads them, and each request would pay for it
        timeout_keep_alive=door.limits.idle_seconds,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )


def serve(
    app: ASGIApp,
    limits: DoorSettings,
    *,
    host: str,
    port: int,
    private_port: int | None = None,
    share_port: bool = False,
    collect_after: int = COLLECT_AFTER,
) -> None:
    """Serve an app until SIGTERM or Ctrl-C, finishing the requests that are under way.

    With `share_port` other processes may listen on the same port, and the kernel deals the
    connections out among them. On `private_port` the app is asked how it goes. There is no access
    log: a webhook's path holds its secret. Metrics count instead. Dead cycles are looked for each
    time there are `collect_after` objects more.
    """
    # A flood at the one door must not keep out those who ask how it goes.
    private = {} if private_port is None else {private_port: Entrance(limits)}
    config = configured(app, Entrance(limits), private, host=host, port=port)
    _take_descriptors(limits.connections)
    _calm_collector(collect_after)
    server = Server(config)
    ports = [port, *private] if share_port or private else []
    server.run(sockets=[_socket(host, one, shared=share_port) for one in ports] or None)
    if not server.started:
        raise SystemExit(3)  # as uvicorn's own `run` does: it has logged why


def _take_descriptors(connections: int) -> None:
    """As many open files as all connections need, and some for stores and clients, if allowed."""
    least = connections + SPARE_DESCRIPTORS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = least if hard == resource.RLIM_INFINITY else min(least, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _calm_collector(after: int) -> None:
    """Look for dead cycles less often, and not among what was loaded at the start.

    Work here comes in batches of thousands of short-lived objects without cycles; the default
    goes through them every 700 and spends a twentieth of the time on finding nothing.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(after, 20, 20)


def _socket(host: str, port: int, *, shared: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind((host, port))
    return listener
