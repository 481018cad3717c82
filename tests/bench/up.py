"""`make up` with a hundred idle tenants: memory, processor time at rest, a warm start."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import psutil

from services.sandbox.run import Sandbox, running_sandbox
from shared.local.files import free_port
from shared.local.home import open_home
from tests.bench.measure import Measure
from tests.support.footprint import memory_of, processor_of, tree_of
from tests.support.idle_tenants import provide_idle

TENANTS: Final = 100
SETTLE_SECONDS: Final = 90.0  # first passes, and connections that are used no longer let go
SECONDS: Final = 60.0
MOST_MIB: Final = 400.0
MOST_CORE: Final = 0.05
MOST_SECONDS: Final = 6.0
PORTS: Final = ("WEBHOOK_PORT", "PANEL_PORT", "INTERNAL_PORT", "EMITTER_PORT", "METRICS_PORT")


async def run(folder: Path) -> list[Measure]:
    """Fill a home with tenants that sell nothing, start it again, and look on."""
    async with running_sandbox() as sandbox:
        environment = environment_of(folder / "home", sandbox)
        async with started(environment):
            await provide_idle(sandbox, open_home(environment), TENANTS)
        began = time.monotonic()
        async with started(environment) as up:
            wall, used = time.monotonic() - began, processor_of(tree_of(up.pid))
            await asyncio.sleep(SETTLE_SECONDS)
            core = await core_of(up.pid, SECONDS)
            memory = memory_of(tree_of(up.pid))
            for line in by_program(up.pid):
                sys.stderr.write(f"{line}\n")
    bars = f"< {MOST_SECONDS:.0f}", f"< {MOST_MIB:.0f}", f"< {MOST_CORE}"
    return [
        _measure("warm start to ready", wall, "s", bars[0], wall < MOST_SECONDS),
        _measure("processor time of that", used, "s"),
        _measure("memory, proportional", memory, "MiB", bars[1], memory < MOST_MIB),
        _measure("share of one core at rest", core, "", bars[2], core < MOST_CORE),
    ]


def environment_of(home: Path, sandbox: Sandbox) -> dict[str, str]:
    """An operator's environment of a home of its own, beside the stand-ins."""
    return {
        "PATH": os.environ["PATH"],
        "NOTAPONTE_HOME": str(home),
        "VINDI_URL_SANDBOX": sandbox.vindi_url,
        "ENOTAS_URL": sandbox.enotas_url,
        **{name: str(free_port()) for name in PORTS},
    }


@asynccontextmanager
async def started(
    environment: Mapping[str, str], *arguments: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """`up`, ready; ended with the block."""
    up = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "shared.ops", "up", *arguments),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert up.stdout is not None
        line = await asyncio.wait_for(up.stdout.readline(), 90)
        assert line.startswith(b"ready "), line
        yield up
    finally:
        if up.returncode is None:
            up.terminate()
        await up.wait()


async def core_of(pid: int, seconds: float) -> float:
    """The share of one core that everything together takes meanwhile."""
    before, began = processor_of(tree_of(pid)), time.monotonic()
    await asyncio.sleep(seconds)
    return (processor_of(tree_of(pid)) - before) / (time.monotonic() - began)


def by_program(pid: int) -> list[str]:
    """The memory of each process, for whoever wants to know where it is."""
    return [f"{memory_of([one]):7.1f} MiB  {one.pid}  {_name(one)}" for one in tree_of(pid)]


def _name(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())[:90].strip() or process.name()
    except psutil.Error:
        return "?"


def _measure(
    what: str, value: float, unit: str, bar: str = "", passed: bool | None = None
) -> Measure:
    return Measure(bench="up", what=what, value=value, unit=unit, bar=bar, passed=passed)
