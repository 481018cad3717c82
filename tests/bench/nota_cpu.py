"""What a nota costs one emitter's process, by processor time and by calls, batch after batch.

The emitter alone in a process of its own: stores, Vindi and the issuer are real servers beside it.
Whatever else the machine does can only make a batch dearer, so the cheapest batches tell what is
the emitter's own. Two commits are compared in turns, each with its own tree's copy of this module.
"""

import asyncio
import cProfile
import gc
import json
import pstats
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import asyncpg
import uvloop

from services.emitter.__main__ import COLLECT_AFTER
from services.emitter.acting.ahead import KeyRooms
from services.emitter.acting.group_commit import GroupCommit
from services.emitter.batch import Tools
from services.emitter.dispatch import Dispatcher
from services.emitter.leases import Leases
from services.emitter.stopping.under_way import UnderWay
from shared.clients import Clients, open_clients
from shared.config.settings import load_emitter
from shared.service import Resources, open_stored
from shared.telemetry.logs import configure_logs
from tests.bench.emitter import sell, span_of
from tests.bench.measure import Measure
from tests.bench.stand_in import a_field

BATCH: Final = 400  # what one tenant has under way at once
WARM: Final = 2
TIMED: Final = 24
COUNTED: Final = 2
NAME: Final = "bench"
# What was looked at is not due again while others are measured.
PUT_OFF: Final = """
    UPDATE outbox SET due_at = due_at + interval '1 day' WHERE tenant_id = $1
"""
MAKE_DUE: Final = """
    INSERT INTO outbox (tenant_id, bill_id, due_at, origin, bill_facts)
    SELECT $1, id, now(), 'webhook', 1 FROM generate_series($2::int, $3::int) AS id
"""


async def run(folder: Path) -> list[Measure]:
    """Microseconds and calls a nota, from the claim to the answer that is written."""
    batches = WARM + TIMED + COUNTED
    async with a_field(folder, names=("webhook", "emitter", "reconciler")) as field:
        seller = await field.seller()
        for service in field.services.values():
            await service.stop()
        await sell(field, seller, batches * BATCH)
        first, _ = await span_of(field, seller)
        environment = field.services["emitter"].environment
        order = {
            "settings": environment,
            "owner": field.database,
            "tenant": seller.tenant,
            "first": first,
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.bench.nota_cpu",
            env=environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        told, _ = await process.communicate(json.dumps(order).encode())
    assert process.returncode == 0
    found = json.loads(told.splitlines()[-1])
    times: Sequence[float] = sorted(found["microseconds"])
    return [
        _measure("processor time a nota, cheapest batch", times[0], "µs"),
        _measure("processor time a nota, median batch", statistics.median(times), "µs"),
        _measure("calls of Python a nota", found["calls"], ""),
    ]


def _measure(what: str, value: float, unit: str) -> Measure:
    return Measure(bench="nota-cpu", what=what, value=value, unit=unit)


async def _emitter(stored: Resources, clients: Clients) -> Dispatcher:
    leases, under_way = Leases(), UnderWay(registered=False)
    await under_way.beat_once(stored.pool, NAME)
    tools = Tools(
        pool=stored.pool,
        clients=clients,
        sealer=stored.sealer,
        leases=leases,
        commits=GroupCommit(stored.pool, leases),
        rooms=KeyRooms(parallel=clients.issuer_parallel, per_second=clients.issuer_pace),
        under_way=under_way,
    )
    return Dispatcher(tools=tools, worker=NAME)


async def _work(emitter: Dispatcher, most: int) -> None:
    """Pass after pass as the emitter's loop does, until so many were claimed and are done."""
    left, rung = most, asyncio.Event()
    while left > 0:
        rung.clear()
        claimed = await emitter.dispatch_once(rung.set)
        left -= claimed
        if left > 0 and not claimed:
            await rung.wait()
    await emitter.drain()


async def _alone(order: dict[str, Any]) -> dict[str, Any]:
    settings = load_emitter(order["settings"])
    process = settings.process
    configure_logs("emitter", level=process.log.level, format=process.log.format)
    owner = await asyncpg.connect(order["owner"])
    async with (
        open_stored("emitter", settings) as stored,
        open_clients(process, settings.vindi, settings.issuer) as clients,
    ):
        emitter = await _emitter(stored, clients)
        gc.collect()
        gc.freeze()
        gc.set_threshold(COLLECT_AFTER, 20, 20)
        times = []
        profile = cProfile.Profile()
        for number in range(WARM + TIMED + COUNTED):
            first = order["first"] + number * BATCH
            await owner.execute(PUT_OFF, order["tenant"])
            await owner.execute(MAKE_DUE, order["tenant"], first, first + BATCH - 1)
            began = time.process_time()
            if number < WARM + TIMED:
                await _work(emitter, BATCH)
                times.append((time.process_time() - began) / BATCH * 1e6)
            else:
                profile.enable()
                await _work(emitter, BATCH)
                profile.disable()
    await owner.close()
    calls = sum(row[1] for row in _rows(profile)) / (COUNTED * BATCH)
    return {"microseconds": times[WARM:], "calls": calls}


def _rows(profile: cProfile.Profile) -> Sequence[tuple[int, int, float, float, Any]]:
    profile.create_stats()
    rows: dict[Any, tuple[int, int, float, float, Any]] = getattr(
        pstats.Stats(profile), "stats", {}
    )
    return list(rows.values())


if __name__ == "__main__":
    sys.stdout.write(f"{json.dumps(uvloop.run(_alone(json.load(sys.stdin))))}\n")
