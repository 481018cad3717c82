"""The long campaign: six tenants, bad weather all along, hundreds of faults, one oracle."""

import asyncio
import random
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import aiohttp

from services.sandbox.storms import Weather
from tests.chaos.campaign import HEARD_WITHIN, Campaign, a_campaign, a_company
from tests.chaos.long.faults import Disk, Hand
from tests.chaos.long.plan import FailOver, LongFault, kind_of, lead_of, tell_long
from tests.chaos.long.report import Row, report, row_of
from tests.chaos.long.shops import KINDS, REFUNDED, RULES, Shop, look, newest_issued
from tests.chaos.long.waiting import what_waits

QUIET_BETWEEN: Final = 1.5
RECOVERED_WITHIN: Final = 15.0
# A failover soon after another fault, which an emitter may not have lived through, and a company
# whose list fails at first: that is two at once, and half a minute is waited for (decision 0033).
TWO_AT_ONCE_WITHIN: Final = 60.0
SOON_AFTER: Final = 45.0
LIST_FAILS: Final = 5  # readings of one shop's list after a failover
GIVEN_UP_AFTER: Final = 150.0
SETTLED_WITHIN: Final = 300.0
# A cancelling whose notice was lost is asked about after 1, 2, 5, 10 minutes.
BALANCED_WITHIN: Final = 720.0
NOT_HEARD: Final = 0.3
TOLD_TWICE: Final = 0.2
LATE: Final = 3.0  # seconds by which the second telling, of what was before, comes late
SPOILT: Final = 5.0  # percent of all calls, by one kind or another
BRASILIA: Final = ZoneInfo("America/Sao_Paulo")


@dataclass(slots=True, kw_only=True)
class Crowd:
    """The shops of a campaign, and who tells of their sales."""

    campaign: Campaign
    rng: random.Random
    shops: list[Shop] = field(default_factory=list)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    sold: int = 0
    failovers: int = 0
    other_fault_at: float = float("-inf")  # monotonic

    async def set_up(self) -> None:
        """Six tenants as users would have them."""
        sandbox = self.campaign.sandbox
        sandbox.vindi.dates_by_clock = True
        for number, kind in enumerate(KINDS):
            cnpj = f"{11222333 + number:08}0001{81 - number:02}"
            shop = Shop(
                kind=kind,
                account=sandbox.vindi.create_account(),
                company=a_company(sandbox, cnpj),
            )
            shop.account.rate.limit = None
            shop.stock()
            await self._connect(shop)
            self.shops.append(shop)
        for shop in self.shops:
            spoil(shop.account.weather)
            spoil(shop.company.weather)

    async def _connect(self, shop: Shop) -> None:
        api = self.campaign.api
        made = await api("POST", "/tenants", {"name": f"Loja {shop.kind}", "plan": "pro"})
        shop.tenant = made["id"]
        here = f"/tenants/{shop.tenant}"
        key = shop.account.keys[0].key
        vindi = await api("PUT", f"{here}/vindi", {"api_key": key, "environment": "sandbox"})
        issuer = {
            "kind": "enotas",
            "api_key": shop.company.key,
            "company_id": shop.company.id,
            "environment": "Producao",
        }
        pushed = await api("PUT", f"{here}/issuer", issuer)
        await api("PUT", f"{here}/rule", RULES[shop.kind])
        await api("POST", f"{here}/activate")
        shop.webhook_url = vindi["webhook_url"]
        keys = self.campaign.sandbox.enotas.keys
        keys[shop.company.key].webhook_url = pushed["status_webhook_url"]

    async def sell(self, sales: int, *, a_second: float) -> None:
        """So many sales, one after another."""
        while self.sold < sales:
            shop = self.shops[self.sold % len(self.shops)]
            bill = shop.sell(self.rng)
            self.sold += 1
            self._tell_of(shop, bill)
            if shop.kind == "refunds" and self.rng.random() < REFUNDED:
                self._later(self.rng.uniform(0.5, 20), self._give_back(shop, bill))
            await asyncio.sleep(1 / a_second)

    def _tell_of(self, shop: Shop, bill: int) -> None:
        """Some events are lost for good, some come twice and in the wrong order."""
        if self.rng.random() < NOT_HEARD:
            return
        self._later(0, self._tell(shop, bill, "bill_paid"))
        if self.rng.random() < TOLD_TWICE:
            for event in ("bill_paid", "bill_created"):
                self._later(self.rng.uniform(0, LATE), self._tell(shop, bill, event))

    async def _give_back(self, shop: Shop, bill: int) -> None:
        shop.give_back(bill)
        if self.rng.random() >= NOT_HEARD:
            await self._tell(shop, bill, "charge_refunded")

    def _later(self, seconds: float, work: Any) -> None:
        async def run() -> None:
            await asyncio.sleep(seconds)
            await work

        task = asyncio.create_task(run())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _tell(self, shop: Shop, bill: int, event: str) -> None:
        """Once: what is not answered is lost, and the reconciler's to find."""
        said = {
            "event": {
                "type": event,
                "created_at": datetime.now(UTC).isoformat(),
                "data": {"bill": {"id": bill, "status": "paid"}},
            }
        }
        with suppress(aiohttp.ClientError, TimeoutError):
            url = shop.webhook_url
            async with self.campaign.http.post(url, json=said, timeout=HEARD_WITHIN):
                pass

    async def issued_of_since(self, *, within: float) -> float | None:
        """Wait until the issuer takes a nota of a sale that is made from now on; the seconds."""
        loop = asyncio.get_running_loop()
        began, before = loop.time(), {shop.kind: max(shop.expected) for shop in self.shops}
        while loop.time() - began < within:
            if any(newest_issued(shop) > before[shop.kind] for shop in self.shops):
                return loop.time() - began
            await asyncio.sleep(0.05)
        return None

    def notas(self) -> int:
        return sum(len(shop.company.notas) for shop in self.shops)

    async def resumed(self, *, within: float) -> float | None:
        """Wait until the issuer takes one more nota; the seconds, or None."""
        loop = asyncio.get_running_loop()
        began, before = loop.time(), self.notas()
        while loop.time() - began < within:
            if self.notas() > before + 1:
                return loop.time() - began
            await asyncio.sleep(0.05)
        return None


