"""Random worlds: each draws its own reading of whatever the papers leave open.

`NOTAPONTE_OUTSIDE=20` tries so many seeds, `NOTAPONTE_OUTSIDE_STEPS=300` so many moves in each,
`NOTAPONTE_SEED=7` begins with that one; a failure prints what was done, and the timelines of what
is wrong. Who meddles beside it (`besides`: the issuer's panel, people, rules, a past that is
imported) is drawn apart, by chance of its own.
"""

import os
from pathlib import Path

import pytest

from tests.outside import past
from tests.outside.deeds import DEEDS
from tests.outside.drawn import drawn
from tests.outside.town import a_town

FIRST = int(os.environ.get("NOTAPONTE_SEED", "1"))
SEEDS = range(FIRST, FIRST + int(os.environ.get("NOTAPONTE_OUTSIDE", "1")))
STEPS = int(os.environ.get("NOTAPONTE_OUTSIDE_STEPS", "120"))


@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", SEEDS)
async def test_whatever_the_papers_leave_open_each_sale_has_one_nota_or_a_reason(
    seed: int, database: str, redis_url: str, tmp_path: Path
) -> None:
    async with a_town(database=database, redis=redis_url, folder=tmp_path, emitters=2) as town:
        run = await drawn(town, seed)
        try:
            await run.go_on(STEPS, DEEDS, kills=True)
            await run.calm()
            for shop in town.shops:
                await shop.settled(within=240)
                await shop.shown()
                await past.nothing_is_new(shop)
                await shop.settled(within=60)
                assert not shop.judge.repeated(), shop.judge.repeated()
            for shop in town.shops:
                if town.has_to_balance(shop):
                    await shop.balanced()
        except AssertionError as wrong:
            stories = [each for shop in town.shops for each in await shop.stories(str(wrong))]
            raise AssertionError("\n".join([*run.told, str(wrong), *stories])) from None
