"""A proxy before PostgreSQL that knows where one statement ends and the next begins.

A process that reaches its database through it can be stopped, cut off or killed at each statement
in turn: before the server has it, or after the server has done it and before the answer is heard.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import urlsplit, urlunsplit

from shared.local.files import LOOPBACK

_SSL_REQUEST = 80877103
_READY = b"Z"
_DESCRIBED = b"TnE"  # what ends the answer to a statement that is only prepared, or refuses it


class When(Enum):
    """Where a statement is when somebody looks at it."""

    UNHEARD = "before the server has it"
    DONE = "done, its answer not yet heard"


class CutOffError(Exception):
    """Raised by whoever looks at a statement: every connection is gone at once."""


class RefusedError(Exception):
    """Raised by whoever looks at a statement that is not heard yet: the server refuses it."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code  # five characters, as PostgreSQL's manual lists them


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One round trip on its way."""

    number: int  # from 0, since the last `count_anew`
    name: str  # as its first line says, or the beginning of what is no statement of ours
    when: When


Look = Callable[[Statement], Awaitable[None]]


async def _pass(_: Statement) -> None:
    """Let everything through."""


@dataclass(slots=True, kw_only=True)
class StatementProxy:
    """Who reaches the server by `url` is seen; `look` is asked at each statement."""

    server: str
    url: str = ""
    look: Look = _pass
    refuses: bool = False  # new connections too
    seen: list[str] = field(default_factory=list)
    _links: set[asyncio.Task[None]] = field(default_factory=set)
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    def count_anew(self, look: Look = _pass) -> None:
        """Number statements from 0 again, and have them looked at by somebody else."""
        self.look, self.seen = look, []

    def cut(self, *, for_good: bool = False) -> None:
        """End every connection at once, as a server that dies does; for good: as if we had."""
        self.refuses = self.refuses or for_good
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either side ends it."""
        if self.refuses:
            writer.transport.abort()
            return
        task = asyncio.current_task()
        assert task is not None
        self._links.add(task)
        url = urlsplit(self.server)
        theirs, server = await asyncio.open_connection(url.hostname, url.port)
        both = {writer, server}
        self._writers |= both
        try:
            with suppress(CutOffError, ConnectionError, asyncio.IncompleteReadError):
                await _Link(self, reader, writer, theirs, server).run()
        finally:
            for one in both:
                one.transport.abort()
            self._writers -= both
            self._links.discard(task)

    async def at(self, number: int, name: str, when: When) -> None:
        """Ask whoever looks."""
        try:
            await self.look(Statement(number=number, name=name, when=when))
        except CutOffError:
            self.cut()
            raise

    async def close(self) -> None:
        """End every connection, and wait until it is."""
        self.cut(for_good=True)
        for task in list(self._links):
            task.cancel()
        await asyncio.gather(*self._links, return_exceptions=True)


@dataclass(slots=True)
class _Link:
    proxy: StatementProxy
    client: asyncio.StreamReader
    to_client: asyncio.StreamWriter
    server: asyncio.StreamReader
    to_server: asyncio.StreamWriter
    names: dict[bytes, str] = field(default_factory=dict)
    first: asyncio.Task[bytes] | None = None  # what is asked first, once it is begun to be heard

    async def run(self) -> None:
        await self._start()
        while True:
            sent, name, runs = await self._asked()
            if not sent:
                return
            if not runs:
                self.to_server.write(sent)
                await self._answer(_READY if sent.endswith(b"S\0\0\0\x04") else _DESCRIBED)
                continue
            number = len(self.proxy.seen)
            self.proxy.seen.append(name)
            try:
                await self.proxy.at(number, name, When.UNHEARD)
            except RefusedError as refusal:
                self.to_client.write(await self._refuse(name, refusal.code))
                continue
            self.to_server.write(sent)
            heard = await self._answer(keep=True)
            await self.proxy.at(number, name, When.DONE)
            self.to_client.write(heard)

    async def _refuse(self, name: str, code: str) -> bytes:
        """What the server says of a statement that it refuses; a commit has ended then."""
        if name.startswith("COMMIT"):
            self.to_server.write(_query("ROLLBACK"))
            await self._answer(keep=True)
        raising = f"DO $$ BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '{code}'; END $$"
        self.to_server.write(_query(raising))
        return await self._answer(keep=True)

    async def _start(self) -> None:
        """Pass the start-up on, whatever is agreed on in it, until the server is ready."""
        while True:
            head = await self.client.readexactly(8)
            size, code = int.from_bytes(head[:4]), int.from_bytes(head[4:])
            self.to_server.write(head + await self.client.readexactly(size - 8))
            if code != _SSL_REQUEST:
                break
            self.to_client.write(await self.server.readexactly(1))
        answers = asyncio.create_task(self._answer())
        while not answers.done():
            asked = asyncio.create_task(_message(self.client))
            await asyncio.wait({answers, asked}, return_when=asyncio.FIRST_COMPLETED)
            if answers.done():
                # Who is ready asks next: what it asks is the first statement.
                self.first = asked
                return
            self.to_server.write(await asked)

    async def _asked(self) -> tuple[bytes, str, bool]:
        """What the client asks until it waits for an answer, its name, and whether it runs."""
        sent, name, runs = b"", "", False
        while True:
            message = await self._next()
            if message[:1] == b"X":
                return b"", "", False
            sent += message
            kind, body = message[:1], message[5:]
            match kind:
                case b"Q":
                    name, runs = _name(body), True
                case b"P":
                    statement, _, query = body.partition(b"\0")
                    self.names[statement] = name = _name(query)
                case b"B":
                    name = self.names.get(body.split(b"\0")[1], "?")
                case b"E":
                    runs = name != "?" and not name.startswith("SELECT t.oid")
            if kind in (b"S", b"Q", b"H"):
                return sent, name, runs

    async def _next(self) -> bytes:
        if self.first is not None:
            first, self.first = self.first, None
            return await first
        return await _message(self.client)

    async def _answer(self, ends: bytes = _READY, *, keep: bool = False) -> bytes:
        """Hear the server out; its answer is passed on at once unless it is kept."""
        heard = b""
        while True:
            message = await _message(self.server)
            heard += message
            if not keep:
                self.to_client.write(message)
            if message[:1] in ends:
                return heard


async def _message(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readexactly(5)
    return head + await reader.readexactly(int.from_bytes(head[1:]) - 4)


def _query(text: str) -> bytes:
    body = text.encode() + b"\0"
    return b"Q" + (len(body) + 4).to_bytes(4) + body


def _name(query: bytes) -> str:
    lines = [line.strip() for line in query.rstrip(b"\0").decode().splitlines() if line.strip()]
    first = lines[0] if lines else ""
    return first.removeprefix("-- ")[:60].rstrip(";")


@asynccontextmanager
async def statement_proxy(database: str) -> AsyncIterator[StatementProxy]:
    """A proxy before the server of this address, which has one of its own."""
    proxy = StatementProxy(server=database)
    server = await asyncio.start_server(proxy.serve, LOOPBACK, 0)
    port = server.sockets[0].getsockname()[1]
    url = urlsplit(database)
    proxy.url = urlunsplit(
        url._replace(netloc=f"{url.netloc.rpartition('@')[0]}@{LOOPBACK}:{port}")
    )
    try:
        yield proxy
    finally:
        server.close()
        await proxy.close()
