"""A request is a span, named by its route as declared: a path may hold a secret or a document."""

from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import get_contextvars

from shared.telemetry import traces
from shared.telemetry.metrics import METHODS, through_a_proxy_of

NOT_TRACED: Final = frozenset({"/healthz", "/readyz", "/metrics"})  # asked every few seconds
NO_ROUTE: Final = "none"


class RequestTraces:
    """ASGI middleware that traces requests; see `make_app` for `callers_traced`."""

    def __init__(self, app: ASGIApp, *, callers_traced: bool) -> None:
        self.app = app
        self._callers_traced = callers_traced

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not traces.on() or scope["type"] != "http" or scope["path"] in NOT_TRACED:
            await self.app(scope, receive, send)
            return
        method = scope["method"] if scope["method"] in METHODS else "other"
        with traces.span(
            method,
            kind="server",
            parent=self._callers(scope),
            method=method,
            request_id=get_contextvars().get("request_id", ""),
        ) as told:

            async def note_status(message: Message) -> None:
                if message["type"] == "http.response.start":
                    told.note(http_status=message["status"])
                    if message["status"] >= 500:
                        told.fail(str(message["status"]))
                await send(message)

            try:
                await self.app(scope, receive, note_status)
            finally:
                route = route_of(scope)
                told.note(route=route)
                told.rename(f"{method} {route}")

    def _callers(self, scope: Scope) -> str | None:
        """The caller's trace, from callers who come directly: others may be anybody."""
        if not self._callers_traced:
            return None
        headers = Headers(scope=scope)
        return None if through_a_proxy_of(headers) else headers.get("traceparent")


def route_of(scope: Scope) -> str:
    """The route that took a request, with its parameters' names in their places."""
    return getattr(scope.get("route"), "path", NO_ROUTE)
