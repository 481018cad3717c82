"""The library repeats idempotent requests when a kept-alive connection breaks. Ours leave once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientSession

from shared.issuer.interface import Unknown
from shared.net.http import ConnectionBroke
from tests.vendors.bodies import KEY
from tests.vendors.conftest import an_issuer


@asynccontextmanager
async def breaks_the_second_request() -> AsyncIterator[tuple[str, list[str]]]:
    """Answers the first request of a connection, keeps it alive, and hangs up on the next."""
    asked: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(2):
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                break
            asked.append(head.decode().split(" ", 1)[0])
            if len(asked) > 1:
                break
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()[:2]
        yield f"http://{host}:{port}", asked


async def test_a_cancellation_on_a_dying_connection_leaves_once(session: ClientSession) -> None:
    async with breaks_the_second_request() as (url, asked):
        issuer = an_issuer(session, url)
        await issuer.find(KEY)

        assert await issuer.cancel(KEY) == Unknown(why="broken connection")

    assert asked == ["GET", "DELETE"]


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_no_method_of_ours_is_repeated_by_the_library(
    session: ClientSession, method: str
) -> None:
    async with breaks_the_second_request() as (url, asked):
        async with session.request(method, url):
            pass
        with pytest.raises(ConnectionBroke):
            await session.request(method, url)

    assert asked == [method] * 2
