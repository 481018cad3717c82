"""Processes are stopped, killed and ended, servers restarted, keys changed, while people work.

At random moments, two emitters, and an issuer that makes a second nota of whatever is asked twice.
`NOTAPONTE_MOMENTS=20` tries so many seeds, `NOTAPONTE_MOMENTS_SECONDS=30` each for so long,
`NOTAPONTE_SEED=7` begins with that one; a failure prints what was done.
"""

import os
import tempfile
from pathlib import Path

import pytest

from tests.journey.moments import moments, own_database

FIRST = int(os.environ.get("NOTAPONTE_SEED", "1"))
SEEDS = range(FIRST, FIRST + int(os.environ.get("NOTAPONTE_MOMENTS", "1")))
SECONDS = float(os.environ.get("NOTAPONTE_MOMENTS_SECONDS", "4"))
PATIENCE = 150.0  # seconds, for what was in doubt to be asked about on a busy machine


@pytest.mark.timeout(480)
@pytest.mark.parametrize("seed", SEEDS)
async def test_whatever_ends_at_whatever_moment_each_sale_has_one_nota_or_a_reason(
    seed: int, redis_url: str, tmp_path: Path
) -> None:
    with tempfile.TemporaryDirectory(prefix="notaponte-", ignore_cleanup_errors=True) as home:
        async with (
            own_database(Path(home)) as database,
            moments(seed, database=database, redis=redis_url, folder=tmp_path) as run,
        ):
            await run.go_on(SECONDS)
            await run.calm()
            wrong = await run.wrong(PATIENCE)
            assert not wrong, "\n".join([*run.told, *wrong])
            assert run.system.sandbox.enotas.invariants.report()["ok"]
