"""A real HTTP server on loopback that answers what a test told it to, and remembers what came."""

import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Answerer = Callable[["Asked"], Awaitable[web.StreamResponse] | web.StreamResponse]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def answer(
    body: Any = None, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """An answer; text and bytes are sent as they are, anything else as JSON."""
    if isinstance(body, bytes):
        return web.Response(body=body, status=status, headers=headers)
    if isinstance(body, str):
        return web.Response(text=body, status=status, headers=headers, content_type="text/html")
    return web.json_response(body, status=status, headers=headers)


@dataclass(slots=True)
class ScriptedServer:
    """Answers requests from its script in order, then with `otherwise`."""

    script: deque[Answerer] = field(default_factory=deque)
    asked: list[Asked] = field(default_factory=list)
    otherwise: Answerer | None = None
    url: str = ""

    def will(self, *answers: Answerer | web.Response) -> None:
        """Append to the script."""
        for each in answers:
            self.script.append(_always(each) if isinstance(each, web.Response) else each)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        asked = Asked(
            method=request.method,
            path=request.rel_url.raw_path,
            query=dict(request.query),
            headers=dict(request.headers),
            body=await request.read(),
        )
        self.asked.append(asked)
        answerer = self.script.popleft() if self.script else self.otherwise
        if answerer is None:
            return web.Response(status=599, text="the script has ended")
        found = answerer(asked)
        if isinstance(found, web.StreamResponse):
            return found
        try:
            return await found
        except HangUp:
            if request.transport is not None:
                request.transport.close()
            return web.Response()


class HangUp(Exception):
    """Raised by an answerer: close the connection without a word."""


async def hang_up(asked: Asked) -> web.StreamResponse:
    """Close the connection when a request has been read whole."""
    raise HangUp


def _always(response: web.Response) -> Answerer:
    # A response is good for one request only, so each gets its own.
    body, status, headers = response.body, response.status, dict(response.headers)
    headers.pop("Content-Length", None)

    def again(asked: Asked) -> web.Response:
        return web.Response(
            body=body if isinstance(body, bytes) else b"", status=status, headers=headers
        )

    return again


@asynccontextmanager
async def serving() -> AsyncIterator[ScriptedServer]:
    """Serve on a free port until the block ends."""
    server = ScriptedServer()
    app = web.Application(client_max_size=2**24)
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    server.url = f"http://{host}:{port}"
    try:
        yield server
    finally:
        await runner.cleanup()
