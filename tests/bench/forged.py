"""Made-up events beside real sales: how long these wait, from the first second of a flood.

Somebody has a tenant's webhook address. Its account gives Vindi's own 120 requests a minute;
another tenant sells beside it. `make bench ARGS=forged` shows all scenes, and
`python -m tests.bench.forged old 100` one.
"""

import asyncio
import itertools
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import aiohttp
import asyncpg

from tests.bench.emitter import sell, span_of
from tests.bench.measure import Measure, show
from tests.bench.renewal import settle_in
from tests.bench.stand_in import Field, Seller, a_field

LIMIT: Final = 120  # Vindi's own, a minute
FLOOD: Final = 75.0  # seconds: longer than a window of Vindi's
A_SALE_EVERY: Final = 2.5
PATIENCE: Final = 150.0  # for what was sold last
MOST_SECONDS: Final = 15.0
MOST_FOR_ANOTHER: Final = 3.0
OLD_BILLS: Final = 3000
ISSUED: Final = 200
MOST_SECONDS_TO_ISSUE: Final = 120
SENDERS: Final = 32
KINDS: Final[Mapping[str, str]] = {
    "nobody": "of bills that nobody has",
    "another": "of bills of another account",
    "old": "of the account's own bills of last year",
    "refused": "of bills that Vindi answers 422 for",
    "unfiltered": "of bills that nobody has, where lists ignore the ids asked for",
    "issuer": "of the issuer, of notas that were issued",
    "issuer-nobody": "of the issuer, of notas that nobody asked for",
}
SCENES: Final = (
    ("nobody", 10),
    ("nobody", 100),
    ("nobody", 1000),
    ("another", 100),
    ("old", 100),
    ("refused", 100),
    ("unfiltered", 100),
    ("issuer", 100),
    ("issuer-nobody", 100),
)


async def run(folder: Path) -> list[Measure]:
    """Each scene on a system of its own."""
    return [
        one
        for kind, rate in SCENES
        for one in await scene(folder / f"{kind}-{rate}", kind=kind, a_second=rate)
    ]


@dataclass(slots=True, kw_only=True)
class _Sales:
    """When each sale was told, by its bill."""

    told: dict[int, float] = field(default_factory=dict)

    def waits(self, posted: Mapping[int, float]) -> list[float]:
        """Seconds from each event's 200 to the POST of its nota; PATIENCE where there was none."""
        return [posted.get(bill, at + PATIENCE) - at for bill, at in self.told.items()]


