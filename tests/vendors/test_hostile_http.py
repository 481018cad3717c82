"""Bytes that are hardly HTTP: each ends in time as one of our errors, or as the answer it holds."""

import asyncio
import json
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from aiohttp import ClientSession

from shared.domain.errors import PipelineError
from shared.issuer.interface import Pending, Rejected, Unknown
from shared.vindi.budget import Budget, BudgetShare
from shared.vindi.client import BILLS, VindiClient
from tests.vendors.bodies import KEY, a_bill, a_draft, a_nota
from tests.vendors.conftest import ACCOUNT, an_issuer

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
TIMEOUT = 1.0
JSON = b"Content-Type: application/json\r\n"
VINDI = json.dumps({"bill": a_bill(7)}).encode()
NOTA = json.dumps(a_nota()).encode()


def sized(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n\r\n" % len(body) + body


def chunked(body: bytes) -> bytes:
    return b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(body) + body + b"\r\n"


# What an answer is, of a body. It is sent, then the connection ends.
WIRES: dict[str, Callable[[bytes], bytes]] = {
    "chunk cut": lambda b: b"HTTP/1.1 200 OK\r\n" + JSON + chunked(b)[:-40],
    "no last chunk": lambda b: b"HTTP/1.1 200 OK\r\n" + JSON + chunked(b),
    "whole chunk": lambda b: b"HTTP/1.1 200 OK\r\n" + JSON + chunked(b) + b"0\r\n\r\n",
    "chunk size is no number": lambda b: b"HTTP/1.1 200 OK\r\n"
    + JSON
    + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"
    + b,
    "chunk size without end": lambda b: b"HTTP/1.1 200 OK\r\n"
    + JSON
    + b"Transfer-Encoding: chunked\r\n\r\n"
    + b"f" * 400
    + b"\r\n"
    + b,
    "chunk extension": lambda b: b"HTTP/1.1 200 OK\r\n"
    + JSON
    + b"Transfer-Encoding: chunked\r\n\r\n%x;" % len(b)
    + b"x" * 100_000
    + b"\r\n"
    + b
    + b"\r\n0\r\n\r\n",
    "trailer flood": lambda b: b"HTTP/1.1 200 OK\r\n"
    + JSON
    + chunked(b)
    + b"0\r\n"
    + b"X-A: b\r\n" * 50_000
    + b"\r\n",
    "length too long": lambda b: b"HTTP/1.1 200 OK\r\n"
    + JSON
    + b"Content-Length: %d\r\n\r\n" % (len(b) + 99)
    + b,
    "length too short": lambda b: b"HTTP/1.1 200 OK\r\n" + JSON + sized(b[:-30]) + b[-30:],
    "negative length": lambda b: b"HTTP/1.1 200 OK\r\n"
    + JSON
    + b"Content-Length: -5\r\n\r\n"
    + b,
    "two lengths": lambda b: b"HTTP/1.1 200 OK\r\n" + JSON + b"Content-Length: 3\r\n" + sized(b),
    "length and chunks": lambda b: b"HTTP/1.1 200 OK\r\n"
    + JSON
    + b"Content-Length: 3\r\n"
    + chunked(b)
    + b"0\r\n\r\n",
    "huge length": lambda b: b"HTTP/1.1 200 OK\r\n"
    + JSON
    + b"Content-Length: 99999999999999999999999\r\n\r\n"
    + b,
    "until the end": lambda b: b"HTTP/1.1 200 OK\r\n" + JSON + b"\r\n" + b,
    "HTTP/1.0": lambda b: b"HTTP/1.0 200 OK\r\n" + JSON + b"\r\n" + b,
    "HTTP/0.9": lambda b: b,
    "HTTP/2": lambda b: b"HTTP/2 200\r\n" + JSON + sized(b),
    "HTTP/9.9": lambda b: b"HTTP/9.9 200 OK\r\n" + JSON + sized(b),
    "h2 preface": lambda b: b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" + b,
    "TLS": lambda b: b"\x15\x03\x01\x00\x02\x02\x46",
    "SSH": lambda b: b"SSH-2.0-OpenSSH_9.6\r\n",
    "nothing": lambda b: b"",
    "half a head": lambda b: b"HTTP/1.1 200 OK\r\nContent-Le",
    "status 000": lambda b: b"HTTP/1.1 000 \r\n" + JSON + sized(b),
    "status 999": lambda b: b"HTTP/1.1 999 What\r\n" + JSON + sized(b),
    "status 20": lambda b: b"HTTP/1.1 20 OK\r\n" + JSON + sized(b),
    "status of letters": lambda b: b"HTTP/1.1 abc OK\r\n" + JSON + sized(b),
    "no reason": lambda b: b"HTTP/1.1 200\r\n" + JSON + sized(b),
    "204 with a body": lambda b: b"HTTP/1.1 204 No Content\r\n" + JSON + sized(b),
    "304": lambda b: b"HTTP/1.1 304 Not Modified\r\n\r\n",
    "redirect to itself": lambda b: b"HTTP/1.1 302 Found\r\nLocation: /\r\n" + sized(b""),
    "redirect to nowhere": lambda b: b"HTTP/1.1 302 Found\r\nLocation: http://[::\r\n" + sized(b""),
    "100 first": lambda b: b"HTTP/1.1 100 Continue\r\n\r\n" * 3
    + b"HTTP/1.1 200 OK\r\n"
    + JSON
    + sized(b),
    "103 first": lambda b: b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\n"
    + JSON
    + sized(b),
    "101": lambda b: b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n"
    + b"Connection: Upgrade\r\n\r\n"
    + b,
    "many 100s": lambda b: b"HTTP/1.1 100 Continue\r\n\r\n" * 20_000,
    "head flood": lambda b: b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 50_000 + JSON + sized(b),
    "long head": lambda b: b"HTTP/1.1 200 OK\r\nX-A: " + b"b" * 10**6 + b"\r\n" + JSON + sized(b),
    "long reason": lambda b: b"HTTP/1.1 200 " + b"O" * 10**6 + b"\r\n" + JSON + sized(b),
    "folded head": lambda b: b"HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\n" + JSON + sized(b),
    "head without colon": lambda b: b"HTTP/1.1 200 OK\r\nnonsense\r\n" + JSON + sized(b),
    "NUL in a head": lambda b: b"HTTP/1.1 200 OK\r\nX-A: a\x00b\r\n" + JSON + sized(b),
    "odd bytes in a head": lambda b: b"HTTP/1.1 200 OK\r\nX-\xff: \xfe\xff\r\n" + JSON + sized(b),
    "bare feeds": lambda b: b"HTTP/1.1 200 OK\n" + b"Content-Length: %d\n\n" % len(b) + b,
    "cookies": lambda b: b"HTTP/1.1 200 OK\r\n"
    + b"Set-Cookie: a=\x01;;;==\xff; expires=x\r\n" * 100
    + JSON
    + sized(b),
    "odd figures": lambda b: b"HTTP/1.1 200 OK\r\nRate-Limit-Limit: -5\r\n"
    + b"Rate-Limit-Remaining: 99999999999999999\r\nRate-Limit-Reset: NaN\r\nTotal: 1e9\r\n"
    + b"Date: Thu, 99 Foo 99999 99:99:99 GMT\r\n"
    + JSON
    + sized(b),
    "no requests for ever": lambda b: b"HTTP/1.1 200 OK\r\nRate-Limit-Limit: 0\r\n"
    + b"Rate-Limit-Remaining: 0\r\nRate-Limit-Reset: 99999999999999\r\n"
    + JSON
    + sized(b),
    "odd charset": lambda b: b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=\xff\r\n"
    + sized(b),
    "gzip that is none": lambda b: b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
    + JSON
    + sized(b),
    "deflate that is none": lambda b: b"HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\n"
    + JSON
    + sized(b),
    "br": lambda b: b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\n" + JSON + sized(b),
    "zstd": lambda b: b"HTTP/1.1 200 OK\r\nContent-Encoding: zstd\r\n" + JSON + sized(b),
    "encoding of no kind": lambda b: b"HTTP/1.1 200 OK\r\nContent-Encoding: x-y, gzip\r\n"
    + JSON
    + sized(b),
    "gzip cut": lambda b: b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
    + JSON
    + sized(packed(b)[:-12]),
    "gzip": lambda b: b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n" + JSON + sized(packed(b)),
    "deflate bomb": lambda b: b"HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\n"
    + sized(zlib.compress(b" " * 50_000_000)),
    "two answers": lambda b: (b"HTTP/1.1 200 OK\r\n" + JSON + sized(b)) * 2,
    "429 for ever": lambda b: b"HTTP/1.1 429 x\r\nRetry-After: 1e308\r\n" + sized(b"{}"),
    "429 never": lambda b: b"HTTP/1.1 429 x\r\nRetry-After: -1\r\n" + sized(b"{}"),
    "429 NaN": lambda b: b"HTTP/1.1 429 x\r\nRetry-After: nan\r\n" + sized(b"{}"),
    "429 at a date": lambda b: b"HTTP/1.1 429 x\r\nRetry-After: Wed, 21 Oct 2099 07:28:00 GMT\r\n"
    + sized(b"{}"),
    "503 nonsense": lambda b: b"HTTP/1.1 503 x\r\nRetry-After: \xff\r\n" + sized(b"\xff\xfe"),
    "UTF-16": lambda b: b"HTTP/1.1 200 OK\r\n" + JSON + sized(b.decode().encode("utf-16")),
    "UTF-8 with mark": lambda b: b"HTTP/1.1 200 OK\r\n" + JSON + sized(b"\xef\xbb\xbf" + b),
    "JSON twice": lambda b: b"HTTP/1.1 200 OK\r\n" + JSON + sized(b + b),
    "empty 200": lambda b: b"HTTP/1.1 200 OK\r\n" + JSON + sized(b""),
    "a list": lambda b: b"HTTP/1.1 200 OK\r\n" + JSON + sized(b"[" + b + b"]"),
}


def packed(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=31)
    return packer.compress(body) + packer.flush()


@asynccontextmanager
async def says(wire: bytes, *, slowly: bool = False) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Answers every request with these bytes, then hangs up."""
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            asked.append((await reader.readuntil(b"\r\n\r\n")).split(b" ", 1)[0])
            if slowly:
                for byte in wire:
                    writer.write(bytes([byte]))
                    await writer.drain()
                    await asyncio.sleep(0.05)
            writer.write(wire)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        host, port = server.sockets[0].getsockname()[:2]
        yield f"http://{host}:{port}", asked
    finally:
        server.close()


def a_client(session: ClientSession, url: str) -> VindiClient:
    return VindiClient(
        session,
        base_url=url,
        api_key="key-of-a-test",
        account=ACCOUNT,
        budget=Budget(None, per_window=2000),
        share=BudgetShare.DUE,
        timeout=timedelta(seconds=TIMEOUT),
        patience=timedelta(seconds=5),
    )


@pytest.mark.parametrize("wire", WIRES)
async def test_hardly_http_ends_as_an_error_of_ours(session: ClientSession, wire: str) -> None:
    """A POST leaves once whatever comes back, and what came back is read or lost."""
    async with says(WIRES[wire](VINDI)) as (url, _), asyncio.timeout(30):
        vindi = a_client(session, url)
        for read in (
            lambda: vindi.read_one(BILLS, 7),
            lambda: vindi.read_page(BILLS, None),
            vindi.check_key,
        ):
            try:
                await read()
            except PipelineError:
                pass
    for body in (NOTA, json.dumps({"nfeId": "an-id"}).encode()):
        async with says(WIRES[wire](body)) as (url, asked), asyncio.timeout(30):
            issuer = an_issuer(session, url, timeout=TIMEOUT)
            for ask in (
                lambda: issuer.find(KEY),
                issuer.check_connection,
                lambda: issuer.documents(KEY, "pdf"),
                lambda: issuer.cancel(KEY),
            ):
                try:
                    await ask()
                except PipelineError:
                    pass
            asked.clear()
            try:
                outcome = await issuer.submit(KEY, a_draft(), environment="Producao")
                assert isinstance(outcome, Pending | Unknown | Rejected)
                print(wire, outcome)
            except PipelineError as error:
                print(wire, type(error))
            assert asked.count(b"POST") <= 1


@pytest.mark.parametrize("body", [VINDI, NOTA])
async def test_bytes_that_come_one_by_one_end_with_the_time(
    session: ClientSession, body: bytes
) -> None:
    wire = b"HTTP/1.1 200 OK\r\n" + JSON + sized(body)
    async with says(wire, slowly=True) as (url, asked), asyncio.timeout(20):
        with pytest.raises(PipelineError):
            await a_client(session, url).read_one(BILLS, 7)
        issuer = an_issuer(session, url, timeout=TIMEOUT)
        assert isinstance(await issuer.submit(KEY, a_draft(), environment="Producao"), Unknown)
    assert asked.count(b"POST") == 1
