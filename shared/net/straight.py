"""Requests whose bytes are ready, over a session's connections and past what it does for each.

Of what the library takes for a small request two thirds are the session's own: headers put together
anew, redirects, cookies and middlewares looked for, a task to write the body. A nota's POST needs
none of it. Connections, names, TLS and the reading of answers stay the library's
(docs/decisions/0054-straight-to-the-connection.md).
"""

import asyncio
import re
from collections.abc import Mapping
from typing import Final

from aiohttp import (
    ClientConnectionError,
    ClientRequest,
    ClientSession,
    ClientTimeout,
    ConnectionTimeoutError,
)
from aiohttp.connector import BaseConnector, Connection
from aiohttp.http_exceptions import HttpProcessingError
from msgspec import Struct
from yarl import URL

from shared.net.http import USER_AGENT, ConnectionBroke, whole_of

_BREAKS_A_LINE: Final = re.compile(r"[\x00-\x20\x7f-\uffff]")  # no part of an encoded path
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

    def __init__(self, session: ClientSession, *, base: URL, headers: Mapping[str, str]) -> None:
        self._session = session
        self._base = base
        self._headers = headers
        self._place: ClientRequest | None = None
        self._head = b""

    async def send(
        self,
        method: str,
        url: URL,
        *,
        body: bytes | None = None,
        content_type: str = "application/json",
        timeout: ClientTimeout,  # noqa: ASYNC109 - the library's own, of which `total` is all of it
        most: int,
    ) -> StraightAnswer:
        """Send one request and read its answer of at most `most` bytes.

        `url` lies beneath the base and is percent-encoded already. Raises what a session raises:
        the errors of NEVER_SENT where nothing left, TimeoutError, another ClientError once it
        may have arrived; and AnswerTooLarge. ValueError for what would break a line of the head.
        """
        place = self._place or self._settled()
        data = self._bytes(method, url, body, content_type)
        async with asyncio.timeout(timeout.total):
            try:
                connection = await self._connector().connect(place, [], timeout)
            except TimeoutError as error:
                raise ConnectionTimeoutError("no connection in time") from error
            try:
                answer = await _asked(connection, data, most)
            except BaseException:
                connection.close()  # whatever may still come on it answers this request
                raise
            connection.release()
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


async def _asked(connection: Connection, data: bytes, most: int) -> StraightAnswer:
    protocol, transport = connection.protocol, connection.transport
    if protocol is None or transport is None:
        raise ConnectionBroke
    protocol.set_response_params(read_until_eof=True, read_bufsize=_READ_AT_ONCE)
    transport.write(data)
    try:
        message, content = await protocol.read()
        while 100 <= message.code < 200 and message.code != 101:  # not the answer yet
            message, content = await protocol.read()
    except HttpProcessingError:
        raise ConnectionBroke from None
    return StraightAnswer(message.code, message.headers, await whole_of(content, most=most))
