"""HTTP for the stand-ins: a call comes in, an answer goes out, or the line goes dead."""

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from dataclasses import dataclass, replace
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qsl, unquote

import orjson
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LOOPBACK = "127.0.0.1"
TYPE_JSON = "application/json; charset=utf-8"
Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LONGEST_BODY = 8 * 1024 * 1024
# As proxies do, and longer than any client of ours: whoever asks closes an idle connection, so that
# no request meets one that is just being closed.
KEEP_ALIVE_SECONDS = 75


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request, whole. `raw_path` is still percent-encoded; header names are small."""

    method: str
    raw_path: str
    raw_query: str
    headers: dict[str, str]
    body: bytes

    @property
    def segments(self) -> list[str]:
        """The path's parts, decoded one by one, so that %2F stays inside its part."""
        return [unquote(part) for part in self.raw_path.split("/") if part]

    @property
    def params(self) -> dict[str, str]:
        """The query's parameters; of a repeated one the last."""
        return dict(parse_qsl(self.raw_query, keep_blank_values=True))

    def json(self) -> Any:
        """The body as JSON, an empty one as {}; raises ValueError."""
        return json.loads(self.body) if self.body else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What to send back: after `delay` real seconds, or nothing at all if `hang_up`.

    Where there is a `first`, it comes before everything else.
    """

    status: int = 200
    body: bytes = b""
    content_type: str = TYPE_JSON
    headers: tuple[tuple[str, str], ...] = ()
    delay: float = 0.0
    hang_up: bool = False
    first: Callable[[], Awaitable[None]] | None = None

    def with_headers(self, *headers: tuple[str, str]) -> "Answer":
        """Add headers."""
        return replace(self, headers=self.headers + headers)


def dump(value: Any) -> bytes:
    """Write compact UTF-8 JSON, as both stand-ins do."""
    try:
        return orjson.dumps(value)
    except TypeError:  # integers of more than 64 bits
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def answer_json(value: Any, status: int = 200, *headers: tuple[str, str]) -> Answer:
    """Answer with JSON."""
    return Answer(status=status, body=dump(value), headers=headers)


def asgi(handle: Callable[[Call], Answer | Awaitable[Answer]]) -> App:
    """Make an ASGI application of a function from calls to answers."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        call = await _read_call(scope, receive)
        answer = handle(call)
        if not isinstance(answer, Answer):
            answer = await answer
        if answer.first is not None:
            await answer.first()
        if answer.delay:
            await asyncio.sleep(answer.delay)
        if answer.hang_up:
            await _hang_up(scope, receive)
        else:
            await _send_answer(answer, send)

    return app


async def _read_call(scope: Scope, receive: Receive) -> Call:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body") or len(body) > LONGEST_BODY:
            break
    return Call(
        method=scope["method"],
        raw_path=scope["raw_path"].decode("latin-1"),
        raw_query=scope["query_string"].decode("latin-1"),
        headers={k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]},
        body=body,
    )


async def _send_answer(answer: Answer, send: Send) -> None:
    headers = [
        (b"content-type", answer.content_type.encode()),
        (b"content-length", str(len(answer.body)).encode()),
    ]
    if not any(name == "Date" for name, _ in answer.headers):  # those with a clock of their own
        headers.append((b"date", formatdate(time.time(), usegmt=True).encode()))
    headers += [(k.encode("latin-1"), v.encode("utf-8")) for k, v in answer.headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


async def _hang_up(scope: Scope, receive: Receive) -> None:
    scope["extensions"]["sandbox.line"]["cut"]()
    # The server complains about an application that never answers unless it
    # knows that the client is gone.
    while (await receive())["type"] != "http.disconnect":
        pass


class _CuttableProtocol(HttpToolsProtocol):
    """Lets the application cut the connection without a byte of answer."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        line: dict[object, object] = {"cut": self.transport.abort}
        self.scope["extensions"] = {"sandbox.line": line}


@contextlib.asynccontextmanager
async def serving(app: App, *, port: int = 0, host: str = LOOPBACK) -> AsyncIterator[str]:
    """Serve an application; give its base URL on this machine. Port 0 takes a free one."""
    # Event loops turn Nagle's delay off only where the protocol is named.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    config = uvicorn.Config(
        app, http=_CuttableProtocol, ws="none", lifespan="off", log_config=None,
        log_level="critical", access_log=False, timeout_graceful_shutdown=1, backlog=2048,
        timeout_keep_alive=KEEP_ALIVE_SECONDS, server_header=False,
        date_header=False,  # it would be of a second ago, or of more while much is going on
    )  # fmt: skip
    config.load()
    server = uvicorn.Server(config)
    # Started and stopped by hand: uvicorn's own way takes the process's signals,
    # and half a second to stop.
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[listener])
    ticking = asyncio.create_task(server.main_loop())
    try:
        yield f"http://{LOOPBACK}:{listener.getsockname()[1]}"
    finally:
        ticking.cancel()
        await _stop(server, ticking)
        listener.close()


async def _stop(server: uvicorn.Server, ticking: asyncio.Task[None]) -> None:
    for each in server.servers:
        each.close()
    for connection in list(server.server_state.connections):
        connection.transport.abort()
    busy = list(server.server_state.tasks)
    for task in busy:
        task.cancel()
    await asyncio.gather(ticking, *busy, return_exceptions=True)
