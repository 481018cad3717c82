"""The model of `make simulate` held against a run: fifty tenants of the model's sizes, one renewal.

The same sales at the same moments go through the model and through real services; what is compared
is how long each sale took from due to its POST, and how many notas left in the busiest second.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import asyncpg

from deploy.simulate import Outcome, World, quantile, simulate, tenant_sales
from tests.bench.emitter import sell
from tests.bench.measure import Measure
from tests.bench.stand_in import Field, Seller, a_field

TENANTS: Final = 50
SALES: Final = 6_000
WITHIN: Final = 120.0  # seconds
ISSUER_SECONDS: Final = 0.2
TIGHT: Final = 30  # requests a minute of an account: then the largest waits for its budget
LEAD: Final = 5.0  # seconds from the commit to the first due moment
STUCK: Final = 600.0
# The model is a plan's, not a clock's: within this share or this many seconds it is right.
WITHIN_SHARE: Final = 0.25
WITHIN_SECONDS: Final = 2.0

WORLD: Final = World(
    tenants=TENANTS,
    sales=SALES,
    days=1,
    renewal_day=0,
    renewal_share=1.0,
    renewal_hours=WITHIN / 3_600,
    issuer_seconds=ISSUER_SECONDS,
)


@dataclass(frozen=True, slots=True)
class Shop:
    """A tenant with the moments, in seconds from the beginning, at which its sales fall due."""

    seller: Seller
    due: Sequence[float]


async def run(folder: Path) -> list[Measure]:
    """With Vindi's usual budget, and with one that the largest tenants have to wait for."""
    usual = await fleet(folder / "usual", WORLD)
    tight = await fleet(folder / "tight", replace(WORLD, requests_a_minute=TIGHT))
    return usual + tight


async def fleet(folder: Path, world: World) -> list[Measure]:
    """What the model says of this world, what two emitters did of it, and how far that is apart."""
    folder.mkdir(parents=True, exist_ok=True)
    predicted = simulate(world)
    async with a_field(
        folder,
        names=("webhook", "emitter", "reconciler"),
        ISSUER_REQUESTS_PER_SECOND=f"{world.issuer_a_second:g}",
        ISSUER_PARALLEL=str(world.issuer_parallel),
        VINDI_REQUESTS_PER_MINUTE=str(world.requests_a_minute),
        VINDI_LEAVE_PERCENT="0",
    ) as field:
        await field.another("emitter")
        moments = list(tenant_sales(world))
        sellers = [await field.seller() for _ in moments]
        await field.services["reconciler"].stop()  # it would find these sales by itself
        shops = [await _shop(field, world, *one) for one in zip(sellers, moments, strict=True)]
        began = await _fall_due(field, shops)
        sent = await _sent(field, shops, world.sales)
        ages = await _ages(field, shops, began, sent)
    return _measures(world, predicted, ages, sent)


async def _shop(field: Field, world: World, seller: Seller, due: Sequence[float]) -> Shop:
    slow = {"latency": world.issuer_seconds}
    await field.stand_in.control("PATCH", f"/enotas/companies/{seller.company}/faults", slow)
    await sell(field, seller, len(due))
    return Shop(seller, due)


async def _fall_due(field: Field, shops: Sequence[Shop]) -> float:
    """Write all that will fall due in one commit; when it begins, by the clock."""
    began = time.time() + LEAD
    rows = [
        (shop.seller.tenant, bill, datetime.fromtimestamp(began + at, UTC))
        for shop in shops
        for bill, at in zip(await _bills(field, shop), shop.due, strict=True)
    ]
    connection = await asyncpg.connect(field.database)
    try:
        await connection.executemany(
            "INSERT INTO outbox (tenant_id, bill_id, due_at, origin, bill_facts)"
            " VALUES ($1, $2, $3, 'webhook', 1)",
            rows,
        )
    finally:
        await connection.close()
    return began


async def _bills(field: Field, shop: Shop) -> range:
    path = f"/vindi/accounts/{shop.seller.account}/span/bills"
    span = await field.stand_in.control("GET", path)
    return range(span["first"], span["last"] + 1)


async def _sent(field: Field, shops: Sequence[Shop], sales: int) -> Mapping[str, float]:
    """Every nota by its external id, and when its POST came to the issuer."""
    notas: list[dict[str, Any]] = []
    async with asyncio.timeout(STUCK):
        while len(notas) < sales:
            await asyncio.sleep(2)
            notas = [
                nota
                for shop in shops
                for nota in await field.stand_in.control(
                    "GET", f"/enotas/companies/{shop.seller.company}/sends"
                )
            ]
    return {nota["idExterno"]: float(nota["created"]) for nota in notas}


async def _ages(
    field: Field, shops: Sequence[Shop], began: float, sent: Mapping[str, float]
) -> list[float]:
    """From due to sent, in seconds, sorted: of each sale its own."""
    connection = await asyncpg.connect(field.database)
    try:
        found = await connection.fetch("SELECT tenant_id, bill_id, external_id FROM notas")
    finally:
        await connection.close()
    due = {
        (shop.seller.tenant, bill): began + at
        for shop in shops
        for bill, at in zip(await _bills(field, shop), shop.due, strict=True)
    }
    return sorted(
        sent[row["external_id"]] - due[str(row["tenant_id"]), row["bill_id"]] for row in found
    )


def _measures(
    world: World, predicted: Outcome, ages: Sequence[float], sent: Mapping[str, float]
) -> list[Measure]:
    counts = Counter(int(at) for at in sent.values())
    what = f"{world.requests_a_minute} a minute"
    found = []
    for name, share in (("p50", 0.5), ("p99", 0.99), ("most", 1.0)):
        model, real = quantile(predicted.ages, share), quantile(ages, share)
        found.append(_measure(f"{what}: due to sent, {name}, the model", model, "s"))
        slack = max(WITHIN_SECONDS, WITHIN_SHARE * model)
        found.append(
            _measure(
                f"{what}: due to sent, {name}, the run",
                real,
                "s",
                f"{model - slack:.1f} to {model + slack:.1f}",
                passed=abs(real - model) <= slack,
            )
        )
    most = f"{what}: notas in the busiest second"
    found.append(_measure(f"{most}, the model", predicted.busiest_second, ""))
    found.append(_measure(f"{most}, the run", max(counts.values()), ""))
    return found


def _measure(
    what: str, value: float, unit: str, bar: str = "", *, passed: bool | None = None
) -> Measure:
    return Measure(bench="fleet", what=what, value=value, unit=unit, bar=bar, passed=passed)
