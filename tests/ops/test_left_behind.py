"""Nothing that was started outlives whoever started it, however that ended."""

import asyncio
import os
import signal
import sys
import tempfile
from asyncio.subprocess import PIPE
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil
import pytest

from shared.local.parent import CAN_BIND
from shared.ops.up.programs import ROOT
from tests.ops.running_up import (
    PATIENCE,
    processes,
    started_up,
    started_whole_up,
    supervisors,
    until,
)

pytestmark = pytest.mark.skipif(not CAN_BIND, reason="elsewhere the next start clears away")

SERVERS = """
import asyncio, pathlib, sys
from shared.local.postgres import running_postgres
from shared.local.redis import running_redis

async def run():
    folder = pathlib.Path(sys.argv[1])
    async with running_postgres(folder), running_redis(folder):
        print("there", flush=True)
        await asyncio.sleep(3600)

asyncio.run(run())
"""
BESIDE = """
import asyncio, os, pathlib, sys
from shared.local.home import open_home
from shared.ops.up.beside import run_beside

home = open_home({"NOTAPONTE_HOME": sys.argv[1]})
pathlib.Path(sys.argv[1], "sleeps.py").write_text("import time; time.sleep(3600)")
print("there", flush=True)
asyncio.run(run_beside(["sleeps"], {"PYTHONPATH": sys.argv[1]}, home))
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="notaponte-", ignore_cleanup_errors=True) as name:
        yield Path(name) / "home"


async def test_all_that_up_started_ends_in_order_after_up_was_killed(folder: Path) -> None:
    async with started_whole_up(folder) as up:
        await up.ready_line()
        names = {part: up.part(part) for part in ("services.emitter", "bin/postgres", "redis-s")}
        assert None not in names.values()

        await up.stop(signal.SIGKILL)

        await until(lambda: processes(up.home) == [])
        assert "database system is shut down" in (up.home.logs / "postgres.log").read_text()


async def test_all_of_it_ends_where_supervisors_are_killed_too(folder: Path) -> None:
    async with started_up(folder) as up:
        await up.ready_line()
        postmaster = folder / "postgres" / "data" / "postmaster.pid"
        assert postmaster.exists()
        up.process.send_signal(signal.SIGSTOP)  # else it would start them again
        try:
            for supervisor in supervisors(up):
                supervisor.kill()
            await until(lambda: processes(up.home) == [])
        finally:
            up.process.kill()
        assert not postmaster.exists()  # PostgreSQL stopped in order


async def killed_while_it_runs(code: str, folder: Path, *, children: int) -> list[psutil.Process]:
    """Run a program until it has so many children, and kill it; returns these."""
    folder.mkdir(mode=0o711, exist_ok=True)
    folder.parent.chmod(0o711)  # the servers of root's run as somebody else
    starter = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code, str(folder)), stdout=PIPE, cwd=ROOT, env=dict(os.environ)
    )
    assert starter.stdout is not None
    assert await asyncio.wait_for(starter.stdout.readline(), PATIENCE) == b"there\n"
    process = psutil.Process(starter.pid)
    await until(lambda: len(process.children()) == children)
    found = process.children(recursive=True)
    starter.kill()
    await starter.wait()
    return found


def over(processes: Sequence[psutil.Process]) -> bool:
    return not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in processes)


async def test_embedded_servers_end_with_whoever_runs_them(folder: Path) -> None:
    left = await killed_while_it_runs(SERVERS, folder, children=2)
    await until(lambda: over(left))


async def test_what_up_runs_once_ends_with_it(folder: Path) -> None:
    left = await killed_while_it_runs(BESIDE, folder, children=1)
    await until(lambda: over(left))
