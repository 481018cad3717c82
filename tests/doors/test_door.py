"""Listeners bound what strangers send before anybody knows who they are."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from ipaddress import ip_network

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from shared.config.door import DoorSettings
from shared.doors.door import Entrance
from shared.doors.serve import configured

LIMITS = DoorSettings(
    head_seconds=0.4, body_seconds=0.4, stalled_seconds=0.4, idle_seconds=1, connections=40
)
HELLO = b"GET / HTTP/1.1\r\nhost: here\r\n\r\n"
PATIENCE = 20.0
LARGE = 32 * 1024 * 1024


@dataclass(slots=True)
class Seen:
    """What reached the app."""

    bodies: list[bytes] = field(default_factory=list)
    left: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    port: int
    door: Entrance
    seen: Seen

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def said(self, *pieces: bytes, until: bytes = b"") -> bytes:
        """All that is answered to these bytes, until the other side ends it or `until` came."""
        reader, writer = await self.open()
        heard = b""
        try:
            async with asyncio.timeout(PATIENCE):
                sending = asyncio.create_task(send(writer, pieces))
                while piece := await reader.read(65536):
                    heard += piece
                    if until and until in heard:
                        break
                sending.cancel()
        except ConnectionError:
            pass  # a reset: the other side did not want the rest
        finally:
            writer.close()
        return heard


async def send(writer: asyncio.StreamWriter, pieces: tuple[bytes, ...]) -> None:
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
    except ConnectionError:
        pass


@asynccontextmanager
async def a_place(limits: DoorSettings = LIMITS) -> AsyncIterator[Place]:
    """A server that answers `hello`, reads bodies under /body and answers much under /large."""
    seen = Seen()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        body, more = b"", scope["path"] == "/body"
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                seen.left += 1
                return
            body, more = body + message["body"], message["more_body"]
        seen.bodies.append(body)
        answer = b"x" * LARGE if scope["path"] in ("/large", "/whole") else b"hello"
        size = str(len(answer)).encode()
        start = {"type": "http.response.start", "status": 200}
        await send({**start, "headers": [(b"content-length", size)]})
        step = LARGE if scope["path"] == "/whole" else 65536
        for at in range(0, len(answer), step):
            more = at + step < len(answer)
            piece = answer[at : at + step]
            await send({"type": "http.response.body", "body": piece, "more_body": more})

    door = Entrance(limits)
    config = configured(app, door, host="127.0.0.1", port=0)
    config.lifespan = "off"
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(config)
        running = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:
            await asyncio.sleep(0.005)
        try:
            yield Place(port=listener.getsockname()[1], door=door, seen=seen)
        finally:
            server.should_exit = True
            await running


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not true():
            await asyncio.sleep(0.01)


async def test_an_ordinary_request_is_answered_and_its_connection_used_again() -> None:
    async with a_place() as place:
        reader, writer = await place.open()
        async with asyncio.timeout(PATIENCE):
            for request in (HELLO, b"\r\n" + HELLO, HELLO + HELLO):
                writer.write(request)
                for _ in range(request.count(HELLO)):
                    assert (await reader.readuntil(b"hello")).startswith(b"HTTP/1.1 200 ")
        writer.close()


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("one long header", b"x-long: " + b"a" * 40_000 + b"\r\n"),
        ("many long headers", b"".join(b"x-%d: %s\r\n" % (n, b"a" * 900) for n in range(60))),
        ("many short headers", b"".join(b"x-%d: a\r\n" % n for n in range(101))),
    ],
)
async def test_a_head_too_large_is_refused(name: str, head: bytes) -> None:
    async with a_place() as place:
        heard = await place.said(b"GET / HTTP/1.1\r\nhost: here\r\n" + head + b"\r\n")

        assert heard.startswith(b"HTTP/1.1 431 "), name
        assert not place.seen.bodies
        await until(lambda: len(place.door) == 0)


async def test_an_address_too_long_is_refused() -> None:
    async with a_place() as place:
        heard = await place.said(b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nhost: here\r\n\r\n")

        assert heard.startswith(b"HTTP/1.1 431 ")


async def test_a_header_of_megabytes_is_cut_off_long_before_its_end() -> None:
    pieces = [b"a" * 65536] * 512
    async with a_place() as place:
        started = time.monotonic()
        await place.said(b"GET / HTTP/1.1\r\nx-long: ", *pieces, b"\r\n\r\n")

        assert time.monotonic() - started < 3
        assert not place.seen.bodies
        await until(lambda: len(place.door) == 0)


async def test_what_stands_between_chunks_is_bounded_and_so_are_trailers() -> None:
    head = b"POST /body HTTP/1.1\r\nhost: here\r\ntransfer-encoding: chunked\r\n\r\n"
    trailers = b"".join(b"x-%d: a\r\n" % n for n in range(200))
    pieces = [b"a" * 65536] * 8
    async with a_place() as place:
        good = await place.said(head + b"1\r\na\r\n" * 20_000 + b"0\r\n\r\n", until=b"hello")
        extended = await place.said(head + b"1;", *pieces)
        trailed = await place.said(head + b"1\r\na\r\n0\r\n" + trailers + b"\r\n")

        assert good.endswith(b"hello")
        assert place.seen.bodies == [b"a" * 20_000]
        assert not extended.startswith(b"HTTP/1.1 200")
        assert not trailed.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("sent", [b"", b"G", b"GET / HTTP/1.1\r\nhost: h", b"\r\n"])
async def test_a_request_that_does_not_come_is_not_waited_for(sent: bytes) -> None:
    async with a_place() as place:
        reader, writer = await place.open()
        writer.write(sent)
        async with asyncio.timeout(PATIENCE):
            heard = await reader.read()

        assert heard.startswith(b"HTTP/1.1 408 ") or (not sent and not heard)
        await until(lambda: len(place.door) == 0)
        writer.close()


async def test_a_head_that_comes_a_letter_at_a_time_is_not_waited_for() -> None:
    async with a_place() as place:
        reader, writer = await place.open()
        started = time.monotonic()

        async def drip() -> None:
            while True:
                writer.write(b"\r\n")
                await asyncio.sleep(0.05)

        dripping = asyncio.create_task(drip())
        try:
            async with asyncio.timeout(PATIENCE):
                assert (await reader.read()).startswith(b"HTTP/1.1 408 ")
        finally:
            dripping.cancel()
            writer.close()
        assert time.monotonic() - started < 10


async def test_a_body_that_does_not_end_is_not_waited_for() -> None:
    head = b"POST /body HTTP/1.1\r\nhost: here\r\ncontent-length: 100\r\n\r\nabc"
    async with a_place() as place:
        heard = await place.said(head)

        assert heard.startswith(b"HTTP/1.1 408 ")
        assert (place.seen.bodies, place.seen.left) == ([], 1)
        await until(lambda: len(place.door) == 0)


async def test_an_answer_that_nobody_takes_is_not_kept() -> None:
    async with a_place() as place:
        _, writer = await place.open()
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(b"GET /large HTTP/1.1\r\nhost: here\r\n\r\n")

        await until(lambda: bool(place.seen.bodies))
        await until(lambda: len(place.door) == 0)
        writer.close()


async def test_a_long_answer_has_its_time_on_a_slow_line() -> None:
    async with a_place() as place:
        loop = asyncio.get_running_loop()
        with socket.socket() as slow:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            slow.setblocking(False)
            await loop.sock_connect(slow, ("127.0.0.1", place.port))
            await loop.sock_sendall(slow, b"GET /whole HTTP/1.1\r\nhost: here\r\n\r\n")
            started, heard = time.monotonic(), 0
            async with asyncio.timeout(60):
                while heard < LARGE:
                    heard += len(await loop.sock_recv(slow, 65536))
                    # A tenth of a second for a megabyte: eight times as long as a clock runs.
                    ahead = heard / (10 * 2**20) - (time.monotonic() - started)
                    await asyncio.sleep(max(0.0, ahead))

        assert time.monotonic() - started > 5 * LIMITS.stalled_seconds


async def test_what_comes_after_its_answer_keeps_no_connection_open() -> None:
    head = b"POST /early HTTP/1.1\r\nhost: here\r\ntransfer-encoding: chunked\r\n\r\n"
    async with a_place() as place:
        reader, writer = await place.open()
        writer.write(head + b"1\r\na\r\n")
        async with asyncio.timeout(PATIENCE):
            assert (await reader.readuntil(b"hello")).startswith(b"HTTP/1.1 200 ")
            writer.write(b"1\r\na\r\n0\r\n\r\n")
            assert await reader.read() == b""
        writer.close()
        await until(lambda: len(place.door) == 0)


@pytest.mark.parametrize(
    ("hosts", "status"),
    [(b"", b"400"), (b"host: here\r\nhost: there\r\n", b"400"), (b"Host: here\r\n", b"200")],
)
async def test_a_request_names_one_host(hosts: bytes, status: bytes) -> None:
    async with a_place() as place:
        heard = await place.said(b"GET / HTTP/1.1\r\n" + hosts + b"\r\n", until=b"\r\n\r\n")
        old = await place.said(b"GET / HTTP/1.0\r\n\r\n", until=b"hello")

        assert heard.startswith(b"HTTP/1.1 " + status)
        assert old.endswith(b"hello")


async def test_requests_far_ahead_of_their_answers_are_refused() -> None:
    async with a_place() as place:
        await place.said(HELLO * 5000)

        assert len(place.seen.bodies) < 100
        await until(lambda: len(place.door) == 0)


async def test_half_sent_requests_keep_nobody_out() -> None:
    limits = replace(LIMITS, head_seconds=60.0)
    async with a_place(limits) as place:
        half = [await place.open() for _ in range(60)]
        for _, writer in half:
            writer.write(b"GET / HTTP/1.1\r\nx-half: ")

        heard = [await place.said(HELLO, until=b"hello") for _ in range(5)]

        assert all(one.endswith(b"hello") for one in heard)
        assert len(place.door) <= LIMITS.connections
        for _, writer in half:
            writer.close()


async def test_one_source_has_its_share_and_a_proxy_is_no_source() -> None:
    alone = replace(LIMITS, connections_per_source=3, head_seconds=60.0)
    async with a_place(alone) as place:
        held = [await place.open() for _ in range(3)]
        await until(lambda: len(place.door) == 3)
        heard = await place.said(HELLO)
        assert heard.startswith(b"HTTP/1.1 503 ")
        assert b"retry-after" in heard
        for _, writer in held:
            writer.close()
        await until(lambda: len(place.door) == 0)
        assert (await place.said(HELLO, until=b"hello")).endswith(b"hello")
    proxied = replace(alone, proxies=(ip_network("127.0.0.0/8"),))
    async with a_place(proxied) as place:
        held = [await place.open() for _ in range(3)]
        assert (await place.said(HELLO, until=b"hello")).endswith(b"hello")
        for _, writer in held:
            writer.close()


async def test_what_is_no_http_is_refused() -> None:
    async with a_place() as place:
        assert (await place.said(b"\x16\x03\x01\x02\x00\x01")).startswith(b"HTTP/1.1 400 ")


async def test_rubbish_behind_a_request_does_not_cost_its_answer() -> None:
    async with a_place() as place:
        heard = await place.said(HELLO + b"\x16\x03\x01\x02\x00\x01rubbish")

        assert heard.startswith(b"HTTP/1.1 200 ")
        assert heard.endswith(b"hello")


OFFER = b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n"
POST = b"POST /body HTTP/1.1\r\nhost: here\r\n" + OFFER


@pytest.mark.parametrize(
    ("pieces", "bodies"),
    [
        ([POST + b"content-length: 5\r\n\r\nevent"], [b"event"]),
        ([POST + b"content-length: 5\r\n\r\n", b"ev", b"ent"], [b"event"]),
        (
            [POST + b"transfer-encoding: chunked\r\n\r\n3\r\neve\r\n2\r\nnt\r\n0\r\n\r\n"],
            [b"event"],
        ),
        ([POST + b"content-length: 0\r\n\r\n" + HELLO], [b"", b""]),
        ([POST + b"content-length: 5\r\n\r\nevent" + HELLO + HELLO], [b"event", b"", b""]),
        ([(POST + b"content-length: 5\r\n\r\nevent") * 3], [b"event"] * 3),
        ([b"GET / HTTP/1.1\r\nhost: here\r\n" + OFFER + b"\r\n" + HELLO], [b"", b""]),
        ([b"GET / HTTP/1.1\r\nhost: here\r\n" + OFFER + b"\r\n", HELLO], [b"", b""]),
    ],
)
async def test_who_offers_another_protocol_loses_neither_its_body_nor_what_follows(
    pieces: list[bytes], bodies: list[bytes]
) -> None:
    """Java's client offers HTTP/2 with whatever it posts: its events had arrived empty."""
    async with a_place() as place:
        heard = await place.said(*pieces)

    assert place.seen.bodies == bodies
    assert heard.count(b"HTTP/1.1 200") == len(bodies)


@pytest.mark.parametrize(
    "framing",
    [
        b"content-length: 5\r\ncontent-length: 5\r\n",
        b"content-length: 5\r\ntransfer-encoding: chunked\r\n",
        b"transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n",
        b"transfer-encoding: chunked, gzip\r\n",
        b"transfer-encoding: identity\r\n",
        b"content-length: +5\r\n",
    ],
)
async def test_an_offer_lets_no_other_framing_through(framing: bytes) -> None:
    async with a_place() as place:
        heard = await place.said(POST + framing + b"\r\n0\r\n\r\n" + HELLO)

    assert heard.startswith(b"HTTP/1.1 400")
    assert len(heard.split(b"HTTP/1.1 ")) == 2
    assert b"hello" not in heard


async def test_a_body_behind_an_offer_is_not_waited_for_either() -> None:
    async with a_place() as place:
        heard = await place.said(POST + b"content-length: 5\r\n\r\nev")

    assert heard.startswith(b"HTTP/1.1 408")
    assert place.seen.left == 1
