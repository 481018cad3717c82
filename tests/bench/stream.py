"""Sales that come as a stream of events: what each costs the emitters, and how long it waits.

How much work is done at once depends on how fast events come, so each rate is told apart.
"""

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import asyncpg
import psutil

from shared.ops.up.programs import EMITTER_PROCESSES
from tests.bench.emitter import posted, sell, span_of
from tests.bench.ingest import send
from tests.bench.load import Order
from tests.bench.measure import Measure
from tests.bench.stand_in import Field, Seller, a_field

RATES: Final = (50, 200, 500)  # events a second
SECONDS: Final = 8.0
CONNECTIONS: Final = 16
WARM_UP: Final = 200
EMITTERS: Final = "emitter%"  # by what they call themselves at PostgreSQL


async def run(folder: Path) -> list[Measure]:
    """Send distinct events at each rate to the whole system but its reconciler."""
    found: list[Measure] = []
    names = ("webhook", "emitter", "reconciler")
    async with a_field(folder, names=names) as field:
        for number in range(2, EMITTER_PROCESSES + 1):
            await field.another("emitter", called=f"emitter-{number}")
        sellers = [await field.seller() for _ in (0, *RATES)]
        await field.services["reconciler"].stop()  # it would find sales before they are told of
        await _streamed(folder, field, sellers.pop(), rate=RATES[0], count=WARM_UP)
        for rate, seller in zip(RATES, sellers, strict=True):
            one = await _streamed(folder, field, seller, rate=rate, count=round(rate * SECONDS))
            found += _measures(f"{rate} events/s", one)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Streamed:
    """What a stream came to: milliseconds, of processor time for each sale, and of waiting."""

    emitters: float
    database: float
    waits: Sequence[float]  # from the answer to an event until its nota's request, in order


def _measures(what: str, one: Streamed) -> list[Measure]:
    p50, p99 = statistics.median(one.waits), one.waits[int(len(one.waits) * 0.99)]
    return [
        Measure(bench="stream", what=f"{what}: {name}", value=value, unit="ms")
        for name, value in (
            ("emitters' processor time a sale", one.emitters),
            ("their connections' at PostgreSQL", one.database),
            ("event to POST, p50", p50),
            ("event to POST, p99", p99),
        )
    ]


async def _streamed(
    folder: Path, field: Field, seller: Seller, *, rate: int, count: int
) -> Streamed:
    await sell(field, seller, count)
    first, _ = await span_of(field, seller)
    url = urlsplit(seller.webhook_url)
    if url.port is None:
        raise ValueError("an address of ours without a port")
    answered = folder / f"answered-{rate}-{count}.json"
    order = Order(
        port=url.port,
        path=url.path,
        first_bill=first - 1,
        seconds=count / rate,
        connections=CONNECTIONS,
        rate=rate,
        most=count,
        answered_to=str(answered),
    )
    before = await _used(field)
    await send(order)
    times = dict(json.loads(answered.read_text(encoding="utf-8")))
    sent = await posted(field, seller, len(times))
    after = await _used(field)
    emitters, database = (
        (now - then) * 1000 / len(times) for then, now in zip(before, after, strict=True)
    )
    waits = sorted((sent[bill] - at) * 1000 for bill, at in times.items())
    return Streamed(emitters=emitters, database=database, waits=waits)


async def _used(field: Field) -> tuple[float, float]:
    """Seconds of processor time: the emitters', and their connections' at PostgreSQL."""
    emitters = [
        service.process.pid
        for service in field.services.values()
        if service.name == "emitter" and service.process is not None
    ]
    connection = await asyncpg.connect(field.database)
    try:
        rows = await connection.fetch(
            "SELECT pid FROM pg_stat_activity WHERE application_name LIKE $1", EMITTERS
        )
    finally:
        await connection.close()
    return _seconds(emitters), _seconds([row["pid"] for row in rows])


def _seconds(pids: Sequence[int]) -> float:
    times = [psutil.Process(pid).cpu_times() for pid in pids]
    return float(sum(one.user + one.system for one in times))
