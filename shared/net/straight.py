"""Requests whose bytes are ready, over a session's connections and past what it does for each.

Of what the library takes for a small request two thirds are the session's own: headers put together
anew, redirects, cookies and middlewares looked for, a task to write the body. A nota's POST needs
none of it. Connections, names, TLS and the reading of answers stay the library's
(docs/decisions/0054-straight-to-the-connection.md).
"""

import asyncio
import re
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from aiohttp import (
    ClientConnectionError,
    ClientError,
    ClientRequest,
    ClientSession,
    ClientTimeout,
    ConnectionTimeoutError,
    StreamReader,
)
from aiohttp.connector import BaseConnector, Connection
from aiohttp.http_exceptions import HttpProcessingError
from msgspec import Struct
from yarl import URL

from shared.net.http import USER_AGENT, ConnectionBroke, whole_of

if TYPE_CHECKING:
    from aiohttp.client_proto import ResponseHandler

_BREAKS_A_LINE: Final = re.compile(r"[^\x21-\x7e]")  # no part of an encoded path
_BREAKS_A_HEADER: Final = re.compile(r"[\r\n\x00]")
_READ_AT_ONCE: Final = 2**16


class StraightAnswer(Struct, frozen=True):
    """What came back, whole and unpacked."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Straight:
    """One address' requests with the same headers, each sent once over connections of a session.

    Follows no redirect, keeps no cookie, repeats nothing.
    """

    def __init__(
        self, session: ClientSession, *, base: URL, headers: Mapping[str, str], to_connect: float
    ) -> None:
        """`to_connect`: seconds that one attempt to connect may take."""
        self._session = session
        self._base = base
        self._headers = headers
        self._to_connect = to_connect
        self._place: ClientRequest | None = None
        self._head = b""

    async def send(
        self,
        method: str,
        url: URL,
        *,
        body: bytes | None = None,
        content_type: str = "application/json",
        seconds: float,
        most: int,
    ) -> StraightAnswer:
        """Send one request and read its answer of at most `most` bytes, all within so many seconds.

        `url` lies beneath the base and is percent-encoded already. Raises what a session raises:
        the errors of NEVER_SENT where nothing left, TimeoutError and any other ClientError where
        it may have arrived; and AnswerTooLarge. ValueError for what would break a line of the head.
        """
        place = self._place or self._settled()
        data = self._bytes(method, url, body, content_type)
        until = time.monotonic() + seconds
        try:
            bounds = _before_it_leaves(seconds, self._to_connect)
            connection = await self._connector().connect(place, [], bounds)
        except TimeoutError as error:
            raise ConnectionTimeoutError("no connection in time") from error
        if time.monotonic() >= until:  # nobody would wait for what it is answered
            connection.release()
            raise ConnectionTimeoutError("no connection in time")
        deadline = _Deadline(connection, until)
        try:
            answer = await _asked(connection, data, most, deadline)
        except BaseException as error:
            connection.close()  # whatever may still come on it answers this request
            if deadline.passed and isinstance(error, ClientError):
                raise TimeoutError from None
            raise
        finally:
            deadline.end()
        connection.release()
        if deadline.passed:  # what has no length ends with its connection: it may be cut off
            raise TimeoutError
        return answer

    def _connector(self) -> BaseConnector:
        if self._session.connector is None:
            raise ClientConnectionError("the session is closed")
        return self._session.connector

    def _settled(self) -> ClientRequest:
        """Where requests go, and the part of their head that is always the same."""
        headers = {"User-Agent": USER_AGENT, **self._headers}
        loop = asyncio.get_running_loop()
        place = ClientRequest("GET", self._base, headers=headers, loop=loop, session=self._session)
        lines = [f"{name}: {value}" for name, value in place.headers.items()]
        if any(_BREAKS_A_HEADER.search(line) for line in lines):
            raise ValueError("a header holds the end of a line")
        self._head = "".join(f"{line}\r\n" for line in lines).encode()
        self._place = place
        return place

    def _bytes(self, method: str, url: URL, body: bytes | None, content_type: str) -> bytes:
        path = url.raw_path_qs
        if _BREAKS_A_LINE.search(path):
            raise ValueError("a path is not percent-encoded")
        first = f"{method} {path} HTTP/1.1\r\n".encode()
        if body is not None:
            kind = f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
            return b"".join((first, self._head, kind.encode(), body))
        length = b"\r\n" if method == "GET" else b"Content-Length: 0\r\n\r\n"
        return b"".join((first, self._head, length))


@lru_cache
def _before_it_leaves(seconds: float, to_connect: float) -> ClientTimeout:
    """How long a connection may take: all of it, names and lines too, and its own part."""
    return ClientTimeout(connect=seconds, sock_connect=to_connect)


class _Deadline:
    """Breaks a connection off at an instant, and tells whoever reads from it.

    A timeout that cancels its task costs a nota's request a fifth of what it takes.
    """

    __slots__ = ("_handle", "_transport", "passed", "reads")

    def __init__(self, connection: Connection, until: float) -> None:
        self.passed = False
        self.reads: ResponseHandler | StreamReader | None = None  # what somebody waits for
        self._transport = connection.transport
        left = max(until - time.monotonic(), 0.0)
        self._handle = asyncio.get_running_loop().call_later(left, self._pass)

    def _pass(self) -> None:
        self.passed = True
        if self._transport is not None:
            self._transport.abort()
        # A connection that broke already tells nothing more, and the library lets whoever reads a
        # body in chunks wait for ever where one of them is none.
        if self.reads is not None:
            self.reads.set_exception(TimeoutError())

    def end(self) -> None:
        """Let the connection be."""
        self._handle.cancel()


async def _asked(
    connection: Connection, data: bytes, most: int, deadline: _Deadline
) -> StraightAnswer:
    protocol, transport = connection.protocol, connection.transport
    if protocol is None or transport is None:
        raise ConnectionBroke
    deadline.reads = protocol
    protocol.set_response_params(read_until_eof=True, read_bufsize=_READ_AT_ONCE)
    transport.write(data)
    try:
        message, content = await protocol.read()
        while 100 <= message.code < 200 and message.code != 101:  # not the answer yet
            message, content = await protocol.read()
    except HttpProcessingError:
        raise ConnectionBroke from None
    deadline.reads = content
    return StraightAnswer(message.code, message.headers, await whole_of(content, most=most))
