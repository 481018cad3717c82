from typing import Final

import uvicorn
from starlette.types import ASGIApp

DRAIN_SECONDS: Final = 5  # below supervisord's and Kubernetes' patience


def serve(app: ASGIApp, *, host: str, port: int) -> None:
    """Serve an app until SIGTERM or Ctrl-C, finishing the requests that are under way.

    There is no access log: a webhook's path holds its secret. Metrics count instead.
    """
    uvicorn.run(
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
