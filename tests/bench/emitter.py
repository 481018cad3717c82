"""From a committed event to the issuer's POST, and how many notas a second an emitter submits."""

import asyncio
import statistics
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import aiohttp
import asyncpg
import psutil

from shared.ops.up.programs import EMITTER_PROCESSES
from tests.bench.measure import Measure
from tests.bench.stand_in import Field, Seller, a_field

EVENTS_A_SECOND: Final = 50
SECONDS: Final = 20
MOST_P50: Final = 150.0  # ms
MOST_P99: Final = 1000.0

NOTAS: Final = 4000
NOTAS_ALONE: Final = 1000  # of the loop that posts one after another
PARALLEL: Final = 32  # requests under way: of the bare loop, and of both emitters together
LEAST_SHARE: Final = 0.35  # step 2's bar; step 1 asks for 0.15
ROUNDS: Final = 15  # the machine's speed changes from one to the next: the median counts
LOOPS: Final = 2  # a wide loop lasts a fraction of what the emitters take: each round has several


async def latency(folder: Path) -> list[Measure]:
    """Events at a steady rate; the time from each 200 to the issuer's POST for its bill."""
    async with a_field(folder, names=("webhook", "emitter", "reconciler")) as field:
        seller = await field.seller()
        # It would find these sales at Vindi before their events are told.
        await field.services["reconciler"].stop()
        await sell(field, seller, EVENTS_A_SECOND * SECONDS)
        committed = await _send_events(field, seller)
        arrived = await posted(field, seller, len(committed))
    waits = sorted((arrived[bill] - at) * 1000 for bill, at in committed.items())
    p50, p99 = statistics.median(waits), waits[int(len(waits) * 0.99)]
    return [
        _measure("event to POST, p50", p50, "ms", f"< {MOST_P50:.0f}", passed=p50 < MOST_P50),
        _measure("event to POST, p99", p99, "ms", f"< {MOST_P99:.0f}", passed=p99 < MOST_P99),
    ]


async def throughput(folder: Path) -> list[Measure]:
    """Notas submitted a second, against bare loops posting the same bodies to the same server.

    As many emitters as `make up` runs, which share the requests that may be under way.
    """
    rounds = []
    names = ("webhook", "emitter", "reconciler")
    async with a_field(folder, names=names, ISSUER_PARALLEL=str(PARALLEL)) as field:
        await field.another("emitter")
        sellers = [await field.seller() for _ in range(ROUNDS)]
        await field.services["reconciler"].stop()  # it has work of its own, on the same two cores
        for seller in sellers:
            await sell(field, seller, NOTAS)
            before = _processor(field)
            rate = await _emit_all(field, seller)
            used = (_processor(field) - before) / NOTAS * 1000
            sent = await _notas(field, seller)
            wide = await _loops(field, seller, sent, at_once=PARALLEL, loops=LOOPS)
            single = await _loops(field, seller, sent[:NOTAS_ALONE], at_once=1, loops=1)
            rounds.append((rate, used, wide, single, rate / wide, rate / single))
    rate, used, wide, single, share, of_single = map(statistics.median, zip(*rounds, strict=True))
    return [
        _measure(f"bare aiohttp loop, {PARALLEL} requests under way", wide, "notas/s"),
        _measure("bare aiohttp loop, one request after another", single, "notas/s"),
        _measure(f"emitter, {EMITTER_PROCESSES} processes", rate, "notas/s"),
        _measure("emitters' own processor time a nota", used, "ms"),
        _measure("share of the loop one after another", of_single, ""),
        _measure(
            f"share of the loop with {PARALLEL}",
            share,
            "",
            f">= {LEAST_SHARE}",
            passed=share >= LEAST_SHARE,
        ),
    ]


def _measure(
    what: str, value: float, unit: str, bar: str = "", *, passed: bool | None = None
) -> Measure:
    return Measure(bench="emitter", what=what, value=value, unit=unit, bar=bar, passed=passed)


def _processor(field: Field) -> float:
    """Seconds of processor time the emitters have used."""
    used = 0.0
    for service in field.services.values():
        if service.name == "emitter":
            assert service.process is not None
            times = psutil.Process(service.process.pid).cpu_times()
            used += times.user + times.system
    return used


