"""Fifty people who read the panel at once: one process of it, as `make up` runs it."""

import asyncio
import math
import os
import random
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Final

import aiohttp

from shared.local.files import free_port
from tests.bench.measure import Measure

READERS: Final = 50
SECONDS: Final = 20
PAUSE: Final = (2.0, 6.0)  # seconds from one page to the next: quicker than anybody reads
MOST_MS: Final = 100.0


async def many_readers(
    environment: Mapping[str, str], cookie: str, paths: Sequence[str]
) -> list[Measure]:
    """Each opens any of the pages, reads for a few seconds, and opens another."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.panel",
        env={**os.environ, **environment, "PANEL_PORT": str(port)},
    )
    base = f"http://127.0.0.1:{port}"
    try:
        headers = {"Cookie": cookie, "Accept-Encoding": "gzip"}
        connector = aiohttp.TCPConnector(limit=READERS)
        async with aiohttp.ClientSession(headers=headers, connector=connector) as http:
            await _ready(http, base)
            until = time.monotonic() + SECONDS
            readers = (_reader(http, base, paths, number, until) for number in range(READERS))
            taken = [one for each in await asyncio.gather(*readers) for one in each]
    finally:
        process.terminate()
        await process.wait()
    failed = sum(math.isinf(one) for one in taken)
    p95 = statistics.quantiles(taken, n=20)[-1]
    return [
        Measure(
            bench="pages",
            what=f"{READERS} readers: pages a second",
            value=len(taken) / SECONDS,
            unit="1/s",
        ),
        Measure(
            bench="pages",
            what=f"{READERS} readers: median",
            value=statistics.median(taken),
            unit="ms",
        ),
        Measure(
            bench="pages",
            what=f"{READERS} readers: without a page",
            value=failed,
            unit="",
            bar="= 0",
            passed=not failed,
        ),
        Measure(
            bench="pages",
            what=f"{READERS} readers: p95",
            value=p95,
            unit="ms",
            bar=f"< {MOST_MS:.0f}",
            passed=p95 < MOST_MS,
        ),
    ]


async def _ready(http: aiohttp.ClientSession, base: str) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                async with http.get(f"{base}/readyz") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)


async def _reader(
    http: aiohttp.ClientSession, base: str, paths: Sequence[str], number: int, until: float
) -> list[float]:
    dice = random.Random(number)
    taken = []
    await asyncio.sleep(dice.uniform(0, PAUSE[1]))
    while time.monotonic() < until:
        begun = time.perf_counter()
        async with http.get(base + dice.choice(paths), allow_redirects=False) as answer:
            await answer.read()
            failed = answer.status >= 400  # one page leads on to another
        taken.append(math.inf if failed else (time.perf_counter() - begun) * 1000)
        await asyncio.sleep(dice.uniform(*PAUSE))
    return taken
