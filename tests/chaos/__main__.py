"""`python -m tests.chaos [SEED] [--long]`: the fault campaign against a whole running system.

While sales keep coming, servers and services are killed, stopped for a while and started again,
answers of the issuer are lost, the tenant goes live from tests and changes its company, in an
order that the seed decides. The issuer makes a second nota of every repeated request. In the end
every event that was answered 200 has one valid nota, wherever it is, and the closing balances.
Writes build/chaos.json and build/chaos-logs/; exits 1 when a bar was missed.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from tests.chaos import books, report
from tests.chaos.campaign import Campaign, a_campaign
from tests.chaos.faults import do
from tests.chaos.long.faults import a_disk
from tests.chaos.long.plan import kind_of, make_long_plan
from tests.chaos.long.run import run_long
from tests.chaos.plan import LONGEST, SHORTEST, USUAL_LONGEST, Fault, make_plan, tell, tell_all
from tests.chaos.report import Done, End, Row
from tests.chaos.upgrade import BEFORE_THIS_STEP, run_upgrade

QUIET_BETWEEN: Final = 2.0
GIVEN_UP_AFTER: Final = 30.0  # seconds without a nota; the bar is lower
USUAL_TIME: Final = 220.0  # seconds for the faults; the rest is for what follows


async def run(folder: Path, plan: Sequence[Fault], *, time_for_all: float) -> tuple[list[Row], End]:
    """Do every fault once; what happened at each, and what became of all events."""
    async with a_campaign(folder) as campaign:
        await campaign.set_up()
        began = time.time()
        selling = asyncio.create_task(campaign.sell_for_ever())
        await campaign.resumed(began - 1, within=GIVEN_UP_AFTER)
        done = [await _one(campaign, fault) for fault in plan if time.time() - began < time_for_all]
        selling.cancel()
        with suppress(asyncio.CancelledError):
            await selling
        return await _in_the_end(campaign, began, done, left_out=len(plan) - len(done))


async def _one(campaign: Campaign, fault: Fault) -> Done:
    await asyncio.sleep(QUIET_BETWEEN)
    began = time.time()
    await do(campaign, fault)
    over = time.time()
    resumed = await campaign.resumed(over, within=GIVEN_UP_AFTER)
    return Done(fault=tell(fault), began=began, over=over, resumed=resumed)


async def _in_the_end(
    campaign: Campaign, began: float, done: Sequence[Done], *, left_out: int
) -> tuple[list[Row], End]:
    """What was never answered is told again; it is other sales than those that can be lost."""
    await asyncio.gather(*campaign.telling)
    told, again = dict(campaign.told), len(campaign.unheard)
    await books.settled(campaign)
    await campaign.tell_unheard()
    counted = await books.settled(campaign)
    rows = report.rows_of(done, told, counted)
    closings = await books.closings(campaign, began)
    differences = [
        one
        for closing in closings
        if not closing["balanced"]
        for one in await books.differences(campaign, closing["month"])
    ]
    return rows, End(
        told=len(campaign.told),
        told_again=again,
        lost=len(counted.lost(campaign.told)),
        doubled=len(counted.doubled),
        closings=closings,
        differences=differences,
        problems=books.three_ways(closings, counted),
        slowest=await books.slowest(campaign, counted),
        violations=dict(campaign.sandbox.enotas.invariants.report()["counts"]),
        left_out=left_out,
    )


def main(arguments: Sequence[str]) -> int:
    """Run the campaign, show and write what it found."""
    asked = _read(arguments)
    if asked.upgrade:
        with tempfile.TemporaryDirectory(prefix="np-", ignore_cleanup_errors=True) as folder:
            return int(not asyncio.run(run_upgrade(Path(folder), asked.upgrade)))
    if asked.long:
        return _long(asked)
    plan = make_plan(asked.seed, longest=asked.longest)
    sys.stdout.write(f"Seed {asked.seed}:\n{tell_all(plan)}\n")
    sys.stdout.flush()
    time_for_all = USUAL_TIME * max(1.0, asked.longest / USUAL_LONGEST)
    with tempfile.TemporaryDirectory(prefix="np-", ignore_cleanup_errors=True) as folder:
        rows, end = asyncio.run(run(Path(folder), plan, time_for_all=time_for_all))
    report.show(rows, end)
    report.write(asked.seed, rows, end)
    return int(not (end.ok and all(row.ok for row in rows)))


def _long(asked: argparse.Namespace) -> int:
    plan = [
        fault
        for fault in make_long_plan(asked.seed, kills=asked.kills)
        if asked.only in (None, kind_of(fault))
    ]
    sys.stdout.write(f"Seed {asked.seed}: {len(plan)} faults, {asked.sales} sales\n")
    with tempfile.TemporaryDirectory(prefix="np-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)
        with a_disk(folder / "disk") as disk:
            done = run_long(
                folder,
                disk,
                plan,
                seed=asked.seed,
                sales=asked.sales,
                a_second=asked.a_second,
                faketime=asked.faketime,
            )
            return int(not asyncio.run(done))


def _read(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description="Fault campaign.")
    any_seed = random.SystemRandom().randrange(10_000)
    parser.add_argument(
        "seed", nargs="?", type=int, default=any_seed, help="same seed, same faults"
    )
    parser.add_argument("--longest", type=_seconds, default=USUAL_LONGEST, help="pause, in seconds")
    parser.add_argument("--long", action="store_true", help="six tenants, hundreds of faults")
    parser.add_argument(
        "--upgrade", nargs="?", const=BEFORE_THIS_STEP, help="from that commit, under load"
    )
    parser.add_argument("--sales", type=int, default=20_000, help="with --long")
    parser.add_argument("--kills", type=int, default=200, help="with --long; others in proportion")
    parser.add_argument("--only", help="faults of this kind alone, with --long: FailOver")
    parser.add_argument("--a-second", type=float, default=14.0, help="sales, with --long")
    parser.add_argument("--faketime", help="a libfaketimeMT.so.1, with --long: our clocks jump too")
    return parser.parse_args(arguments)


def _seconds(text: str) -> float:
    seconds = float(text)
    if not SHORTEST * 3 <= seconds <= LONGEST:
        raise argparse.ArgumentTypeError(f"from {SHORTEST * 3:.0f} to {LONGEST:.0f} seconds")
    return seconds


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
