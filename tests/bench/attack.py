"""A stranger and a tenant that mean harm, in a process of their own: heads, slow requests.

`python -m tests.bench.attack PORT PATH SECONDS`; prints how many bytes of heads it got rid of.
"""

import asyncio
import sys
import time
from contextlib import suppress
from typing import Final

import uvloop

PIECE: Final = b"a" * 65536
HALF_SENT: Final = 300
SLOW_BODIES: Final = 70
FLOODERS: Final = 8
AGAIN_SECONDS: Final = 3.0  # 120 MiB and 32 MiB every three seconds; the sender needs a core too


async def attack(port: int, path: str, seconds: float) -> int:
    """Do all of it at once for so long."""
    until = time.monotonic() + seconds
    jobs = [
        *(flood(port, until) for _ in range(FLOODERS)),
        one_header(port, until),
        *(half_sent(port, until, number) for number in range(HALF_SENT)),
        *(slow_body(port, path, until) for _ in range(SLOW_BODIES)),
    ]
    return sum(await asyncio.gather(*jobs))


async def flood(port: int, until: float) -> int:
    """Fifteen megabytes of headers a connection, a kilobyte each, again and again."""
    lines = b"".join(b"x-%d: %s\r\n" % (number, b"a" * 1000) for number in range(1000))
    return await _pour(port, until, b"GET / HTTP/1.1\r\nhost: here\r\n", [lines] * 15)


async def one_header(port: int, until: float) -> int:
    """One header of 32 MiB, again and again."""
    return await _pour(port, until, b"GET / HTTP/1.1\r\nx-long: ", [PIECE] * 512)


async def _pour(port: int, until: float, first: bytes, pieces: list[bytes]) -> int:
    poured = 0
    while time.monotonic() < until:
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(5):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                try:
                    for piece in (first, *pieces):
                        writer.write(piece)
                        await writer.drain()
                        poured += len(piece)
                finally:
                    writer.transport.abort()
        await asyncio.sleep(AGAIN_SECONDS)
    return poured


async def half_sent(port: int, until: float, number: int) -> int:
    """A head that never ends, and another one once that was cut off."""
    await asyncio.sleep(number / 1000)
    while time.monotonic() < until:
        with suppress(OSError, TimeoutError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"POST / HTTP/1.1\r\nhost: here\r\nx-half")
            async with asyncio.timeout(max(0.0, until - time.monotonic())):
                await reader.read()
            writer.close()
        await asyncio.sleep(0.1)
    return 0


async def slow_body(port: int, path: str, until: float) -> int:
    """A tenant's body of a megabyte, nearly whole, whose rest comes a byte at a time."""
    head = b"POST %s HTTP/1.1\r\nhost: here\r\ncontent-length: 1048576\r\n\r\n" % path.encode()
    while time.monotonic() < until:
        with suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(head + PIECE * 15)
            while time.monotonic() < until and not reader.at_eof():
                writer.write(b"a")
                await writer.drain()
                await asyncio.sleep(0.2)
            writer.transport.abort()
        await asyncio.sleep(AGAIN_SECONDS)
    return 0


if __name__ == "__main__":
    done = uvloop.run(attack(int(sys.argv[1]), sys.argv[2], float(sys.argv[3])))
    sys.stdout.write(f"{done}\n")
