"""An emitter's alerts fire under their trouble, and end with what its runbook says."""

import asyncio
import re
import shutil
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from services.emitter import batch
from services.emitter.app import LATENESS
from services.emitter.lateness import Lateness
from services.emitter.planning.decided import decided as decided_well
from shared.config.settings import DatabaseSettings
from shared.db.connection import BUSY, MOST, Pool, open_pool
from shared.run.loops import beside
from shared.telemetry.sampled import sample_for_ever
from tests.ops.caused import ROOT, Trouble
from tests.services.emitter.conftest import Desk

MISSING = "no promtool: put one on the path (Debian: apt-get install prometheus)"
SIZE = 3
HOLDING = "BEGIN; UPDATE tills SET cents = cents + 1"


@pytest.fixture(scope="module")
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip(MISSING)
    return found


async def test_a_release_that_fails_on_sales_is_told_and_they_go_on_after_it(
    desk: Desk, promtool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trouble = Trouble()
    good = decided_well

    def bad(*_: Any) -> None:
        raise KeyError("a bad release")

    monkeypatch.setattr(batch, "decided", bad)
    bills = [await desk.sold() for _ in range(6)]
    await desk.work()

    assert not trouble.fires(promtool, tmp_path, ["NotaponteSalesFail"], minutes=30)
    sales = [await desk.sale(bill) for bill in bills]
    assert {(sale.status, sale.code) for sale in sales} == {("held", "decision_failed")}

    monkeypatch.setattr(batch, "decided", good)  # rolled back
    await desk.later()
    await desk.work()
    assert len(desk.company.notas) == len(bills)


def who_waits_for_whom() -> str:
    """The statement as it stands in the runbook."""
    text = (ROOT / "docs/runbooks/at-night.md").read_text("utf-8")
    section = text.partition("## Who waits for whom at the database\n")[2]
    (statement, *_) = re.findall(r"```sql\n(.+?);\n```", section, re.DOTALL)
    return str(statement)


async def pays_in(pool: Pool) -> None:
    """What a service does meanwhile, again and again: its lock time-out ends each try."""
    while True:
        with suppress(asyncpg.LockNotAvailableError):
            await pool.execute("UPDATE tills SET cents = cents + 100")
            return


async def test_a_pool_that_waits_for_a_lock_is_told_and_free_once_its_holder_is_ended(
    database_settings: DatabaseSettings, promtool: str, tmp_path: Path
) -> None:
    settings = DatabaseSettings(url=database_settings.url, pool_size=SIZE, pooler="none")
    url = settings.url.reveal()
    somebodys, typed = await asyncpg.connect(url), await asyncpg.connect(url)
    async with open_pool(settings, application="emitter") as pool:
        await typed.execute("CREATE TABLE tills (cents int); INSERT INTO tills VALUES (0)")
        trouble = Trouble()
        await somebodys.execute(HOLDING)
        waiting = [asyncio.create_task(pays_in(pool)) for _ in range(SIZE)]
        async with asyncio.timeout(30):
            while (BUSY._value.get(), MOST._value.get()) != (SIZE, SIZE):
                await asyncio.sleep(0.1)

        assert not trouble.fires(promtool, tmp_path, ["NotapontePoolExhausted"], minutes=30)

        rows = await typed.fetch(who_waits_for_whom())
        waited_for = {pid for row in rows for pid in row["waits_for"]}
        (holder,) = [row for row in rows if row["pid"] in waited_for and not row["waits_for"]]
        assert holder["application_name"] not in ("webhook", "emitter", "reconciler", "panel")
        await typed.execute("SELECT pg_terminate_backend($1)", holder["pid"])

        async with asyncio.timeout(30):
            await asyncio.gather(*waiting)
            while BUSY._value.get():
                await asyncio.sleep(0.1)
        assert await typed.fetchval("SELECT cents FROM tills") == SIZE * 100
    await typed.close()


async def test_an_emitter_that_has_too_little_of_a_core_is_told(
    promtool: str, tmp_path: Path
) -> None:
    LATENESS.set(0)
    trouble, lateness = Trouble(), Lateness()
    gauges = {LATENESS: lambda: lateness.seconds}
    watched = partial(lateness.watch_for_ever, works=lambda: True)
    async with beside(watched=watched, gauges=partial(sample_for_ever, gauges)):
        for _ in range(4):
            await asyncio.sleep(0.2)
            time.sleep(1.5)
        await asyncio.sleep(0)
        late = lateness.seconds
        LATENESS.set(late)

        assert late > 1
        assert not trouble.fires(promtool, tmp_path, ["NotaponteEmitterLate"], minutes=30)
