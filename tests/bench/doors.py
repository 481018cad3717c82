"""What those who mean harm, or only too much at once, cost everybody else.

`heads`: floods of headers, half-sent requests and slow bodies while another tenant's events come.
`flood`: three times what the webhook can take.
"""

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import aiohttp
import asyncpg
import psutil

from shared.local.postgres import DURABLE, running_postgres
from shared.local.redis import running_redis
from tests.bench.ingest import another_tenant, prepare, running_webhook, send
from tests.bench.load import Order, Report, request
from tests.bench.measure import Measure

SECONDS: Final = 15.0
MOST_P99: Final = 100.0  # ms
MOST_MEMORY: Final = 256.0  # MiB a process
CALM_RATE: Final = 50.0
TIMES: Final = 3  # capacity
FLOOD_SECONDS: Final = 8.0
LOADERS: Final = 3
LOADER_CONNECTIONS: Final = 300
MOST_TO_RECOVER: Final = 5.0
POOLS: Final = 20  # connections to the database that two processes may have made meanwhile
# Room for fewer than come at once, so that some are refused however fast the machine is; but more
# than the connections that measure what is taken alone.
ROOM: Final = 400
SETTLE_SECONDS: Final = 40.0  # longer than a slow body is waited for


async def heads(folder: Path, seconds: float = SECONDS) -> list[Measure]:
    """Measure another tenant's times, memory and descriptors during an attack, and after it."""
    async with running_postgres(folder, settings=DURABLE) as server, running_redis(folder) as redis:
        return await heads_at(server.url(), redis.url(), seconds)


async def heads_at(url: str, redis_url: str, seconds: float) -> list[Measure]:
    """The same with a database and a Redis that run already; an attack of so many seconds."""
    bad = await prepare(url)
    good = await another_tenant(url)
    async with running_webhook(url, redis_url) as (port, pids):
        await send(Order(port=port, path=good, first_bill=1, seconds=1, connections=4))
        quiet = await send(_calm(port, good, 10**5, seconds / 3))
        before = _descriptors(pids)
        attacking = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.bench.attack", str(port), bad, str(seconds)),
            stdout=asyncio.subprocess.PIPE,
        )
        watching = asyncio.create_task(_most_memory(pids, attacking))
        await asyncio.sleep(1)
        calm = await send(_calm(port, good, 10**6, max(1.0, seconds - 3)))
        poured, _ = await attacking.communicate()
        memory = await watching
        left = await _left_over(pids, before)
    mib = int(poured) / 2**20
    return [
        Measure(bench="heads", what="headers sent", value=mib, unit="MiB"),
        _below("heads", "another tenant's p99 meanwhile", calm.p99, "ms", MOST_P99),
        Measure(bench="heads", what="another tenant's p50", value=calm.p50, unit="ms"),
        Measure(bench="heads", what="p99 without an attack", value=quiet.p99, unit="ms"),
        _below("heads", "another tenant's refused", calm.refused, "", 1),
        _below("heads", "most memory of a process", memory, "MiB", MOST_MEMORY),
        _below("heads", "descriptors not freed, but for pools", left, "", POOLS),
    ]


def _calm(port: int, path: str, first_bill: int, seconds: float) -> Order:
    """What a tenant sends that is no part of it."""
    return Order(
        port=port, path=path, first_bill=first_bill, seconds=seconds, connections=4, rate=CALM_RATE
    )


async def flood(folder: Path, seconds: float = FLOOD_SECONDS) -> list[Measure]:
    """Offer three times what is taken: what is refused, what is lost, how soon it is well again."""
    async with running_postgres(folder, settings=DURABLE) as server, running_redis(folder) as redis:
        return await flood_at(server.url(), redis.url(), folder, seconds)


