"""A renewal that trickles in: 50 sales a second are told for a minute, on one account of Vindi.

At Vindi's own limit and at ten times that; what counts is how few requests it takes, how soon it is
over, and what was left to the account's other systems.
"""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tests.bench.emitter import sell
from tests.bench.measure import Measure
from tests.bench.renewal import settle_in
from tests.bench.stand_in import Field, Seller, a_field

SALES: Final = 3000
A_SECOND: Final = 50
LIMITS: Final = (120, 1200)
LEAVE_PERCENT: Final = 20
A_PAGE: Final = 50  # records of a list; a sale takes a bill and a customer
WINDOW: Final = 60.0
MOST_SECONDS: Final = 300  # then something is stuck
MOST_REQUESTS_A_NOTA: Final = 0.06
MOST_TIMES_THE_FLOOR: Final = 1.2


async def run(folder: Path) -> list[Measure]:
    """Tell the sales one by one, at each limit of the account."""
    return [
        one
        for limit in LIMITS
        for one in await trickle(folder / str(limit), limit=limit, sales=SALES)
    ]


async def trickle(folder: Path, *, limit: int, sales: int) -> list[Measure]:
    """One account with this limit, two emitters, and the reconciler beside them."""
    folder.mkdir(parents=True, exist_ok=True)
    async with (
        asyncio.timeout(MOST_SECONDS),
        a_field(
            folder,
            names=("webhook", "emitter", "reconciler"),
            VINDI_REQUESTS_PER_MINUTE=str(limit),
            VINDI_LEAVE_PERCENT=str(LEAVE_PERCENT),
            RECONCILE_EVERY="300",
        ) as field,
    ):
        await field.another("emitter")
        seller = await field.seller()
        await settle_in(field, seller)
        while await _sent(field, seller) < 1:
            await asyncio.sleep(0.2)
        rate = {"limit": limit}
        await field.stand_in.control("PATCH", f"/vindi/accounts/{seller.account}/rate", rate)
        before = len(await _journal(field, seller))
        told_for = await _sell_and_tell(field, seller, sales)
        while await _sent(field, seller) < sales + 1:
            await asyncio.sleep(0.2)
        path = f"/enotas/companies/{seller.company}/sends"
        notas = (await field.stand_in.control("GET", path))[1:]
        asked = (await _journal(field, seller))[before:]
    return _measures(limit, told_for, [nota["created"] for nota in notas], asked)


def _measures(
    limit: int, told_for: float, sent: Sequence[float], asked: Sequence[dict[str, Any]]
) -> list[Measure]:
    sales = len(sent)
    seconds = max(sent) - min(sent)
    least = 2 * sales / A_PAGE
    floor = max(told_for, least / (limit * (100 - LEAVE_PERCENT) / 100) * WINDOW)
    share, times = len(asked) / sales, seconds / floor
    left = (1 - _most_in_a_window([entry["real"] for entry in asked]) / limit) * 100
    refused = sum(1 for entry in asked if entry["status"] == 429)
    return [
        _measure(limit, "requests", len(asked), ""),
        _measure(
            limit,
            "requests a nota",
            share,
            "",
            f"<= {MOST_REQUESTS_A_NOTA}",
            passed=share <= MOST_REQUESTS_A_NOTA,
        ),
        _measure(limit, "told within", told_for, "s"),
        _measure(limit, "floor: told, and read by full pages", floor, "s"),
        _measure(limit, "last nota after the first", seconds, "s"),
        _measure(
            limit,
            "times the floor",
            times,
            "",
            f"<= {MOST_TIMES_THE_FLOOR}",
            passed=times <= MOST_TIMES_THE_FLOOR,
        ),
        _measure(
            limit,
            "of the busiest minute left to others",
            left,
            "%",
            f">= {LEAVE_PERCENT}",
            passed=left >= LEAVE_PERCENT,
        ),
        _measure(limit, "refused by Vindi (429)", refused, "", "0", passed=refused == 0),
    ]


def _most_in_a_window(times: Sequence[float]) -> int:
    ordered, most, first = sorted(times), 0, 0
    for last, at in enumerate(ordered):
        while at - ordered[first] >= WINDOW:
            first += 1
        most = max(most, last - first + 1)
    return most


def _measure(
    limit: int, what: str, value: float, unit: str, bar: str = "", *, passed: bool | None = None
) -> Measure:
    what = f"{limit} a minute: {what}"
    return Measure(bench="trickle", what=what, value=value, unit=unit, bar=bar, passed=passed)


async def _sell_and_tell(field: Field, seller: Seller, sales: int) -> float:
    """Sell so many a second, and tell of each when its moment in that second comes.

    The seconds it took: a minute for 3,000, and more on a machine that cannot keep up.
    """
    started = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for told in range(0, sales, A_SECOND):
            await _until(started + told / A_SECOND)
            await sell(field, seller, A_SECOND)
            last = (await _span(field, seller))["last"]
            for number, bill in enumerate(range(last - A_SECOND + 1, last + 1), start=told):
                group.create_task(_tell(field, seller, bill, started + number / A_SECOND))
    return time.monotonic() - started


async def _tell(field: Field, seller: Seller, bill: int, at: float) -> None:
    await _until(at)
    data = {"bill": {"id": bill, "status": "paid"}}
    now = datetime.now(UTC).isoformat()
    event = {"event": {"type": "bill_paid", "created_at": now, "data": data}}
    async with field.stand_in.http.post(seller.webhook_url, json=event) as answer:
        assert answer.status == 200


async def _until(at: float) -> None:
    await asyncio.sleep(max(0.0, at - time.monotonic()))


async def _span(field: Field, seller: Seller) -> dict[str, int]:
    path = f"/vindi/accounts/{seller.account}/span/bills"
    span: dict[str, int] = await field.stand_in.control("GET", path)
    return span


async def _sent(field: Field, seller: Seller) -> int:
    path = f"/enotas/companies/{seller.company}/sends/count"
    return int((await field.stand_in.control("GET", path))["count"])


async def _journal(field: Field, seller: Seller) -> list[dict[str, Any]]:
    path = f"/vindi/accounts/{seller.account}/journal?last=100000"
    entries: list[dict[str, Any]] = await field.stand_in.control("GET", path)
    return entries
