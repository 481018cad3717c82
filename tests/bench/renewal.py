"""Renewal day: 10,000 bills of one tenant paid within a minute, and one sale of another tenant.

Everything is counted: the emitter's reads, the passes meanwhile, and the first whole one after it.
"""

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import aiohttp
import asyncpg

from tests.bench.emitter import sell
from tests.bench.measure import Measure
from tests.bench.stand_in import Field, Seller, a_field

BILLS: Final = 10_000
# Scaled limits: a real account has 120 a minute and a key 5 a second; the arithmetic is the same.
VINDI_A_MINUTE: Final = 1_500
ISSUER_A_SECOND: Final = 300
RECONCILE_EVERY: Final = 24  # seconds: 300 in that scale
PAID_WITHIN: Final = 60.0
MOST_SECONDS: Final = 400  # then something is stuck
MOST_REQUESTS_A_NOTA: Final = 0.06
MOST_TIMES_THE_FLOOR: Final = 1.2
MOST_SECONDS_FOR_ANOTHER: Final = 2.0


async def run(folder: Path) -> list[Measure]:
    """Mark the whole day due at once, and time it against what the limits allow."""
    async with (
        asyncio.timeout(MOST_SECONDS),
        a_field(
            folder,
            names=("webhook", "emitter", "reconciler"),
            VINDI_REQUESTS_PER_MINUTE=str(VINDI_A_MINUTE),
            ISSUER_REQUESTS_PER_SECOND=str(ISSUER_A_SECOND),
            RECONCILE_EVERY=str(RECONCILE_EVERY),
        ) as field,
    ):
        busy, calm = await field.seller(), await field.seller()
        await settle_in(field, busy)
        before = await _requests(field, busy)
        await sell(field, busy, BILLS, within=PAID_WITHIN)
        started = time.monotonic()
        await _mark_due(field, busy)
        await asyncio.sleep(3)
        await sell(field, calm, 1)
        waited = await _one_sale(field, calm)
        while await _sent(field, busy) < BILLS + 1:
            await asyncio.sleep(0.2)
        seconds = time.monotonic() - started
        meanwhile = await _requests(field, busy) - before
        await _whole_pass(field, busy)
        asked = await _requests(field, busy) - before
    floor = max(meanwhile / VINDI_A_MINUTE * 60, BILLS / ISSUER_A_SECOND)
    times, share = seconds / floor, asked / BILLS
    return [
        _measure("notas", BILLS, ""),
        _measure("requests to Vindi until the last nota", meanwhile, ""),
        _measure("requests to Vindi with the pass after it", asked, ""),
        _measure(
            "requests a nota",
            share,
            "",
            f"<= {MOST_REQUESTS_A_NOTA}",
            passed=share <= MOST_REQUESTS_A_NOTA,
        ),
        _measure(f"floor: {BILLS} notas at {ISSUER_A_SECOND} a second", floor, "s"),
        _measure("finished after", seconds, "s"),
        _measure(
            "times the floor",
            times,
            "",
            f"<= {MOST_TIMES_THE_FLOOR}",
            passed=times <= MOST_TIMES_THE_FLOOR,
        ),
        _measure(
            "another tenant's sale, event to POST",
            waited,
            "s",
            f"< {MOST_SECONDS_FOR_ANOTHER:.0f}",
            passed=waited < MOST_SECONDS_FOR_ANOTHER,
        ),
    ]


def _measure(
    what: str, value: float, unit: str, bar: str = "", *, passed: bool | None = None
) -> Measure:
    return Measure(bench="renewal", what=what, value=value, unit=unit, bar=bar, passed=passed)


async def _mark_due(field: Field, seller: Seller) -> None:
    span = await field.stand_in.control("GET", f"/vindi/accounts/{seller.account}/span/bills")
    connection = await asyncpg.connect(field.database)
    try:
        await connection.execute(
            "INSERT INTO outbox (tenant_id, bill_id, due_at, origin, bill_facts)"
            " SELECT $1, id, now(), 'webhook', 1 FROM generate_series($2::int, $3::int) AS id"
            " ON CONFLICT DO NOTHING",
            seller.tenant,
            span["first"],
            span["last"],
        )
    finally:
        await connection.close()


async def settle_in(field: Field, seller: Seller) -> None:
    """Let an account be one that was connected for a while: its zone is measured with a sale."""
    connection = await asyncpg.connect(field.database)
    try:
        await connection.execute("UPDATE tenants SET active_from = now() - interval '1 hour'")
    finally:
        await connection.close()
    await sell(field, seller, 1)
    while await _passes(field, seller, "zone <> 'unknown'") is None:
        await asyncio.sleep(0.2)


async def _whole_pass(field: Field, seller: Seller) -> None:
    """Wait until a pass that began after now was complete."""
    begun = f"bills_mark > '{datetime.now(UTC).isoformat()}'"
    while await _passes(field, seller, f"{begun} AND complete_at > bills_mark") is None:
        await asyncio.sleep(0.2)


async def _passes(field: Field, seller: Seller, condition: str) -> int | None:
    connection = await asyncpg.connect(field.database)
    try:
        query = f"SELECT 1 FROM reconciler_passes WHERE tenant_id = $1 AND {condition}"  # noqa: S608 - our own words
        found: int | None = await connection.fetchval(query, seller.tenant)
        return found
    finally:
        await connection.close()


async def _one_sale(field: Field, seller: Seller) -> float:
    """Tell of one sale and wait for its POST; the seconds between."""
    span = await field.stand_in.control("GET", f"/vindi/accounts/{seller.account}/span/bills")
    event = {
        "event": {
            "type": "bill_paid",
            "created_at": datetime.now(UTC).isoformat(),
            "data": {"bill": {"id": span["first"], "status": "paid"}},
        }
    }
    async with aiohttp.ClientSession() as http, http.post(seller.webhook_url, json=event) as answer:
        assert answer.status == 200
    told = time.time()
    while True:
        path = f"/enotas/companies/{seller.company}/sends"
        notas = await field.stand_in.control("GET", path)
        if notas:
            return float(notas[0]["created"]) - told
        await asyncio.sleep(0.1)


async def _sent(field: Field, seller: Seller) -> int:
    path = f"/enotas/companies/{seller.company}/sends/count"
    return int((await field.stand_in.control("GET", path))["count"])


async def _requests(field: Field, seller: Seller) -> int:
    path = f"/vindi/accounts/{seller.account}/journal?last=100000"
    return len(await field.stand_in.control("GET", path))
