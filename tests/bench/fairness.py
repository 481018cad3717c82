"""One sale each of tenants with nothing else to do, while fifty others have a day's work due."""

import asyncio
import statistics
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import asyncpg

from tests.bench.emitter import sell
from tests.bench.measure import Measure
from tests.bench.stand_in import Field, Seller, a_field

BUSY: Final = 50
SALES: Final = 400  # of each busy tenant: over a minute's work at its issuer's pace
CALM: Final = 10
EMITTERS: Final = (1, 2)
MOST_SECONDS: Final = 2.0
MOST_SECONDS_OF_ONE_KEY: Final = 3.0  # a turn after each of the four that are under way
STUCK: Final = 60.0


async def run(folder: Path) -> list[Measure]:
    """With one emitter and with two, each tenant with a key of its own, then all with one."""
    found = []
    for number in EMITTERS:
        found += await fairness(folder / str(number), emitters=number, busy=BUSY, calm=CALM)
        found += await one_key(folder / f"key-{number}", emitters=number)
    return found


async def one_key(
    folder: Path, *, emitters: int, calm: int = CALM, sales: int = SALES
) -> list[Measure]:
    """One tenant with over a minute's work at its key's pace, which others have too."""
    folder.mkdir(parents=True, exist_ok=True)
    names = ("webhook", "emitter", "reconciler")
    async with a_field(
        folder, names=names, ISSUER_REQUESTS_PER_SECOND="5", ISSUER_PARALLEL="4"
    ) as field:
        for _ in range(emitters - 1):
            await field.another("emitter")
        busy = await field.seller()
        quiet = [await field.seller(issuer_key=busy.issuer_key) for _ in range(calm)]
        await field.services["reconciler"].stop()
        await sell(field, busy, sales)
        for seller in quiet:
            await sell(field, seller, 1)
        await _mark_due(field, [busy])
        await asyncio.sleep(5)
        posted = [(await _one_sale(field, seller))[1] for seller in quiet]
    what = f"one key, {emitters} emitter{'s' if emitters > 1 else ''}: event to the issuer's POST, "
    return [
        _measure(f"{what}median", statistics.median(posted)),
        _measure(f"{what}longest", max(posted), most=MOST_SECONDS_OF_ONE_KEY),
    ]


async def fairness(
    folder: Path, *, emitters: int, busy: int, calm: int, sales: int = SALES
) -> list[Measure]:
    """Every issuer key takes what the settings give by themselves: 5 a second, 4 at once."""
    folder.mkdir(parents=True, exist_ok=True)
    names = ("webhook", "emitter", "reconciler")
    async with a_field(
        folder, names=names, ISSUER_REQUESTS_PER_SECOND="5", ISSUER_PARALLEL="4"
    ) as field:
        for _ in range(emitters - 1):
            await field.another("emitter")
        crowd = [await field.seller() for _ in range(busy)]
        quiet = [await field.seller() for _ in range(calm)]
        await field.services["reconciler"].stop()  # it would find these sales by itself
        for seller in crowd:
            await sell(field, seller, sales)
        for seller in quiet:
            await sell(field, seller, 1)
        await _mark_due(field, crowd)
        await asyncio.sleep(5)
        waits = [await _one_sale(field, seller) for seller in quiet]
    asked, posted = ([pair[n] for pair in waits] for n in (0, 1))
    what = f"{busy} busy tenants, {emitters} emitter{'s' if emitters > 1 else ''}: "
    return [
        _measure(f"{what}event to first request, median", statistics.median(asked)),
        _measure(f"{what}event to first request, longest", max(asked), most=MOST_SECONDS),
        _measure(f"{what}event to the issuer's POST, median", statistics.median(posted)),
        _measure(f"{what}event to the issuer's POST, longest", max(posted)),
    ]


def _measure(what: str, value: float, *, most: float | None = None) -> Measure:
    bar = "" if most is None else f"<= {most:.0f}"
    passed = None if most is None else value <= most
    return Measure(bench="fairness", what=what, value=value, unit="s", bar=bar, passed=passed)


async def _mark_due(field: Field, sellers: list[Seller]) -> None:
    """Make everything these tenants sold due, in one commit."""
    connection = await asyncpg.connect(field.database)
    try:
        async with connection.transaction():
            for seller in sellers:
                first, last = await _span(field, seller)
                await connection.execute(
                    "INSERT INTO outbox (tenant_id, bill_id, due_at, origin, bill_facts)"
                    " SELECT $1, id, now(), 'webhook', 1 FROM generate_series($2::int, $3::int) id",
                    seller.tenant,
                    first,
                    last,
                )
    finally:
        await connection.close()


async def _span(field: Field, seller: Seller) -> tuple[int, int]:
    counts = await field.stand_in.control("GET", f"/vindi/accounts/{seller.account}/span/bills")
    return counts["first"], counts["last"]


async def _one_sale(field: Field, seller: Seller) -> tuple[float, float]:
    """Tell of a tenant's one sale; seconds until Vindi was first asked, and until its POST."""
    before = len(await _journal(field, seller))
    bill, _ = await _span(field, seller)
    data = {"bill": {"id": bill, "status": "paid"}}
    now = datetime.now(UTC).isoformat()
    event = {"event": {"type": "bill_paid", "created_at": now, "data": data}}
    async with field.stand_in.http.post(seller.webhook_url, json=event) as answer:
        assert answer.status == 200
    # The sandbox is on this machine: its two clocks are ours.
    told, told_by_clock = time.monotonic(), time.time()
    path = f"/enotas/companies/{seller.company}/sends"
    async with asyncio.timeout(STUCK):
        while not (notas := await field.stand_in.control("GET", path)):
            await asyncio.sleep(0.1)
    asked = (await _journal(field, seller))[before]["real"] - told
    return asked, float(notas[0]["created"]) - told_by_clock


async def _journal(field: Field, seller: Seller) -> list[dict[str, float]]:
    path = f"/vindi/accounts/{seller.account}/journal?last=1000"
    entries: list[dict[str, float]] = await field.stand_in.control("GET", path)
    return entries
