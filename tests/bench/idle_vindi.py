"""A Vindi where nothing happens: every list of every account is empty. Counts what it is asked.

Prints its port, then answers; `GET /count` tells the number of requests so far.
"""

import asyncio
import re
import sys
from email.utils import formatdate
from typing import cast

import uvloop

LIST = re.compile(rb"GET /api/v1/([a-z_]+)\?")


class Account(asyncio.Protocol):
    """One connection; requests come one after another."""

    asked = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._heard = b""

    def data_received(self, data: bytes) -> None:
        self._heard += data
        while b"\r\n\r\n" in self._heard:
            head, _, self._heard = self._heard.partition(b"\r\n\r\n")
            self._transport.write(answer(head))


def answer(head: bytes) -> bytes:
    if head.startswith(b"GET /count"):
        return _whole(b"%d" % Account.asked, b"")
    Account.asked += 1
    found = LIST.match(head)
    body = b'{"%s":[]}' % (found.group(1) if found else b"none")
    return _whole(body, b"Total: 0\r\nPer-Page: 50\r\n")


def _whole(body: bytes, more: bytes) -> bytes:
    date = formatdate(usegmt=True).encode()
    return (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: %s\r\n%s"
        b"Content-Length: %d\r\n\r\n%s" % (date, more, len(body), body)
    )


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(Account, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve())
