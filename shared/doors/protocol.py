"""uvicorn's HTTP protocol with bounds: on heads, on time, on what one connection may hold.

The parser has no limits of its own: a header is gathered whole, in memory, before anybody is asked,
and a request that is never finished stays for ever.
"""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final, cast

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from shared.doors.door import Entrance, TurnAway

STATUS: Final[dict[TurnAway, HTTPStatus]] = {
    "malformed": HTTPStatus.BAD_REQUEST,
    "head_too_large": HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    "too_many_headers": HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    "too_many_pipelined": HTTPStatus.SERVICE_UNAVAILABLE,
    "head_too_slow": HTTPStatus.REQUEST_TIMEOUT,
    "body_too_slow": HTTPStatus.REQUEST_TIMEOUT,
    "full": HTTPStatus.SERVICE_UNAVAILABLE,
    "source": HTTPStatus.SERVICE_UNAVAILABLE,
}
LOOKS_AT_AN_ANSWER: Final = 20  # within so many the whole of it has to be taken


class TooMuch(Exception):
    """Ends the parser's work on a request; raised in its callbacks."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection. `door` is set by `protocol_at`.

    `_unread` counts the bytes since the last piece of a body: those of a head, of what stands
    between the chunks of a body, or of what is neither. `_in_body` says that a head is known.
    """

    door: Entrance
    private: Mapping[int, Entrance]  # of other ports of the same server

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._limits = self.door.limits
        self._unread = 0
        self._in_body = False
        self._head_size = 0
        self._gone = False
        self._too_much: TurnAway | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timed = False  # whether the timer is that of a body
        self._stall: asyncio.TimerHandle | None = None
        self._hosts = 0  # headers of that name in the head that is being read
        self._retold = False  # whether a parser is told again what is known already

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self.private and self.server is not None and self.server[1] is not None:
            self.door = self.private.get(self.server[1], self.door)
        refused = self.door.enter(self, self.client[0] if self.client else None)
        if refused is not None:
            self._turn_away(refused)
            return
        self._time(self._limits.head_seconds, body=False)

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone = True
        self.door.leave(self)
        self._untime()
        self._unset_stall()
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        self.pipeline.clear()

    def data_received(self, data: bytes) -> None:
        if self._gone:
            return
        self._unset_keepalive_if_required()
        self._unread += len(data)
        try:
            self._feed(data)
        except httptools.HttpParserError:
            self._turn_away(self._too_much or "malformed")
            return
        if self._unread > self._limits.head_bytes:
            self._turn_away("head_too_large")
        elif self._in_body:
            self._time(self._limits.body_seconds, body=True)
        elif self._unread:
            self._time(self._limits.head_seconds, body=False)
        else:
            self._untime()
            if not self._busy():
                # It was answered before all of it had come, and nobody counts its idle time yet.
                self._wait_for_next()

    def on_message_begin(self) -> None:
        if self._retold:
            return
        super().on_message_begin()
        self._head_size = 0
        self._hosts = 0

    def on_url(self, url: bytes) -> None:
        if self._retold:
            return
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._retold:
            return
        if len(self.headers) >= self._limits.headers:
            self._stop("too_many_headers")
        self._count(len(name) + len(value) + 4)
        if len(name) == 4 and name.lower() == b"host":
            self._hosts += 1
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if self._retold:
            return
        if self._hosts != 1 and (self._hosts or self.parser.get_http_version() == "1.1"):
            self._stop("malformed")  # RFC 9112, 3.2: two may mean two things to two readers
        if len(self.pipeline) >= self._limits.pipelined:
            self._stop("too_many_pipelined")
        super().on_headers_complete()
        self._in_body = True
        self.door.asked(self)

    def on_chunk_header(self) -> None:
        """A chunk begins: what stood before it, extensions included, was of a bearable length."""
        self._unread = 0

    def on_body(self, body: bytes) -> None:
        self._unread = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade() and self._framing():
            return  # the parser leaves its body to the other protocol; it is still to come
        self._unread = 0
        self._in_body = False
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self.pipeline and not self._gone:
            self.door.answered(self)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unset_stall()
        waiting = self.transport.get_write_buffer_size()
        least = max(self._limits.taken_bytes, waiting // LOOKS_AT_AN_ANSWER)
        self._watch_writing(waiting, least)

    def resume_writing(self) -> None:
        self._unset_stall()
        super().resume_writing()

    def show_out(self) -> None:
        """End the connection now; the door has counted it already."""
        self._gone = True
        self._untime()
        self.transport.abort()

    def _feed(self, data: bytes) -> None:
        """Have the parser read; a request that offers another protocol is one like any other.

        Java's client offers h2c with whatever it posts (RFC 9110, 7.8: who does not speak it goes
        on in HTTP/1.1). The parser stops behind the head of such a request: another one goes on.
        """
        while data:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as offer:
                data = data[offer.args[0] :]
                framing = self._in_body and self._framing()
                self.parser = httptools.HttpRequestParser(self)
                if framing:
                    self._retell(framing)
            else:
                return

    def _framing(self) -> bytes:
        """What the head said of its body's length, as it said it; nothing where there is none."""
        return b"".join(
            name + b": " + value + b"\r\n"
            for name, value in self.headers
            if name == b"transfer-encoding" or (name == b"content-length" and value.strip(b"0"))
        )

    def _retell(self, framing: bytes) -> None:
        version = self.scope["http_version"].encode()
        self._retold = True
        try:
            self.parser.feed_data(b"POST / HTTP/" + version + b"\r\n" + framing + b"\r\n")
        finally:
            self._retold = False

    def _count(self, size: int) -> None:
        self._head_size += size
        if self._head_size > self._limits.head_bytes:
            self._stop("head_too_large")

    def _stop(self, why: TurnAway) -> None:
        """Have the parser stop; it hides what is raised here behind an error of its own."""
        self._too_much = why
        raise TooMuch(why)

    def _busy(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _time(self, seconds: float, *, body: bool) -> None:
        """Have the clock run for this part of the request, if it does not run already."""
        if self._timer is not None and self._timed is body:
            return
        self._untime()
        self._timed = body
        self._timer = self.loop.call_later(seconds, self._too_slow)

    def _untime(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_slow(self) -> None:
        self._timer = None
        if self._gone:
            return
        if not self._timed and self._busy():
            # An answer is on its way, and it is we who do not read what was sent ahead.
            self._time(self._limits.head_seconds, body=False)
            return
        self._turn_away("body_too_slow" if self._timed else "head_too_slow")

    def _turn_away(self, why: TurnAway) -> None:
        """Say why in a status, if nothing else is being said, and end the connection."""
        self._gone = True
        self._untime()
        self.door.turned_away(why)
        if self._busy() and not self._in_body and not self.pipeline:
            # The trouble is with what came after the request that is being answered.
            self.cycle.keep_alive = False
            return
        silent = why == "head_too_slow" and not self._unread
        if self._busy():
            silent = silent or self.cycle.response_started or bool(self.pipeline)
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if silent:
            self.transport.abort()
            return
        self.transport.write(_answer(STATUS[why]))
        self.transport.close()

    def _wait_for_next(self) -> None:
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )

    def _watch_writing(self, left: int, least: int) -> None:
        """Look later whether of the bytes that are `left` at least `least` were taken."""
        self._stall = self.loop.call_later(self._limits.stalled_seconds, self._look, left, least)

    def _look(self, before: int, least: int) -> None:
        """A long answer takes its time on a slow line; one that nobody takes holds our memory."""
        left = self.transport.get_write_buffer_size()
        if before - left >= least:
            self._watch_writing(left, least)
        else:
            self._stalled()

    def _stalled(self) -> None:
        self._gone = True
        self.door.turned_away("stalled")
        self.transport.abort()

    def _unset_stall(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None


def protocol_at(door: Entrance, private: Mapping[int, Entrance]) -> type[asyncio.Protocol]:
    """The protocol of a server's connections; its other ports may have doors of their own."""
    return cast(
        "type[asyncio.Protocol]",
        type("AtDoor", (BoundedProtocol,), {"door": door, "private": private}),
    )


def _answer(status: HTTPStatus) -> bytes:
    again = b"retry-after: 5\r\n" if status is HTTPStatus.SERVICE_UNAVAILABLE else b""
    return (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode()
        + again
        + b"content-length: 0\r\nconnection: close\r\n\r\n"
    )