async def flood_at(url: str, redis_url: str, folder: Path, seconds: float) -> list[Measure]:
    """The same with a database and a Redis that run already."""
    paths = [await prepare(url), *[await another_tenant(url) for _ in range(LOADERS - 1)]]
    async with running_webhook(url, redis_url, DELIVERIES_WAITING=str(ROOM)) as (port, _):
        await send(Order(port=port, path=paths[0], first_bill=1, seconds=1))
        alone = await send(Order(port=port, path=paths[0], first_bill=10**6, seconds=seconds / 2))
        capacity = alone.sent / alone.seconds
        orders = [
            Order(
                port=port, path=path, first_bill=(number + 1) * 10**8, seconds=seconds,
                connections=LOADER_CONNECTIONS, rate=capacity * TIMES / LOADERS,
                accepted_to=str(folder / f"accepted-{number}.json"),
            )
            for number, path in enumerate(paths)
        ]  # fmt: skip
        reports = await asyncio.gather(*(send(order) for order in orders))
        recovered = await _until_well(port, paths[0])
    lost = await _lost(url, orders)
    return _flood_measures(capacity, seconds, reports, lost, recovered)


def _flood_measures(
    capacity: float, seconds: float, reports: Sequence[Report], lost: int, recovered: float
) -> list[Measure]:
    answered = sum(one.sent for one in reports)
    refused = sum(one.refused for one in reports)
    taken = (answered - refused) / seconds
    return [
        Measure(bench="flood", what="taken alone", value=capacity, unit="events/s"),
        Measure(bench="flood", what="offered", value=capacity * TIMES, unit="events/s"),
        Measure(bench="flood", what="taken meanwhile", value=taken, unit="events/s"),
        Measure(
            bench="flood", what="refused (503)", value=refused, unit="", bar="> 0",
            passed=refused > 0,
        ),
        _below("flood", "accepted and lost", lost, "", 1),
        _below("flood", "until it is well again", recovered, "s", MOST_TO_RECOVER),
    ]  # fmt: skip


def _below(bench: str, what: str, value: float, unit: str, bar: float) -> Measure:
    return Measure(
        bench=bench, what=what, value=value, unit=unit, bar=f"< {bar:g}", passed=value < bar
    )


def _descriptors(pids: Sequence[int]) -> int:
    return sum(psutil.Process(pid).num_fds() for pid in pids)


async def _most_memory(pids: Sequence[int], until: asyncio.subprocess.Process) -> float:
    most = 0
    while until.returncode is None:
        most = max(most, *(psutil.Process(pid).memory_info().rss for pid in pids))
        await asyncio.sleep(0.05)
    return most / 2**20


async def _left_over(pids: Sequence[int], before: int) -> int:
    """How many more files are open than before, once everything had its time to end."""
    ends = time.monotonic() + SETTLE_SECONDS
    while (left := _descriptors(pids) - before) >= POOLS and time.monotonic() < ends:
        await asyncio.sleep(0.5)
    return max(0, left)


async def _until_well(port: int, path: str) -> float:
    """Seconds until twenty deliveries in a row are taken, each within a tenth of a second."""
    began, well, bill = time.monotonic(), 0, 10**10
    body = request(path, bill).partition(b"\r\n\r\n")[2]
    async with aiohttp.ClientSession() as http:
        while well < 20:
            asked = time.monotonic()
            async with http.post(f"http://127.0.0.1:{port}{path}", data=body) as answer:
                quick = time.monotonic() - asked < 0.1
                well = well + 1 if answer.status == 200 and quick else 0
    return time.monotonic() - began


async def _lost(url: str, orders: Sequence[Order]) -> int:
    """Bills that were answered with 200 and are in no event."""
    conn = await asyncpg.connect(url)
    try:
        stored = {row["bill_id"] for row in await conn.fetch("SELECT bill_id FROM events")}
    finally:
        await conn.close()
    told = [json.loads(Path(order.accepted_to).read_text()) for order in orders]
    accepted = {bill for bills in told for bill in bills}
    return len(accepted - stored)
