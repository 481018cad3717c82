"""Limits, fairness, and processes that stand still, end and are killed.

With an issuer that makes a second nota of whatever is asked twice. Minutes each, and so on demand:
`NOTAPONTE_OUTSIDE=1`.
"""

import asyncio
import signal
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from tests.outside.town import Town, a_town

Play = Callable[[Town], Coroutine[Any, Any, None]]


async def ended_and_started_again(town: Town) -> None:
    """What has not left is withdrawn, and leaves within seconds by the next process."""
    shop = await town.open_shop()
    shop.company.readings.repeated = "second"
    for _ in range(60):
        shop.sold()
    await shop.tell()
    await asyncio.sleep(1.5)
    emitter = town.product.processes["emitter"]
    await emitter.end()
    left = len(shop.company.notas)
    await emitter.start()
    await shop.settled(within=40)
    assert left < 60, "everything had left before it ended: nothing was tried"
    assert {nota.posts for nota in shop.company.notas} == {1}


async def standing_still(town: Town) -> None:
    """One of two emitters stands still longer than its lease, then goes on."""
    shop = await town.open_shop()
    shop.company.readings.repeated = "second"
    for _ in range(160):
        shop.sold()
    await shop.tell()
    for _ in range(2):
        for name in ("emitter", "emitter2"):
            process = town.product.processes[name]
            process.send(signal.SIGSTOP)
            await asyncio.sleep(14)
            process.send(signal.SIGCONT)
            await asyncio.sleep(1)
    await shop.settled(within=200)
    assert {nota.posts for nota in shop.company.notas} == {1}
    await shop.balanced()


async def killed_again_and_again(town: Town) -> None:
    shop = await town.open_shop()
    shop.company.readings.repeated = "second"
    for _ in range(120):
        shop.sold()
    await shop.tell()
    for _ in range(4):
        for name in ("emitter", "reconciler", "webhook"):
            await asyncio.sleep(1.5)
            process = town.product.processes[name]
            await process.end(signal.SIGKILL)
            await process.start()
    await town.product.ready()
    await shop.settled(within=200)
    assert {nota.posts for nota in shop.company.notas} == {1}
    await shop.balanced()


async def beside_busy_ones(town: Town) -> None:
    """Three tenants with much to do do not keep a fourth's single sale waiting."""
    busy = [await town.open_shop(seed=seed) for seed in (1, 2, 3)]
    quiet = await town.open_shop(seed=4)
    for shop in busy:
        for _ in range(150):
            shop.sold()
        await shop.tell()
    await asyncio.sleep(1)
    waited = []
    for _ in range(3):
        bill = quiet.sold()
        before = time.monotonic()
        await quiet.tell()
        await quiet.tenant.issued(bill["id"])
        waited.append(time.monotonic() - before)
        assert any(len(shop.company.notas) < 150 for shop in busy) or waited[:-1], waited
    assert min(waited) < 6, waited
    for shop in busy:
        await shop.settled(within=200)


async def with_vindis_own_limit(town: Town) -> None:
    """120 requests a minute, alternatives not listened to: what was read is used."""
    shop = await town.open_shop()
    shop.account.readings.or_ids = "ignored"
    shop.account.readings.limit = 120
    for _ in range(80):
        shop.sold(customer=shop.account.add_customer())
    await shop.tell()
    done = []
    for _ in range(4):
        await asyncio.sleep(45)
        done.append(len(shop.company.notas))
    assert done[0] > 0, done
    assert done[3] == 80, done
    await shop.settled(within=60)


async def limited_without_a_word(town: Town) -> None:
    """No header says how many: only 429 tells, and how long it asks to wait is not always said."""
    shop = await town.open_shop()
    shop.account.readings.limit = 60
    shop.account.readings.rate_headers = False
    for _ in range(120):
        shop.sold(customer=shop.account.add_customer())
    await shop.tell()
    await shop.settled(within=200)
    refused = town.vindi.refused
    assert refused < 40, f"{refused} requests were answered 429"


PLAYS: tuple[tuple[Play, dict[str, str]], ...] = (
    (ended_and_started_again, {"ISSUER_REQUESTS_PER_SECOND": "10"}),
    (standing_still, {"ISSUER_PARALLEL": "2", "ISSUER_REQUESTS_PER_SECOND": "5"}),
    (killed_again_and_again, {"ISSUER_REQUESTS_PER_SECOND": "5"}),
    (beside_busy_ones, {"ISSUER_REQUESTS_PER_SECOND": "5"}),
    (with_vindis_own_limit, {}),
    (limited_without_a_word, {}),
)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("play", "settings"), PLAYS, ids=lambda one: getattr(one, "__name__", ""))
async def test_a_town_under_load(
    play: Play, settings: dict[str, str], database: str, redis_url: str, tmp_path: Path
) -> None:
    emitters = 2 if play is standing_still else 1
    async with a_town(
        database=database, redis=redis_url, folder=tmp_path, emitters=emitters, **settings
    ) as town:
        await play(town)
