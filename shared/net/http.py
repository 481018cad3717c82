"""How we speak HTTP to the systems outside: one kind of session, no surprises of the library."""

import asyncio
import select
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientHandlerType,
    ClientOSError,
    ClientRequest,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    ConnectionTimeoutError,
    ServerDisconnectedError,
    StreamReader,
    TCPConnector,
)
from aiohttp.connector import Connection
from aiohttp.cookiejar import DummyCookieJar
from aiohttp.tracing import Trace

USER_AGENT: Final = "notaponte/0.1"
# A connection idle for longer is closed by us, before the other side does it under a request.
KEEPALIVE_SECONDS: Final = 15.0

CONNECTIONS_TRIED: Final = 3  # for one request, where one after the other is not silent
# The loop reads what has come in the turn after the next; TLS has words of its own besides.
TURNS_TO_READ: Final = 5


class SpokeFirst(ClientError):
    """No connection was silent before it was asked anything: nothing was."""


# These mean that no request left: the connection itself was never made, or nothing of it used.
NEVER_SENT: Final = (ClientConnectorError, ConnectionTimeoutError, SpokeFirst)


MayLeave = Callable[[], bool]
_MAY_LEAVE: ContextVar[MayLeave | None] = ContextVar("may_leave", default=None)


class NotLeft(ClientError):
    """A request had its connection and was not to leave any more: nothing of it was written."""


def leaving_only_if(may_leave: MayLeave | None) -> "Leaving":
    """Have requests of the block leave only if they may, asked on the connection they go out on.

    They raise NotLeft otherwise. Looking an address up and connecting may take any time.
    """
    return Leaving(may_leave)


class Leaving:
    """Whether requests may leave, as a context; a class, as it is on the way of every nota."""

    __slots__ = ("_before", "_may_leave")

    def __init__(self, may_leave: MayLeave | None) -> None:
        self._may_leave = may_leave

    def __enter__(self) -> None:
        self._before = _MAY_LEAVE.set(self._may_leave)

    def __exit__(self, *_: object) -> None:
        _MAY_LEAVE.reset(self._before)


class _AskingConnector(TCPConnector):
    """Hands out a connection only to a request that may still leave, and one that is silent.

    A trace's hook would be asked at the same moment, but the library loses the connection of one
    that raises. What came on a connection unasked, a second answer to the request before, would be
    taken for the answer to the next: another sale's, or another tenant's.
    """

    async def connect(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: ClientTimeout,  # noqa: ASYNC109 - the library's signature
    ) -> Connection:
        """Get a connection; NotLeft where the request is not to go out on it any more.

        SpokeFirst where each of them spoke, or was ended, before it was asked.
        """
        for _ in range(CONNECTIONS_TRIED):
            connection = await super().connect(req, traces, timeout)
            try:
                silent = await _is_silent(connection)
                may_leave = _MAY_LEAVE.get()
                leaves = may_leave is None or may_leave()
            except BaseException:
                connection.close()
                raise
            if silent and leaves:
                return connection
            if silent:
                connection.release()  # unused, and as good as before
            else:
                connection.close()
            if not leaves:
                raise NotLeft
        raise SpokeFirst


async def _is_silent(connection: Connection) -> bool:
    """Whether nothing came on a connection unasked, nor its end, read already or not.

    A process that stood still, or is busy, has not read what lies there for it.
    """
    for _ in range(TURNS_TO_READ):
        protocol = connection.protocol
        if protocol is None or protocol.should_close or not protocol.is_connected():
            return False
        if not _has_unread(connection):
            return True
        await asyncio.sleep(0)
    return False


def _has_unread(connection: Connection) -> bool:
    transport = connection.transport
    socket = transport.get_extra_info("socket") if transport is not None else None
    if socket is None:
        return False
    looking = select.poll()
    looking.register(socket.fileno(), select.POLLIN)
    return bool(looking.poll(0))


class AnswerTooLarge(ClientError):
    """An answer went on beyond what we read of one."""


class ConnectionBroke(ClientError):
    """A connection ended before the answer began: the request may have arrived."""


async def send_once(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """Keep the library from sending an idempotent request again by itself.

    aiohttp repeats GET, DELETE and the like, without a word, when a kept-alive connection breaks,
    which it knows by these errors. A second DELETE would be answered as a refusal, a second GET
    would cost a request that nobody counted.
    """
    try:
        return await handler(request)
    except NEVER_SENT:
        raise
    except (ClientOSError, ServerDisconnectedError):
        raise ConnectionBroke from None


def open_session(*, connections: int = 100) -> ClientSession:
    """Open the session that clients share; whoever opens it closes it.

    It keeps no cookies, since one tenant's must never travel with another's key, and takes no
    proxy or password from the environment. Every request leaves once.
    """
    return ClientSession(
        connector=_AskingConnector(limit=connections, keepalive_timeout=KEEPALIVE_SECONDS),
        cookie_jar=DummyCookieJar(),
        headers={"User-Agent": USER_AGENT},
        trust_env=False,
        middlewares=(send_once,),
    )


async def read_capped(response: ClientResponse, *, most: int) -> bytes:
    """Read a body of at most `most` bytes, unpacked; AnswerTooLarge beyond that.

    Whoever answers decides how long a body is, and a small one may unpack to gigabytes.
    """
    try:
        return await whole_of(response.content, most=most)
    except AnswerTooLarge:
        response.close()
        raise


async def whole_of(content: StreamReader, *, most: int) -> bytes:
    """Read what a connection brings of one answer; AnswerTooLarge beyond `most` bytes."""
    if content.is_eof():  # as nearly always: it came with its head
        whole = content.read_nowait()
        if len(whole) > most:
            raise AnswerTooLarge
        return whole
    body = bytearray()
    async for chunk in content.iter_any():
        body += chunk
        if len(body) > most:
            raise AnswerTooLarge
    return bytes(body)


def demand_https(url: str) -> str:
    """Return a base URL without its last slash; ValueError for plain http beyond this machine."""
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname)):
        return url.rstrip("/")
    raise ValueError("an address outside this machine must begin with https://")


def retry_after(headers: Mapping[str, str], *, default: timedelta, longest: timedelta) -> timedelta:
    """Read `Retry-After` in seconds; `default` when absent or unreadable, never over `longest`.

    Nor below a second: whoever says 0 would be asked again and again.
    """
    try:
        seconds = float(headers.get("Retry-After", ""))
    except ValueError:
        return default
    if not seconds >= 0:  # NaN too
        return default
    return min(timedelta(seconds=min(max(seconds, 1), longest.total_seconds())), longest)


def server_time(headers: Mapping[str, str]) -> datetime | None:
    """The other side's clock, from its `Date` header; None when absent or unreadable."""
    try:
        said = parsedate_to_datetime(headers.get("Date", ""))
    except (ValueError, TypeError, OverflowError):
        return None
    # A clock of another century is no clock, and nothing could be counted back from it.
    return said if said.tzinfo and 2000 <= said.year <= 2100 else None


def _is_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return False
