import gc
import socket
from typing import Final

import uvicorn
from starlette.types import ASGIApp

DRAIN_SECONDS: Final = 5  # below supervisord's and Kubernetes' patience


def serve(app: ASGIApp, *, host: str, port: int, share_port: bool = False) -> None:
    """Serve an app until SIGTERM or Ctrl-C, finishing the requests that are under way.

    With `share_port` other processes may listen on the same port, and the kernel deals the
    connections out among them. There is no access log: a webhook's path holds its secret.
    Metrics count instead.
    """
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http="httptools",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,  # nothing reads them, and each request would pay for it
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
    _calm_collector()
    server = uvicorn.Server(config)
    server.run(sockets=[_shared_socket(host, port)] if share_port else None)
    if not server.started:
        raise SystemExit(3)  # as uvicorn's own `run` does: it has logged why


def _calm_collector() -> None:
    """Look for dead cycles less often, and not among what was loaded at the start.

    Work here comes in batches of thousands of short-lived objects without cycles; the default
    goes through them every 700 and spends a twentieth of the time on finding nothing.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _shared_socket(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind((host, port))
    return listener
