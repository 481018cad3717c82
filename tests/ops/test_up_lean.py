"""What `up` takes of the machine, and that programs forked off one process are as if run alone."""

import asyncio
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import psutil
import pytest

from services.sandbox.run import running_sandbox
from shared.ops.up import warm
from shared.ops.up.processes import HOME_MARK
from tests.ops.running_up import RunningUp, command_line, started_whole_up, until
from tests.support.footprint import memory_of, processor_of, tree_of
from tests.support.idle_tenants import provide_idle

TENANTS = 100
MOST_MIB = 400.0  # what is promised; a page that several share counts once
# Promised are 5 % of a core, and a start within 6 s on two idle ones, which it does with 2.5 s of
# processor time. Here others run beside, which makes each instruction dearer: three times that.
MOST_CORE = 0.15
MOST_START_SECONDS = 9.0
WATCHED_SECONDS = 8.0

pytestmark = pytest.mark.skipif(not warm.CAN_FORK, reason="elsewhere nothing is forked or measured")


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="notaponte-", ignore_cleanup_errors=True) as name:
        yield Path(name) / "home"


@pytest.mark.timeout(240)
async def test_a_hundred_idle_tenants_take_little_memory_and_next_to_no_time(folder: Path) -> None:
    async with running_sandbox() as sandbox:
        stand_ins = {"VINDI_URL_SANDBOX": sandbox.vindi_url, "ENOTAS_URL": sandbox.enotas_url}
        async with started_whole_up(folder, **stand_ins) as up:
            await up.ready_line()
            assert processor_of(tree_of(up.process.pid)) < MOST_START_SECONDS

            await provide_idle(sandbox, up.home, TENANTS)
            began, used = time.monotonic(), processor_of(tree_of(up.process.pid))
            await asyncio.sleep(WATCHED_SECONDS)

            used = processor_of(tree_of(up.process.pid)) - used
            assert used / (time.monotonic() - began) < MOST_CORE
            assert memory_of(tree_of(up.process.pid)) < MOST_MIB


@pytest.mark.timeout(240)
async def test_a_program_that_was_forked_is_the_one_its_command_would_be(folder: Path) -> None:
    async with started_whole_up(folder, "--services", "webhook,panel") as up:
        await up.ready_line()
        parent = up.part("supervisor-services")
        assert parent is not None
        webhooks = forked(parent, "services.webhook")

        assert [command_line(one) for one in webhooks] == [
            f"{sys.executable} -m services.webhook"
        ] * 2
        assert sorted(one.name() for one in webhooks) == ["webhook", "webhook-2"]
        assert webhooks[0].environ()[HOME_MARK] == str(up.home.folder)
        # Each counts for itself, in a folder that only its service has, and nothing of the parent.
        counting = {int(file.stem.rpartition("_")[2]) for file in counts(up, "webhook")}
        assert counting == {one.pid for one in webhooks}
        assert await metric(up.ports["METRICS_PORT"], "process_start_time_seconds") is None
        # What the one service counts the other does not show, as a nothing.
        waiting = "notaponte_webhook_waiting_deliveries"
        assert await metric(up.ports["METRICS_PORT"], waiting) == 0.0
        assert await metric(up.ports["PANEL_PORT"], waiting) is None
        # One that has its port alone shows what is of its process, too.
        panel = forked(parent, "services.panel")[0]
        at = await metric(up.ports["PANEL_PORT"], "process_resident_memory_bytes")
        assert at == pytest.approx(panel.memory_info().rss, rel=0.5)

        # It ends and comes back as any, and its parent has not to load anything again.
        loaded = processor_of([parent])
        panel.kill()
        await until(lambda: [panel.pid] != [one.pid for one in forked(parent, "services.panel")])
        await until_ready(up)
        assert processor_of([parent]) - loaded < 2.0
        assert up.process.returncode is None


def forked(parent: psutil.Process, module: str) -> list[psutil.Process]:
    return [one for one in parent.children() if command_line(one).endswith(f"-m {module}")]


def counts(up: RunningUp, service: str) -> list[Path]:
    return list((up.home.run / "counts" / service).glob("*.db"))


async def metric(port: int, name: str) -> float | None:
    async with aiohttp.request("GET", f"http://127.0.0.1:{port}/metrics") as answer:
        found = re.search(rf"^{name}(?:{{.*}})? (\S+)$", await answer.text(), re.MULTILINE)
    return float(found[1]) if found else None


async def until_ready(up: RunningUp) -> None:
    async with asyncio.timeout(60):
        while not await up.is_ready():
            await asyncio.sleep(0.05)
