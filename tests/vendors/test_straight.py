"""Requests straight to a connection: the bytes that leave, and every way an answer may come."""

import asyncio
import gzip
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from threading import Event

import pytest
from aiohttp import ClientConnectorError, ClientError, ClientSession, ConnectionTimeoutError
from aiohttp.connector import BaseConnector, Connection
from yarl import URL

from shared.net.http import AnswerTooLarge, NotLeft, SpokeFirst, leaving_only_if, open_session
from shared.net.straight import Straight, StraightAnswer

SOON = 20.0
HEADERS = {"Authorization": "Basic a-key", "Accept": "application/json"}
WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
LATE = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate"


class Wire:
    """A server that answers each request with the bytes it is told to; None: hangs up."""

    def __init__(self) -> None:
        self.answers: list[bytes | None] = []
        self.unasked: bytes | None = None  # sent right after an answer
        self.heads: list[bytes] = []
        self.bodies: list[bytes] = []
        self.connections = 0
        self.ended = asyncio.Event()
        self.told = asyncio.Event()
        self.url = URL()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await self._answer_all(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.ended.set()
        finally:
            writer.close()

    async def _answer_all(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = [line for line in head.lower().split(b"\r\n") if b"content-length:" in line]
            size = int(length[0].split(b":")[1]) if length else 0
            self.bodies.append(await reader.readexactly(size))
            self.heads.append(head)
            answer = self.answers.pop(0)
            if answer is None:
                return
            writer.write(answer)
            await writer.drain()
            if b"until the end" in answer or b"never the rest" in answer:
                return
            if self.unasked is not None:
                await asyncio.sleep(0.05)  # until the connection rests
                writer.write(self.unasked)
                await writer.drain()
                self.unasked = None
                self.told.set()


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    wire = Wire()
    server = await asyncio.start_server(wire.serve, "127.0.0.1", 0)
    wire.url = URL(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/base")
    yield wire
    server.close()


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with open_session() as session:
        yield session


@pytest.fixture
def ask(wire: Wire, session: ClientSession) -> Callable[..., "asyncio.Future[StraightAnswer]"]:
    straight = Straight(session, base=wire.url, headers=HEADERS, to_connect=5)

    def ask(method: str = "POST", body: bytes | None = b"{}", **more: object) -> object:
        kept = {"seconds": SOON, "most": 100} | more
        return straight.send(method, wire.url / "nfes", body=body, **kept)  # type: ignore[arg-type]

    return ask  # type: ignore[return-value]


def lines_of(head: bytes) -> Sequence[bytes]:
    first, *others = head.strip().split(b"\r\n")
    return [first, *sorted(line.lower() for line in others)]


@pytest.mark.parametrize(
    ("method", "body"), [("POST", b'{"nota": 1}'), ("GET", None), ("DELETE", None)]
)
async def test_what_leaves_is_what_the_session_would_send(
    wire: Wire,
    session: ClientSession,
    ask: Callable[..., "asyncio.Future[StraightAnswer]"],
    method: str,
    body: bytes | None,
) -> None:
    wire.answers = [WHOLE, WHOLE]
    more = {} if body is None else {"Content-Type": "application/json"}
    headers = {**HEADERS, **more}
    async with session.request(method, wire.url / "nfes", data=body, headers=headers) as theirs:
        assert theirs.status == 200
    assert (await ask(method, body)).status == 200

    theirs_lines, ours = map(lines_of, wire.heads)
    assert ours == theirs_lines
    assert wire.bodies == [body or b""] * 2
    assert wire.connections == 1  # and by the same connections


ANSWERS = {
    "chunks": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",
        200,
    ),
    "until the end": (b"HTTP/1.1 200 OK\r\nX-Word: until the end\r\n\r\n{}", 200),
    "packed": (
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s"
        % (len(gzip.compress(b"{}")), gzip.compress(b"{}")),
        200,
    ),
    "not yet": (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n" + WHOLE, 200),
    "refused": (b"HTTP/1.1 400 Bad\r\nContent-Length: 2\r\n\r\n{}", 400),
    "elsewhere": (b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 2\r\n\r\n{}", 302),
}


@pytest.mark.parametrize("kind", ANSWERS)
async def test_an_answer_is_read_however_it_is_sent(
    wire: Wire, ask: Callable[..., "asyncio.Future[StraightAnswer]"], kind: str
) -> None:
    wire.answers = [ANSWERS[kind][0]]
    answer = await ask()
    assert (answer.status, answer.body) == (ANSWERS[kind][1], b"{}")


async def test_an_answer_may_have_nothing_in_it(
    wire: Wire, ask: Callable[..., "asyncio.Future[StraightAnswer]"]
) -> None:
    wire.answers = [b"HTTP/1.1 204 No Content\r\nRetry-After: 3\r\n\r\n", WHOLE]
    answer = await ask()
    assert (answer.status, answer.body, answer.headers["retry-after"]) == (204, b"", "3")
    assert (await ask()).body == b"{}"
    assert wire.connections == 1


BROKEN = {
    "without a word": None,
    "in the head": b"HTTP/1.1 200 OK\r\nX-Word: never the rest",
    "in the body": b"HTTP/1.1 200 OK\r\nX-Word: never the rest\r\nContent-Length: 50\r\n\r\n{",
    "no HTTP": b"SSH-2.0-never the rest\r\n\r\n",
    "a length that is none": b"HTTP/1.1 200 never the rest\r\nContent-Length: x\r\n\r\n{}",
}


@pytest.mark.parametrize("kind", BROKEN)
async def test_what_breaks_may_have_arrived_and_is_not_sent_again(
    wire: Wire, ask: Callable[..., "asyncio.Future[StraightAnswer]"], kind: str
) -> None:
    wire.answers = [BROKEN[kind], WHOLE]
    with pytest.raises(ClientError) as error:
        await ask("GET", None)
    assert not isinstance(error.value, ClientConnectorError)
    assert len(wire.heads) == 1
    assert (await ask()).body == b"{}"
    assert wire.connections == 2


async def test_what_came_unasked_is_nobodys_answer(
    wire: Wire, ask: Callable[..., "asyncio.Future[StraightAnswer]"]
) -> None:
    """A second answer to the request before would be taken for this one's."""
    wire.answers, wire.unasked = [WHOLE, WHOLE], LATE
    assert (await ask()).body == b"{}"
    await wire.told.wait()
    await asyncio.sleep(0.1)  # until it has come

    assert (await ask()).body == b"{}"
    assert wire.connections == 2


async def test_what_came_unasked_is_no_answer_of_the_session_either(
    wire: Wire, session: ClientSession
) -> None:
    wire.answers, wire.unasked = [WHOLE, WHOLE], LATE
    async with session.get(wire.url) as first:
        assert await first.read() == b"{}"
    await wire.told.wait()
    await asyncio.sleep(0.1)

    async with session.get(wire.url) as second:
        assert await second.read() == b"{}"
    assert wire.connections == 2


async def test_a_connection_whose_answer_nobody_waits_for_is_closed(
    wire: Wire, ask: Callable[..., "asyncio.Future[StraightAnswer]"]
) -> None:
    wire.answers = [b"", WHOLE]
    with pytest.raises(TimeoutError):
        await ask(seconds=0.2)
    await asyncio.wait_for(wire.ended.wait(), 20)

    assert (await ask()).body == b"{}"
    assert wire.connections == 2


async def test_what_has_no_length_is_not_taken_for_whole_when_time_is_up(
    wire: Wire, ask: Callable[..., "asyncio.Future[StraightAnswer]"]
) -> None:
    wire.answers = [b"HTTP/1.1 200 OK\r\n\r\n{", WHOLE]
    with pytest.raises(TimeoutError):
        await ask(seconds=0.2)
    assert (await ask()).body == b"{}"


async def test_a_body_that_breaks_in_its_midst_is_not_waited_for_for_ever(
    wire: Wire, ask: Callable[..., "asyncio.Future[StraightAnswer]"]
) -> None:
    """The library closes the connection then, and tells nobody who reads from it."""
    wire.answers = [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n", WHOLE]
    wire.unasked = b"no size\r\n"
    async with asyncio.timeout(SOON):
        with pytest.raises(TimeoutError):
            await ask(seconds=0.5)
    assert (await ask()).body == b"{}"


async def test_what_has_no_time_left_when_it_is_connected_does_not_leave(
    wire: Wire,
    session: ClientSession,
    ask: Callable[..., "asyncio.Future[StraightAnswer]"],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It would be written, and broken off at once: a nota may have been asked for."""
    connector = session.connector
    assert connector is not None
    at_once = connector.connect

    async def late(*args: object) -> Connection:
        connection = await at_once(*args)  # type: ignore[arg-type]
        await asyncio.sleep(0.2)
        return connection

    monkeypatch.setattr(connector, "connect", late)
    wire.answers = [WHOLE]
    with pytest.raises(ConnectionTimeoutError):
        await ask(seconds=0.1)
    assert (await ask()).body == b"{}"
    assert (len(wire.heads), wire.connections) == (1, 1)


async def test_an_answer_beyond_what_is_read_ends_its_connection(
    wire: Wire, ask: Callable[..., "asyncio.Future[StraightAnswer]"]
) -> None:
    wire.answers = [b"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n" + b"x" * 101, WHOLE]
    with pytest.raises(AnswerTooLarge):
        await ask()
    assert (await ask()).body == b"{}"
    assert wire.connections == 2


async def test_what_may_not_leave_writes_nothing(
    wire: Wire, ask: Callable[..., "asyncio.Future[StraightAnswer]"]
) -> None:
    wire.answers = [WHOLE]
    with leaving_only_if(lambda: False), pytest.raises(NotLeft):
        await ask()
    assert (await ask()).status == 200
    assert (len(wire.heads), wire.connections) == (1, 1)


async def test_no_line_of_a_head_is_broken(wire: Wire, session: ClientSession) -> None:
    odd = Straight(
        session, base=wire.url, headers={"Authorization": "Basic a\r\nX-Other: 1"}, to_connect=5
    )
    with pytest.raises(ValueError, match="header"):
        await odd.send("GET", wire.url, seconds=SOON, most=100)
    usual = Straight(session, base=wire.url, headers=HEADERS, to_connect=5)
    for path in ("/a b", "/a\r\nX-Other: 1", "/ação"):
        bad = URL(f"{wire.url.origin()}{path}", encoded=True)
        with pytest.raises(ValueError, match="percent"):
            await usual.send("GET", bad, seconds=SOON, most=100)
    assert wire.connections == 0


class Elsewhere:
    """A server that this loop does not run: it goes on while the loop stands still."""

    def __init__(self, last_word: bytes | None) -> None:
        """`last_word` comes on its first connection after its first answer; None: its end."""
        self._last_word = last_word
        self._listens = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.speaks = Event()
        self.spoke = Event()
        self.connections = 0
        self.requests = 0
        self.url = URL(f"http://127.0.0.1:{self._listens.getsockname()[1]}")

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self._listens.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            while connection.recv(4096):
                self.requests += 1
                connection.sendall(WHOLE)
                if self.connections == 1:
                    self._say_the_last_word(connection)
                    break

    def _say_the_last_word(self, connection: socket.socket) -> None:
        self.speaks.wait(SOON)
        if self._last_word is None:
            connection.shutdown(socket.SHUT_WR)
        else:
            connection.sendall(self._last_word)
        time.sleep(0.05)
        self.spoke.set()

    def close(self) -> None:
        self._listens.shutdown(socket.SHUT_RDWR)
        for one in (self._listens, *self._open):
            one.close()


@pytest.fixture
def elsewhere(request: pytest.FixtureRequest) -> Iterator[Elsewhere]:
    server = Elsewhere(request.param)
    with ThreadPoolExecutor(1) as threads:
        threads.submit(server.serve)
        yield server
        server.close()


@pytest.mark.parametrize(
    "elsewhere", [LATE, None], ids=["a second answer", "the end"], indirect=True
)
async def test_what_came_while_the_process_stood_still_is_read_before_the_next_leaves(
    elsewhere: Elsewhere, session: ClientSession
) -> None:
    straight = Straight(session, base=elsewhere.url, headers=HEADERS, to_connect=5)
    kept = {"body": b"{}", "seconds": SOON, "most": 100}
    assert (await straight.send("POST", elsewhere.url, **kept)).body == b"{}"  # type: ignore[arg-type]
    elsewhere.speaks.set()
    assert elsewhere.spoke.wait(SOON)  # no turn of the loop passes

    assert (await straight.send("POST", elsewhere.url, **kept)).body == b"{}"  # type: ignore[arg-type]
    assert (elsewhere.connections, elsewhere.requests) == (2, 2)


async def test_who_speaks_before_being_asked_is_asked_nothing(
    session: ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mail servers do, and balancers that have nobody behind them: each time, for ever."""
    connections: list[asyncio.StreamWriter] = []

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        writer.write(b"220 ready\r\n")

    at_once = BaseConnector.connect

    async def when_it_has_spoken(connector: BaseConnector, *args: object) -> Connection:
        connection = await at_once(connector, *args)  # type: ignore[arg-type]
        await asyncio.sleep(0.05)
        return connection

    monkeypatch.setattr(BaseConnector, "connect", when_it_has_spoken)
    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    url = URL(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    straight = Straight(session, base=url, headers=HEADERS, to_connect=5)
    async with asyncio.timeout(SOON):
        with pytest.raises(SpokeFirst):
            await straight.send("POST", url, body=b"{}", seconds=SOON, most=100)
    assert 1 < len(connections) < 10
    for writer in connections:
        writer.close()
    server.close()


async def test_nobody_there_is_never_sent(session: ClientSession) -> None:
    async with _a_closed_port() as url:
        straight = Straight(session, base=url, headers=HEADERS, to_connect=5)
        with pytest.raises(ClientConnectorError):
            await straight.send("POST", url, body=b"{}", seconds=SOON, most=100)


@asynccontextmanager
async def _a_closed_port() -> AsyncIterator[URL]:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    yield URL(f"http://127.0.0.1:{port}")