def spoil(weather: Weather) -> None:
    """Every kind of bad answer, together as often as is meant."""
    kinds: tuple[dict[str, Any], ...] = (
        {"kind": "json", "status": 500},
        {"kind": "html", "status": 502},
        {"kind": "empty", "status": 503},
        {"kind": "json", "status": 429, "retry_after": "1"},
        {"kind": "hang_up"},
        {"kind": "hang_up", "when": "after"},
        {"kind": "json", "status": 500, "when": "after"},
        {"kind": "time_out", "seconds": 4.0},
    )
    for one in kinds:
        weather.add(percent=SPOILT / len(kinds), **one)


async def run_long(
    folder: Path,
    disk: Disk,
    plan: Sequence[LongFault],
    *,
    seed: int,
    sales: int,
    a_second: float,
    faketime: str | None,
) -> bool:
    """Do it all; writes and shows what was found, and says whether every bar was met."""
    clock_file = folder / "clock" if faketime else None
    settings = {"RECONCILE_EVERY": "15", "ISSUER_TIMEOUT": "3"}
    if clock_file is not None:
        clock_file.write_text("+0\n")
        settings |= {
            "LD_PRELOAD": str(faketime),
            "FAKETIME_TIMESTAMP_FILE": str(clock_file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
    async with a_campaign(disk.folder, **settings) as campaign:
        crowd = Crowd(campaign=campaign, rng=random.Random(seed))
        hand = Hand(campaign=campaign, disk=disk, clock_file=clock_file)
        await crowd.set_up()
        campaign.sandbox.clock.advance(lead_of(plan))
        selling = asyncio.create_task(crowd.sell(sales, a_second=a_second))
        await crowd.resumed(within=GIVEN_UP_AFTER)
        rows = [
            row
            for number, fault in enumerate(plan, 1)
            for row in await _one(crowd, hand, fault, number)
        ]
        await selling
        await asyncio.gather(*crowd.tasks)
        return await _end(crowd, rows, seed)


async def _one(crowd: Crowd, hand: Hand, fault: LongFault, number: int) -> list[Row]:
    await asyncio.sleep(QUIET_BETWEEN)
    await hand.do(fault)
    if isinstance(fault, FailOver):
        return await _failed_over(crowd, fault, number)
    recovered = await crowd.resumed(within=GIVEN_UP_AFTER)
    crowd.other_fault_at = time.monotonic()
    return [row_of(number, tell_long(fault), kind_of(fault), RECOVERED_WITHIN, recovered)]


async def _failed_over(crowd: Crowd, fault: FailOver, number: int) -> list[Row]:
    """New sales go on, then those of before; one shop's list cannot be read at first.

    What was on its way arrives still, and says nothing.
    """
    began = time.monotonic()
    shop = crowd.shops[number % len(crowd.shops)]
    shop.company.weather.add(
        status=500, count=LIST_FAILS, method="GET", query_has="sortBy=data_criacao"
    )
    since = asyncio.create_task(crowd.issued_of_since(within=GIVEN_UP_AFTER))
    crowd.failovers += 1
    times = []
    for failing in (1, 0):
        await _lists_read(crowd, but=failing)
        resumed = await crowd.resumed(within=GIVEN_UP_AFTER)
        times.append(None if resumed is None else time.monotonic() - began)
    alone = began - crowd.other_fault_at > SOON_AFTER
    bar = RECOVERED_WITHIN if alone else TWO_AT_ONCE_WITHIN
    which = "" if alone else " soon after another fault"
    told, kind = f"{tell_long(fault)}{which}", f"{kind_of(fault)}{which}"
    rows = (
        ("new sales", RECOVERED_WITHIN, await since),
        ("sales of before", bar, times[0]),
        ("those whose list fails", TWO_AT_ONCE_WITHIN, times[1]),
    )
    return [row_of(number, f"{told}, {of}", f"{kind}, {of}", most, took) for of, most, took in rows]


async def _lists_read(crowd: Crowd, *, but: int) -> None:
    """Wait until the last failover was noticed, and every company but so many may issue again."""
    deadline = time.monotonic() + GIVEN_UP_AFTER
    while time.monotonic() < deadline:
        restores = (await crowd.campaign.api("GET", "/restores"))["items"]
        read = all(one["companies_read"] >= one["companies"] - but for one in restores)
        if len(restores) >= crowd.failovers and read:
            return
        await asyncio.sleep(0.25)


async def _end(crowd: Crowd, rows: Sequence[Row], seed: int) -> bool:
    for shop in crowd.shops:
        shop.account.weather.clear()
        shop.company.weather.clear()
    deadline = time.monotonic() + SETTLED_WITHIN
    while time.monotonic() < deadline and _open(crowd):
        await asyncio.sleep(1)
    shops = [await _shop(crowd, shop) for shop in crowd.shops]
    restores = (await crowd.campaign.api("GET", "/restores"))["items"]
    violations = dict(crowd.campaign.sandbox.enotas.invariants.report()["counts"])
    return report(rows, shops, restores, violations, seed)


async def _shop(crowd: Crowd, shop: Shop) -> dict[str, Any]:
    """How a shop ended; what waits in it still is read where a month does not balance."""
    found, closings = look(shop), await _closings(crowd, shop)
    said = {
        "shop": shop.kind,
        "tenant": shop.tenant,
        "sales": len(shop.expected),
        "notas_due": sum(shop.expected.values()),
        "lost": list(found.lost),
        "doubled": list(found.doubled),
        "closings": closings,
    }
    wrong = {*found.lost, *found.doubled}
    if wrong or not all(closing["balanced"] for closing in closings):
        journal = crowd.campaign.sandbox.enotas.journal
        said["waits"] = await what_waits(crowd.campaign.home, shop, journal, sorted(wrong))
    return said


def _open(crowd: Crowd) -> bool:
    found = [look(shop) for shop in crowd.shops]
    return any(one.lost or one.doubled for one in found)


async def _closings(crowd: Crowd, shop: Shop) -> list[dict[str, Any]]:
    """The closing of every month that sales were made in."""
    bills = shop.account.bills.rows.values()
    months = {
        f"{datetime.fromtimestamp(bill.created_ms / 1000, UTC).astimezone(BRASILIA):%Y-%m}"
        for bill in bills
    }
    deadline = time.monotonic() + BALANCED_WITHIN
    closings = []
    for month in sorted(months):
        while True:
            path = f"/tenants/{shop.tenant}/closing?month={month}"
            closing: dict[str, Any] = await crowd.campaign.api("GET", path)
            if closing["balanced"] or time.monotonic() > deadline:
                break
            await asyncio.sleep(2)
        closings.append(closing)
    return closings
