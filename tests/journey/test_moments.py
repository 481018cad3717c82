"""At random moments a process is stopped, killed or ended, a server restarted, a key changed, while people work.

`NOTAPONTE_MOMENTS=20` tries so many seeds, `NOTAPONTE_MOMENTS_SECONDS=30` each for so long; the
issuer makes a second nota of whatever is asked twice.
"""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from tests.journey.moments import moments, own_database

FIRST = int(os.environ.get("NOTAPONTE_SEED", "1"))
SEEDS = range(FIRST, FIRST + int(os.environ.get("NOTAPONTE_MOMENTS", "1")))
SECONDS = float(os.environ.get("NOTAPONTE_MOMENTS_SECONDS", "8"))
PATIENCE = float(os.environ.get("NOTAPONTE_MOMENTS_PATIENCE", "90"))


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
            if wrong:
                shutil.copytree(tmp_path, f"/tmp/h6_logs_{seed}", dirs_exist_ok=True)
            assert not wrong, "\n".join([*run.told, *wrong])
            assert run.system.sandbox.enotas.invariants.report()["ok"]
