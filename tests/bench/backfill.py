"""A backfill of 100,000 bills: requests, time against the rate floor, memory, five deaths.

`BENCH_BACKFILL_BILLS` and `BENCH_BACKFILL_RATE` (requests a minute) make it smaller, or as slow as
Vindi.
"""

import asyncio
import math
import os
import re
import time
from pathlib import Path
from typing import Any, Final

from tests.bench.measure import Measure
from tests.bench.stand_in import Field, Seller, a_field

BILLS: Final = int(os.environ.get("BENCH_BACKFILL_BILLS", "100000"))
CUSTOMERS: Final = BILLS // 10
VINDIS_RATE: Final = 120  # a minute, by default
# Scaled, so that the bench ends within a quarter of an hour; at Vindi's own rate it takes over an
# hour. What a death costs (a lease, a start) cannot be scaled: here it weighs five times as much.
RATE: Final = int(os.environ.get("BENCH_BACKFILL_RATE", "600"))
# What live sales (40 %, less most of what is left to others while few are read), passes (5 %) and
# persons (7 %) leave to a backfill of what we may use; the rest is left to the account's other
# systems (`VINDI_LEAVE_PERCENT`, of the environment here).
LEAVE_PERCENT: Final = int(os.environ.get("VINDI_LEAVE_PERCENT", "20"))
OURS: Final = (100 - LEAVE_PERCENT) / 100
SHARE: Final = 0.88 * OURS - max(0.15 * OURS, 0.4 * OURS - 0.85 * (1 - OURS))
KILLS: Final = 5
MOST_REQUESTS: Final = 1.05
MOST_TIME: Final = 1.1
MOST_MEMORY: Final = 150.0  # MiB
MINUTE: Final = 60.0
BEGIN, END = 1_780_282_800, 1_782_874_799  # June 2026 in São Paulo


async def run(folder: Path) -> list[Measure]:
    """A dry run against the clock, then the real run, whose process is killed on the way."""
    settings = {
        "VINDI_REQUESTS_PER_MINUTE": str(RATE),
        "VINDI_LEAVE_PERCENT": str(LEAVE_PERCENT),
        "RECONCILE_EVERY": "3600",
    }
    async with a_field(folder, names=("webhook", "reconciler"), **settings) as field:
        seller = await field.seller()
        await field.stand_in.control(
            "PATCH", f"/vindi/accounts/{seller.account}/rate", {"limit": RATE}
        )
        sales = {"count": BILLS, "since": BEGIN, "until": END, "customers": CUSTOMERS}
        await field.stand_in.control("POST", f"/vindi/accounts/{seller.account}/bulk_sales", sales)
        await asyncio.sleep(MINUTE)  # what setting up has asked for is out of the window
        dry, requests, seconds, memory = await _run(field, seller, dry_run=True, kills=0)
        real, again, whole, later = await _run(field, seller, dry_run=False, kills=KILLS)
    ideal = BILLS / 50 + CUSTOMERS / 50
    floor, floor_again = _floor(requests), _floor(again)
    of_vindi = _floor(again, rate=VINDIS_RATE)
    memory = max(memory, later)
    print(
        f"rate floor: {requests} requests, {RATE} a minute of which a backfill has"
        f" {SHARE:.0%}: {floor:.0f} s\n"
        f"killed {KILLS} times: {whole:.0f} s, {whole - floor_again:.0f} s above its floor; at"
        f" {VINDIS_RATE} a minute the floor is {of_vindi:.0f} s"
    )
    same = all(dry[key] == real[key] for key in ("months", "outcomes", "amount_to_issue", "new"))
    return [
        _measure("bills", dry["bills_total"], "", f"{BILLS}", passed=dry["bills_total"] == BILLS),
        _bar("requests / ideal, dry run", requests / ideal, "", MOST_REQUESTS),
        _bar(f"requests / ideal, killed {KILLS} times", again / ideal, "", MOST_REQUESTS),
        _bar("time / rate floor, dry run", seconds / floor, "", MOST_TIME),
        _measure(f"time / rate floor, killed {KILLS} times", whole / floor_again, ""),
        _bar(
            f"the same at {VINDIS_RATE} a minute",
            (of_vindi + whole - floor_again) / of_vindi,
            "",
            MOST_TIME,
        ),
        _bar("resident at most", memory, "MiB", MOST_MEMORY),
        _measure("dry run foresaw the real run", float(same), "", "1", passed=same),
    ]


def _floor(requests: int, *, rate: int = RATE) -> float:
    """Seconds that so many requests take: a whole window's share may go out at its start."""
    return max(1.0, (math.ceil(requests / (rate * SHARE)) - 1) * MINUTE)


async def _run(
    field: Field, seller: Seller, *, dry_run: bool, kills: int
) -> tuple[dict[str, Any], int, float, float]:
    """Run to the end: what came of it, its requests, its seconds, the most memory in MiB."""
    before = await _requests(field, seller)
    started = time.monotonic()
    asked = {
        "since": "2026-06-01",
        "until": "2026-06-30",
        "dry_run": dry_run,
        "competencia": "original",
        "requested_by": "bench",
        "reason": "bench",
    }
    queued = await field.api("POST", f"/tenants/{seller.tenant}/backfills", asked)
    left, memory = kills, 0.0
    while True:
        await asyncio.sleep(1)
        seen = await field.api("GET", f"/backfills/{queued['id']}")
        memory = max(memory, _resident(field))
        if seen["status"] not in {"queued", "running"}:
            break
        if left and seen["bills_read"] > BILLS * (kills - left + 0.5) / kills:
            left -= 1
            await _kill(field)
    assert seen["status"] == "completed", seen["error"]
    requests = await _requests(field, seller) - before
    return seen, requests, time.monotonic() - started, memory


async def _kill(field: Field) -> None:
    service = field.services["reconciler"]
    service.kill()
    await service.ended()
    await service.start()
    await service.ready(field.stand_in.http)


async def _requests(field: Field, seller: Seller) -> int:
    path = f"/vindi/accounts/{seller.account}/journal?last=50000"
    return len(await field.stand_in.control("GET", path))


def _resident(field: Field) -> float:
    process = field.services["reconciler"].process
    if process is None:
        return 0.0
    status = Path(f"/proc/{process.pid}/status")
    if not status.exists():
        return 0.0  # no Linux
    peak = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
    return int(peak[1]) / 1024 if peak else 0.0


def _bar(what: str, value: float, unit: str, most: float) -> Measure:
    return _measure(what, value, unit, f"<= {most}", passed=value <= most)


def _measure(
    what: str, value: float, unit: str, bar: str = "", *, passed: bool | None = None
) -> Measure:
    return Measure(bench="backfill", what=what, value=value, unit=unit, bar=bar, passed=passed)