async def sell(field: Field, seller: Seller, count: int, *, within: float = 0) -> None:
    """Make paid sales at Vindi, each of its own customer, without events, within the last seconds.

    By Vindi's clock they are as old as they say.
    """
    now = datetime.now(UTC).timestamp()
    sales = {"count": count, "since": now - within, "until": now, "customers": count}
    await field.stand_in.control("POST", f"/vindi/accounts/{seller.account}/bulk_sales", sales)


async def _emit_all(field: Field, seller: Seller) -> float:
    """Mark every sale due in one commit, and time from the first POST to the last."""
    connection = await asyncpg.connect(field.database)
    try:
        first, last = await span_of(field, seller)
        await connection.execute(
            "INSERT INTO outbox (tenant_id, bill_id, due_at, origin, bill_facts)"
            " SELECT $1, id, now(), 'webhook', 1 FROM generate_series($2::int, $3::int) AS id",
            seller.tenant,
            first,
            last,
        )
    finally:
        await connection.close()
    times = sorted((await posted(field, seller, last - first + 1)).values())
    return (len(times) - 1) / (times[-1] - times[0])


async def span_of(field: Field, seller: Seller) -> tuple[int, int]:
    """The first and the last bill of a seller's account."""
    counts = await field.stand_in.control("GET", f"/vindi/accounts/{seller.account}/span/bills")
    return counts["first"], counts["last"]


async def _send_events(field: Field, seller: Seller) -> dict[int, float]:
    """Post one bill_paid a bill at the stated rate; when each was answered 200."""
    first, last = await span_of(field, seller)
    committed: dict[int, float] = {}

    async def send(bill: int) -> None:
        event = {
            "event": {
                "type": "bill_paid",
                "created_at": datetime.now(UTC).isoformat(),
                "data": {"bill": {"id": bill, "status": "paid"}},
            }
        }
        async with field.stand_in.http.post(seller.webhook_url, json=event) as answer:
            assert answer.status == 200
        committed[bill] = time.time()

    async with asyncio.TaskGroup() as group:
        started = time.monotonic()
        for number, bill in enumerate(range(first, last + 1)):
            pause = started + number / EVENTS_A_SECOND - time.monotonic()
            if pause > 0:
                await asyncio.sleep(pause)
            group.create_task(send(bill))
    return committed


async def posted(field: Field, seller: Seller, count: int) -> dict[int, float]:
    """When the issuer took each bill's POST, by the clock both processes share."""
    async with asyncio.timeout(120):
        while await _count(field, seller) < count:  # the whole list would cost the sandbox dearly
            await asyncio.sleep(0.2)
    return {
        int(nota["idExterno"].split("-")[2]): nota["created"]
        for nota in await _notas(field, seller)
    }


async def _count(field: Field, seller: Seller) -> int:
    path = f"/enotas/companies/{seller.company}/sends/count"
    return int((await field.stand_in.control("GET", path))["count"])


async def _notas(field: Field, seller: Seller) -> list[dict[str, Any]]:
    path = f"/enotas/companies/{seller.company}/sends"
    found: list[dict[str, Any]] = await field.stand_in.control("GET", path)
    return found


async def _loops(
    field: Field, seller: Seller, sent: Sequence[Mapping[str, Any]], *, at_once: int, loops: int
) -> float:
    """The same bodies under other ids, again and again; the median of notas a second."""
    rates = []
    for number in range(loops):
        bodies = [
            {**nota["body"], "idExterno": f"{nota['idExterno']}-bare{at_once}-{number}"}
            for nota in sent
        ]
        rates.append(await _post_bare(field, seller, bodies, at_once=at_once))
    return statistics.median(rates)


async def _post_bare(
    field: Field, seller: Seller, bodies: Sequence[Mapping[str, Any]], *, at_once: int
) -> float:
    """Post bodies with so many requests under way; notas a second."""
    url = f"{field.stand_in.enotas_url}/v1/empresas/{seller.company}/nfes"
    headers = {"Authorization": f"Basic {seller.issuer_key}", "Accept": "application/json"}
    waiting = iter(bodies)
    async with aiohttp.ClientSession(headers=headers) as http:

        async def loop() -> None:
            for body in waiting:
                async with http.post(url, json=body) as answer:
                    await answer.read()
                    assert answer.status == 200

        started = time.monotonic()
        await asyncio.gather(*(loop() for _ in range(at_once)))
        return len(bodies) / (time.monotonic() - started)
