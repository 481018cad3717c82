"""Bytes that are hardly HTTP: each ends in time as one of our errors, or as the answer it holds.

`NOTAPONTE_WIRES=all` tries all of them.
"""

import asyncio
import json
import os
import random
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from functools import partial
from typing import Any, Final

import pytest
from aiohttp import ClientSession

from shared.domain.errors import PipelineError
from shared.domain.ids import IssuerNotaId
from shared.issuer.errors import IssuerBusy
from shared.issuer.interface import Pending, Unknown
from shared.vindi.budget import Budget, BudgetShare
from shared.vindi.client import BILLS, Read, VindiClient
from tests.vendors.bodies import KEY, a_bill, a_draft, a_nota
from tests.vendors.conftest import ACCOUNT, an_issuer

LONG: Final = 20.0  # a busy machine connects late
SHORT: Final = 2.0
VINDI: Final = json.dumps({"bill": a_bill(7)}).encode()
NOTA: Final = json.dumps(a_nota()).encode()
ASKED_FOR: Final = json.dumps({"nfeId": "an-id"}).encode()
JSON: Final = b"Content-Type: application/json\r\n"
SOME: Final = 20


def sized(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n\r\n" % len(body) + body


def in_chunks(body: bytes, more: bytes = b"0\r\n\r\n") -> bytes:
    return b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(body) + body + b"\r\n" + more


def ok(head: bytes, rest: bytes) -> bytes:
    """An answer of 200 with more lines in its head, and whatever follows."""
    return b"HTTP/1.1 200 OK\r\n" + JSON + head + rest


def packed(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=31)
    return packer.compress(body) + packer.flush()


# What is sent in the place of an answer with a body; then the connection ends.
WHOLE: Final[dict[str, Callable[[bytes], bytes]]] = {
    "chunks": lambda b: ok(b"", in_chunks(b)),
    "until the end": lambda b: ok(b"", b"\r\n" + b),
    "HTTP/1.0": lambda b: b"HTTP/1.0 200 OK\r\n" + JSON + b"\r\n" + b,
    "no reason": lambda b: b"HTTP/1.1 200\r\n" + JSON + sized(b),
    "100 first": lambda b: b"HTTP/1.1 100 Continue\r\n\r\n" * 3 + ok(b"", sized(b)),
    "103 first": lambda b: b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + ok(b"", sized(b)),
    "bare feeds": lambda b: b"HTTP/1.1 200 OK\nContent-Length: %d\n\n" % len(b) + b,
    "cookies": lambda b: ok(b"Set-Cookie: a=\x01;;;==; expires=x\r\n" * 20, sized(b)),
    "odd figures": lambda b: ok(
        b"Rate-Limit-Limit: -5\r\nRate-Limit-Remaining: 99999999999999999\r\nTotal: 1e9\r\n"
        b"Rate-Limit-Reset: NaN\r\nDate: Thu, 99 Foo 99999 99:99:99 GMT\r\n",
        sized(b),
    ),
    "odd charset": lambda b: b"HTTP/1.1 200 OK\r\nContent-Type: a/b; charset=\xff\r\n" + sized(b),
    "gzip": lambda b: ok(b"Content-Encoding: gzip\r\n", sized(packed(b))),
    "encoding of no kind": lambda b: ok(b"Content-Encoding: x-y, gzip\r\n", sized(b)),
    "two answers": lambda b: ok(b"", sized(b)) * 2,
    "UTF-8 with its mark": lambda b: ok(b"", sized(b"\xef\xbb\xbf" + b)),
    "UTF-16": lambda b: ok(b"", sized(b.decode().encode("utf-16"))),
}
LOST: Final[dict[str, Callable[[bytes], bytes]]] = {
    "nothing": lambda _: b"",
    "half a head": lambda _: b"HTTP/1.1 200 OK\r\nContent-Le",
    "TLS": lambda _: b"\x15\x03\x01\x00\x02\x02\x46",
    "SSH": lambda _: b"SSH-2.0-OpenSSH_9.6\r\n",
    "HTTP/0.9": lambda b: b,
    "HTTP/2": lambda b: b"HTTP/2 200\r\n" + JSON + sized(b),
    "HTTP/9.9": lambda b: b"HTTP/9.9 200 OK\r\n" + JSON + sized(b),
    "frames of HTTP/2": lambda b: b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" + b,
    "a chunk cut": lambda b: ok(b"", in_chunks(b)[:-40]),
    "no last chunk": lambda b: ok(b"", in_chunks(b, b"")),
    "a chunk of no number": lambda b: ok(b"Transfer-Encoding: chunked\r\n", b"\r\nzz\r\n" + b),
    "a chunk without end": lambda b: ok(
        b"Transfer-Encoding: chunked\r\n", b"\r\n" + b"f" * 400 + b"\r\n" + b
    ),
    "a flood of trailers": lambda b: ok(b"", in_chunks(b, b"0\r\n" + b"X-A: b\r\n" * 50_000)),
    "too long a length": lambda b: ok(b"Content-Length: %d\r\n" % (len(b) + 99), b"\r\n" + b),
    "too short a length": lambda b: ok(b"Content-Length: %d\r\n" % (len(b) - 9), b"\r\n" + b),
    "a negative length": lambda b: ok(b"Content-Length: -5\r\n", b"\r\n" + b),
    "a length of 23 digits": lambda b: ok(b"Content-Length: " + b"9" * 23, b"\r\n\r\n" + b),
    "two lengths": lambda b: ok(b"Content-Length: 3\r\n", sized(b)),
    "length and chunks": lambda b: ok(b"Content-Length: 3\r\n", in_chunks(b)),
    "status 000": lambda b: b"HTTP/1.1 000 \r\n" + JSON + sized(b),
    "status 999": lambda b: b"HTTP/1.1 999 What\r\n" + JSON + sized(b),
    "status of letters": lambda b: b"HTTP/1.1 abc OK\r\n" + JSON + sized(b),
    "204": lambda b: b"HTTP/1.1 204 No Content\r\n" + JSON + sized(b),
    "304": lambda _: b"HTTP/1.1 304 Not Modified\r\n\r\n",
    "101": lambda b: b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n" + b,
    "a redirect to itself": lambda b: b"HTTP/1.1 302 Found\r\nLocation: /\r\n" + sized(b),
    "a redirect to nowhere": lambda b: b"HTTP/1.1 302 x\r\nLocation: http://[::\r\n" + sized(b),
    "100 and no more": lambda _: b"HTTP/1.1 100 Continue\r\n\r\n" * 20_000,
    "a flood of heads": lambda b: ok(b"X-A: b\r\n" * 50_000, sized(b)),
    "a long head": lambda b: ok(b"X-A: " + b"b" * 10**6 + b"\r\n", sized(b)),
    "a long reason": lambda b: b"HTTP/1.1 200 " + b"O" * 10**6 + b"\r\n" + JSON + sized(b),
    "a head without a colon": lambda b: ok(b"nonsense\r\n", sized(b)),
    "NUL in a head": lambda b: ok(b"X-A: a\x00b\r\n", sized(b)),
    "gzip that is none": lambda b: ok(b"Content-Encoding: gzip\r\n", sized(b)),
    "deflate that is none": lambda b: ok(b"Content-Encoding: deflate\r\n", sized(b)),
    "br": lambda b: ok(b"Content-Encoding: br\r\n", sized(b)),
    "gzip cut": lambda b: ok(b"Content-Encoding: gzip\r\n", sized(packed(b)[:-12])),
    "a bomb": lambda _: ok(
        b"Content-Encoding: deflate\r\n", sized(zlib.compress(b" " * 50_000_000))
    ),
    "JSON twice": lambda b: ok(b"", sized(b + b)),
    "no JSON": lambda _: ok(b"", sized(b"")),
    "a list": lambda b: ok(b"", sized(b"[" + b + b"]")),
    "503 and nonsense": lambda _: b"HTTP/1.1 503 x\r\nRetry-After: \xff\r\n" + sized(b"\xff\xfe"),
    "429 for ever": lambda _: b"HTTP/1.1 429 x\r\nRetry-After: 1e308\r\n" + sized(b"{}"),
    "429 for no time": lambda _: b"HTTP/1.1 429 x\r\nRetry-After: -1\r\n" + sized(b"{}"),
    "429 for NaN": lambda _: b"HTTP/1.1 429 x\r\nRetry-After: nan\r\n" + sized(b"{}"),
}


def some_of(wires: dict[str, Any]) -> list[str]:
    names = sorted(wires)
    if os.environ.get("NOTAPONTE_WIRES") == "all":
        return names
    return random.Random(7).sample(names, min(SOME, len(names)))


class _Saying(asyncio.Protocol):
    """Answers a request with the same bytes whatever it is, at once or one by one, and hangs up."""

    def __init__(self, wire: bytes, asked: list[bytes], *, slowly: bool) -> None:
        self._wire, self._asked, self._slowly = wire, asked, slowly
        self._head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        before, self._head = self._head, self._head + data
        if b"\r\n\r\n" in before or b"\r\n\r\n" not in self._head:
            return
        self._asked.append(self._head.split(b" ", 1)[0])
        if self._slowly:
            self._say_on(0)
        else:
            self._transport.write(self._wire)
            self._transport.close()

    def _say_on(self, at: int) -> None:
        if at < len(self._wire) and not self._transport.is_closing():
            self._transport.write(self._wire[at : at + 1])
            asyncio.get_running_loop().call_later(0.05, self._say_on, at + 1)


@asynccontextmanager
async def says(wire: bytes, *, slowly: bool = False) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Serves so on a free port; gives the methods that were asked for."""
    asked: list[bytes] = []
    server = await asyncio.get_running_loop().create_server(
        lambda: _Saying(wire, asked, slowly=slowly), "127.0.0.1", 0
    )
    try:
        host, port = server.sockets[0].getsockname()[:2]
        yield f"http://{host}:{port}", asked
    finally:
        server.close()


def a_client(session: ClientSession, url: str, timeout: float = LONG) -> VindiClient:
    return VindiClient(
        session,
        base_url=url,
        api_key="key-of-a-test",
        account=ACCOUNT,
        budget=Budget(None, per_window=2000),
        share=BudgetShare.DUE,
        timeout=timedelta(seconds=timeout),
        patience=timedelta(seconds=5),
    )


@pytest.mark.parametrize("name", some_of(WHOLE))
async def test_an_answer_that_is_whole_is_read_however_it_comes(
    session: ClientSession, name: str
) -> None:
    async with says(WHOLE[name](VINDI)) as (url, _):
        found = await a_client(session, url).read_one(BILLS, 7)
    async with says(WHOLE[name](ASKED_FOR)) as (url, _):
        outcome = await an_issuer(session, url).submit(KEY, a_draft(), environment="Producao")

    assert isinstance(found, Read)
    assert outcome == Pending(issuer_id=IssuerNotaId("an-id"))


@pytest.mark.parametrize("name", some_of(LOST))
async def test_what_is_hardly_http_is_an_error_of_ours_and_no_nota_is_asked_for_twice(
    session: ClientSession, name: str
) -> None:
    async with says(LOST[name](VINDI)) as (url, _), asyncio.timeout(60):
        vindi = a_client(session, url)
        for read in (partial(vindi.read_one, BILLS, 7), partial(vindi.read_page, BILLS, None)):
            with pytest.raises(PipelineError):
                await read()
        assert (await vindi.check_key()).outcome == "unreachable"
    for body in (NOTA, ASKED_FOR):
        async with says(LOST[name](body)) as (url, asked), asyncio.timeout(60):
            issuer = an_issuer(session, url, timeout=LONG)
            try:
                outcome = await issuer.submit(KEY, a_draft(), environment="Producao")
            except IssuerBusy:
                assert name.startswith("429")
            else:
                assert isinstance(outcome, Unknown)
            assert asked.count(b"POST") == 1
            for ask in (issuer.find, issuer.cancel, partial(issuer.documents, kind="pdf")):
                with suppress(PipelineError):
                    assert isinstance(await ask(KEY), Unknown)


@pytest.mark.parametrize("body", [VINDI, NOTA])
async def test_bytes_that_come_one_by_one_end_with_the_time(
    session: ClientSession, body: bytes
) -> None:
    async with says(ok(b"", sized(body)), slowly=True) as (url, asked), asyncio.timeout(60):
        with pytest.raises(PipelineError):
            await a_client(session, url, SHORT).read_one(BILLS, 7)
        issuer = an_issuer(session, url, timeout=SHORT)
        assert isinstance(await issuer.submit(KEY, a_draft(), environment="Producao"), Unknown)
    assert asked.count(b"POST") == 1
