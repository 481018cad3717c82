"""Processes that stand still, end and are killed, with an issuer that doubles what is repeated."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from tests.outside.town import Town, a_town

LONG = bool(os.environ.get("NOTAPONTE_OUTSIDE"))


@pytest.mark.timeout(600)
@pytest.mark.skipif(not LONG, reason="minutes: NOTAPONTE_OUTSIDE=1")
async def test_two_emitters_of_which_one_stands_still_send_nothing_twice(
    database: str, redis_url: str, tmp_path: Path
) -> None:
    async with a_town(
        database=database,
        redis=redis_url,
        folder=tmp_path,
        emitters=2,
        ISSUER_PARALLEL="2",
        ISSUER_REQUESTS_PER_SECOND="6",
    ) as town:
        shop = await town.open_shop()
        shop.company.readings.repeated = "second"
        for _ in range(120):
            shop.sold()
        await shop.tell()
        for _ in range(3):
            for name in ("emitter", "emitter2"):
                await _stands_still(town, name, 12)
        await shop.settled(within=300)
        assert {nota.posts for nota in shop.company.notas} == {1}
        await shop.balanced()


@pytest.mark.timeout(300)
@pytest.mark.skipif(not LONG, reason="minutes: NOTAPONTE_OUTSIDE=1")
async def test_an_emitter_that_is_ended_leaves_nothing_waiting(
    database: str, redis_url: str, tmp_path: Path
) -> None:
    async with a_town(
        database=database, redis=redis_url, folder=tmp_path, ISSUER_REQUESTS_PER_SECOND="20"
    ) as town:
        shop = await town.open_shop()
        shop.company.readings.repeated = "second"
        for _ in range(120):
            shop.sold()
        await shop.tell()
        await asyncio.sleep(2)
        emitter = town.product.processes["emitter"]
        await emitter.end()
        await emitter.start()
        await shop.settled(within=25)


async def _stands_still(town: Town, name: str, seconds: float) -> None:
    process = town.product.processes[name]
    process.send(signal.SIGSTOP)
    await asyncio.sleep(seconds)
    process.send(signal.SIGCONT)
    await asyncio.sleep(2)
