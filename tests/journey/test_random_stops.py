"""Reconcilers stand still at random moments, again and again, while people work.

`NOTAPONTE_STOPS=50` stops so often, `NOTAPONTE_STOPPED=10` tries so many seeds, `NOTAPONTE_SEED=7`
begins with that one; a failure prints what was done.
"""

import os
import random
from pathlib import Path

import pytest

from tests.journey.pair import a_pair
from tests.journey.random_stops import Stops

FIRST = int(os.environ.get("NOTAPONTE_SEED", "1"))
SEEDS = range(FIRST, FIRST + int(os.environ.get("NOTAPONTE_STOPPED", "1")))
STOPS = int(os.environ.get("NOTAPONTE_STOPS", "2"))


@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", SEEDS)
async def test_however_often_reconcilers_stand_still_nothing_is_doubled_lost_or_left(
    seed: int,
    database: str,
    redis_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with a_pair(
        database=database, redis=redis_url, folder=tmp_path, monkeypatch=monkeypatch
    ) as pair:
        run = Stops(pair=pair, rng=random.Random(seed))
        await run.go_on(STOPS)
        await run.calm()
        wrong = await run.wrong()

        assert not wrong, "\n".join([*run.told, *wrong])
        assert pair.system.sandbox.enotas.invariants.report()["ok"]
        broken = pair.system.complaints('"level": "error"', "Traceback")
        assert not broken, "\n".join([*run.told, *broken])