async def scene(folder: Path, *, kind: str, a_second: int, seconds: float = FLOOD) -> list[Measure]:
    """One flood over two emitters and the reconciler beside them."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = {"VINDI_REQUESTS_PER_MINUTE": str(LIMIT), "RECONCILE_EVERY": "300"}
    if kind.startswith("issuer"):
        settings |= {"ISSUER_REQUESTS_PER_SECOND": "5", "ISSUER_PARALLEL": "4"}
    async with a_field(folder, names=("webhook", "emitter", "reconciler"), **settings) as there:
        await there.another("emitter")
        victim, calm = await there.seller(), await there.seller()
        made_up, address = await _prepared(there, victim, kind)
        for seller in (victim, calm):
            rate = {"limit": LIMIT}
            await there.stand_in.control("PATCH", f"/vindi/accounts/{seller.account}/rate", rate)
        before = len(await _journal(there, victim))
        real, others = _Sales(), _Sales()
        async with flooded(address, made_up, a_second) as sent, asyncio.TaskGroup() as group:
            group.create_task(_sell_for(there, victim, real, seconds))
            group.create_task(_sell_for(there, calm, others, seconds))
        waits = await _waits(there, victim, real)
        calm_waits = await _waits(there, calm, others)
        asked = (await _journal(there, victim))[before:]
    what = f"{a_second} a second {KINDS[kind]}: "
    refused = sum(1 for entry in asked if entry["status"] == 429)
    return [
        _measure(f"{what}sent", len(sent) / seconds, "/s"),
        _measure(f"{what}real sales, median", sorted(waits)[len(waits) // 2], "s"),
        _measure(f"{what}real sales, longest", max(waits), "s", most=MOST_SECONDS),
        _measure(f"{what}another tenant's, longest", max(calm_waits), "s", most=MOST_FOR_ANOTHER),
        _measure(f"{what}requests to Vindi", len(asked), ""),
        _measure(f"{what}refused by Vindi (429)", refused, "", most=0),
    ]


def _measure(what: str, value: float, unit: str, *, most: float | None = None) -> Measure:
    bar = "" if most is None else f"<= {most:.0f}"
    passed = None if most is None else value <= most
    return Measure(bench="forged", what=what, value=value, unit=unit, bar=bar, passed=passed)


async def _prepared(there: Field, victim: Seller, kind: str) -> tuple[Iterator[Any], str]:
    """The account and the bodies of the events for a kind of flood, and where they are sent."""
    await settle_in(there, victim)
    account = f"/vindi/accounts/{victim.account}"
    control = there.stand_in.control
    if kind == "another":
        stranger = await there.seller()
        await sell(there, stranger, OLD_BILLS)
        first, last = await span_of(there, stranger)
        own = await span_of(there, victim)
        ids = (bill + 5_000_000 if bill in range(own[0], own[1] + 500) else bill
               for bill in itertools.cycle(range(first, last + 1)))  # fmt: skip
        return map(_event, ids), victim.webhook_url
    if kind == "old":
        then = datetime.now(UTC).timestamp() - 300 * 86_400
        sales = {"count": OLD_BILLS, "since": then - 86_400, "until": then, "customers": 10}
        await control("POST", f"{account}/bulk_sales", sales)
        _, last = await span_of(there, victim)
        old = itertools.cycle(range(last - OLD_BILLS + 1, last + 1))
        return map(_event, old), victim.webhook_url
    if kind == "unfiltered":
        await control("PATCH", f"{account}/faults", {"ignored_filters": ["id"]})
    first_id = 900_000_000
    if kind == "refused":
        first_id = 910_000_000
        for where in ({"path_has": "/bills/91"}, {"query_has": "id=91"}):
            await control("POST", f"{account}/storms", {"status": 422, **where})
    if kind.startswith("issuer"):
        return await _of_the_issuer(there, victim, kind)
    return map(_event, itertools.count(first_id)), victim.webhook_url


def _event(bill: int) -> Any:
    data = {"bill": {"id": bill, "status": "paid"}}
    now = datetime.now(UTC).isoformat()
    return {"event": {"type": "bill_paid", "created_at": now, "data": data}}


async def _of_the_issuer(there: Field, victim: Seller, kind: str) -> tuple[Iterator[Any], str]:
    """What eNotas is made to say: of notas there are, or of some of bills that nobody has."""
    bills: Iterable[int] = itertools.count(900_000_000)
    if kind == "issuer":
        await sell(there, victim, ISSUED)
        _, last = await span_of(there, victim)
        mine = range(last - ISSUED + 1, last + 1)
        for bill in mine:
            await _tell(there, victim.webhook_url, _event(bill))
        async with asyncio.timeout(MOST_SECONDS_TO_ISSUE):
            while not set(mine) <= (await _posted(there, victim)).keys():
                await asyncio.sleep(1)
        await _aged(there)
        bills = itertools.cycle(mine)
    path = f"/tenants/{victim.tenant}/issuer/webhook-secret"
    address = (await there.api("POST", path))["webhook_url"]
    said = ({"nfeIdExterno": f"p-{victim.tenant}-{bill}-1", "nfeStatus": "Autorizada"}
            for bill in bills)  # fmt: skip
    return said, address


async def _aged(there: Field) -> None:
    """Let the notas be of yesterday: of those sent just now routine questions wait for sales."""
    connection = await asyncpg.connect(there.database)
    try:
        await connection.execute("UPDATE notas SET sent_at = sent_at - interval '1 day'")
    finally:
        await connection.close()


@asynccontextmanager
async def flooded(address: str, bodies: Iterator[Any], a_second: int) -> AsyncIterator[list[float]]:
    """Send so many events a second for as long as the block runs; when each was taken."""
    taken: list[float] = []
    started = time.monotonic()

    async def send_some(http: aiohttp.ClientSession, first: int) -> None:
        for number in itertools.count(first, SENDERS):
            await asyncio.sleep(max(0.0, started + number / a_second - time.monotonic()))
            async with http.post(address, json=next(bodies)) as answer:
                if answer.status == 200:
                    taken.append(time.time())

    async with aiohttp.ClientSession() as http:
        senders = [asyncio.create_task(send_some(http, first)) for first in range(SENDERS)]
        try:
            yield taken
        finally:
            for sender in senders:
                sender.cancel()
            await asyncio.wait(senders)


async def _sell_for(there: Field, seller: Seller, sales: _Sales, seconds: float) -> None:
    """Sell one now and then, from the first second on, and tell of each at once."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        await asyncio.sleep(random.uniform(0.0, A_SALE_EVERY / 2))
        await sell(there, seller, 1)
        _, bill = await span_of(there, seller)
        await _tell(there, seller.webhook_url, _event(bill))
        sales.told[bill] = time.time()
        await asyncio.sleep(A_SALE_EVERY / 2)


async def _tell(there: Field, address: str, event: Any) -> None:
    async with there.stand_in.http.post(address, json=event) as answer:
        assert answer.status == 200


async def _waits(there: Field, seller: Seller, sales: _Sales) -> list[float]:
    over = time.monotonic() + PATIENCE
    while time.monotonic() < over:
        posted = await _posted(there, seller)
        if sales.told.keys() <= posted.keys():
            break
        await asyncio.sleep(1)
    return sales.waits(posted)


async def _posted(there: Field, seller: Seller) -> dict[int, float]:
    path = f"/enotas/companies/{seller.company}/sends"
    notas = await there.stand_in.control("GET", path)
    return {int(nota["idExterno"].split("-")[2]): nota["created"] for nota in notas}


async def _journal(there: Field, seller: Seller) -> list[dict[str, Any]]:
    path = f"/vindi/accounts/{seller.account}/journal?last=100000"
    entries: list[dict[str, Any]] = await there.stand_in.control("GET", path)
    return entries


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="notaponte-", ignore_cleanup_errors=True) as folder:
        show(asyncio.run(scene(Path(folder), kind=sys.argv[1], a_second=int(sys.argv[2]))))
