"""More emitters: on one issuer key they stay at its limit, over many keys they use all of them."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import asyncpg

from tests.bench.emitter import sell
from tests.bench.measure import Measure
from tests.bench.stand_in import Field, Seller, a_field

NUMBERS: Final = (1, 2, 4, 8, 12)
SALES: Final = 150
KEYS: Final = 6  # beside the one
A_SECOND: Final = 5.0  # what the settings give a key by themselves, as are four at once
PARALLEL: Final = 4
ANSWERS_AFTER: Final = 0.2  # seconds that a POST takes at the issuer
LEAST_SHARE: Final = 0.9
MOST_SHARE: Final = 1.1
STUCK: Final = 300.0
DOUBTS: Final = ("looked_up", "answer_lost", "sent_again")


async def run(folder: Path) -> list[Measure]:
    """One key with each number of emitters, and several keys with the first and the last."""
    return await by_number(folder, numbers=NUMBERS, sales=SALES, keys=KEYS)


async def by_number(
    folder: Path, *, numbers: Sequence[int], sales: int, keys: int
) -> list[Measure]:
    """Start emitter after emitter, and have them work on a fresh key each time."""
    found: list[Measure] = []
    async with a_field(
        folder,
        names=("webhook", "emitter", "reconciler"),
        ISSUER_REQUESTS_PER_SECOND=str(A_SECOND),
        ISSUER_PARALLEL=str(PARALLEL),
        ISSUER_LOOKUP_WAITS="10,30,120",
    ) as field:
        ones = [await _seller(field) for _ in numbers]
        many = [[await _seller(field) for _ in range(keys)] for _ in (0, 1)]
        await field.services["reconciler"].stop()
        running = 1
        for number, one in zip(numbers, ones, strict=True):
            while running < number:
                running += 1
                await field.another("emitter", called=f"emitter-{running}")
            rate = await _rate(field, [one], sales)
            found.append(_share(f"{_emitters(number)} on one key", rate, A_SECOND))
            if number in {numbers[0], numbers[-1]}:
                rate = await _rate(field, many.pop(), sales)
                what = f"{_emitters(number)} on {keys} keys"
                found.append(_share(what, rate, A_SECOND * keys))
        doubts = await _doubts(field)
    found.append(_measure("look-ups", doubts, "", "0", passed=doubts == 0))
    return found


def _emitters(number: int) -> str:
    return f"{number} emitter{'s' if number > 1 else ''}"


def _share(what: str, rate: float, limit: float) -> Measure:
    passed = LEAST_SHARE * limit <= rate <= MOST_SHARE * limit
    bar = f"{LEAST_SHARE * limit:.1f} to {MOST_SHARE * limit:.1f}"
    return _measure(what, rate, "notas/s", bar, passed=passed)


def _measure(
    what: str, value: float, unit: str, bar: str = "", *, passed: bool | None = None
) -> Measure:
    return Measure(bench="emitters", what=what, value=value, unit=unit, bar=bar, passed=passed)


async def _seller(field: Field) -> Seller:
    seller = await field.seller()
    slow = {"latency": ANSWERS_AFTER}
    await field.stand_in.control("PATCH", f"/enotas/companies/{seller.company}/faults", slow)
    return seller


async def _rate(field: Field, sellers: Sequence[Seller], sales: int) -> float:
    """Make so many sales of each due at once; notas a second of all, first POST to last."""
    for seller in sellers:
        await sell(field, seller, sales)
    connection = await asyncpg.connect(field.database)
    try:
        async with connection.transaction():
            for seller in sellers:
                path = f"/vindi/accounts/{seller.account}/span/bills"
                span = await field.stand_in.control("GET", path)
                await connection.execute(
                    "INSERT INTO outbox (tenant_id, bill_id, due_at, origin, bill_facts)"
                    " SELECT $1, id, now(), 'webhook', 1 FROM generate_series($2::int, $3::int) id",
                    seller.tenant,
                    span["first"],
                    span["last"],
                )
    finally:
        await connection.close()
    times: list[float] = []
    async with asyncio.timeout(STUCK):
        for seller in sellers:
            path = f"/enotas/companies/{seller.company}/sends"
            while (await field.stand_in.control("GET", f"{path}/count"))["count"] < sales:
                await asyncio.sleep(0.5)
            times += [nota["created"] for nota in await field.stand_in.control("GET", path)]
    return (len(times) - len(sellers)) / (max(times) - min(times))


async def _doubts(field: Field) -> int:
    connection = await asyncpg.connect(field.database)
    try:
        found: int = await connection.fetchval(
            "SELECT count(*) FROM timeline WHERE what = ANY($1::text[])", list(DOUBTS)
        )
        return found
    finally:
        await connection.close()
