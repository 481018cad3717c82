"""Prometheus metrics that every service keeps about the requests it answers."""

import time
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, Counter, Histogram
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.telemetry.exposed import exposed

REQUESTS: Final = Counter(
    "notaponte_http_requests_total",
    "Requests answered, by handler; a path is never a label, since it may hold a secret.",
    ["handler", "method", "status"],
)
SECONDS: Final = Histogram(
    "notaponte_http_request_seconds",
    "Time from the request's head to the end of the answer.",
    ["handler"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
GONE: Final = 499  # as proxies count those who left before they were answered
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class RequestMetrics:
    """ASGI middleware that counts and times requests by the handler that took them."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = 500  # what a client sees when the handler fails before it answers

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        started = time.perf_counter()
        try:
            await self.app(scope, receive, note_status)
        except ClientDisconnect:
            status = GONE  # nobody is there to hear of it, and nothing of ours went wrong
        finally:
            _observe(scope, status, time.perf_counter() - started)


def through_a_proxy(request: Request) -> bool:
    """Whether somebody comes from outside: probes and scrapers come directly."""
    return through_a_proxy_of(request.headers)


def through_a_proxy_of(headers: Headers) -> bool:
    """The same by a request's headers."""
    return any(name in headers for name in ("x-forwarded-for", "forwarded"))


async def metrics(request: Request) -> Response:
    """Answer GET /metrics in Prometheus' text format; to whoever comes directly."""
    if through_a_proxy(request):
        return Response(status_code=404)
    return Response(exposed(), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _observe(scope: Scope, status: int, seconds: float) -> None:
    handler = getattr(scope.get("endpoint"), "__name__", "none")
    method = scope["method"] if scope["method"] in METHODS else "other"
    REQUESTS.labels(handler, method, str(status)).inc()
    SECONDS.labels(handler).observe(seconds)
