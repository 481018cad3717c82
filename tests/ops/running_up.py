"""Starting `up` as a user does, and looking at what it started."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import psutil

from shared.local.files import free_port
from shared.local.home import Home, open_home
from shared.ops.up.processes import SUPERVISORD, processes_of
from shared.ops.up.programs import SERVICES

PATIENCE = 90.0  # seconds; a loaded machine starts processes slowly, a broken one never does


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningUp:
    process: asyncio.subprocess.Process
    home: Home
    port: int
    ports: Mapping[str, int] = field(default_factory=dict)  # by their settings

    async def ready_line(self) -> str:
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        line = await asyncio.wait_for(self.process.stdout.readline(), PATIENCE)
        assert line, f"{(await self.process.stderr.read()).decode()} {await self.process.wait()}"
        return line.decode().strip()

    def part(self, word: str) -> psutil.Process | None:
        """The topmost process of this home whose command line has the word."""
        found = [p for p in processes(self.home) if word in command_line(p)]
        return min(found, key=lambda p: p.pid) if found else None

    async def is_ready(self) -> bool:
        url = f"http://127.0.0.1:{self.port}/readyz"
        try:
            async with aiohttp.request("GET", url) as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> float:
        """Signal `up` and wait for its end; the seconds it took."""
        started = time.monotonic()
        self.process.send_signal(number)
        await asyncio.wait_for(self.process.wait(), PATIENCE)
        return time.monotonic() - started


@asynccontextmanager
async def started_up(folder: Path, port: int | None = None) -> AsyncIterator[RunningUp]:
    """`up` with the panel alone; whatever a test does to it, nothing is left afterwards."""
    chosen = port or free_port()
    env = environment(folder, PANEL_PORT=str(chosen))
    async with _started(env, "--services", "panel") as running:
        yield running


@asynccontextmanager
async def started_whole_up(
    folder: Path, *arguments: str, **settings: str
) -> AsyncIterator[RunningUp]:
    """`up` with everything, or what arguments say, each service on a port of its own."""
    ports = {service.port_setting: str(free_port()) for service in SERVICES}
    ports["METRICS_PORT"] = str(free_port())
    async with _started(environment(folder, **ports, **settings), *arguments) as running:
        yield running


@asynccontextmanager
async def _started(env: Mapping[str, str], *arguments: str) -> AsyncIterator[RunningUp]:
    process = await spawn(env, *arguments)
    ports = {name: int(value) for name, value in env.items() if name.endswith("_PORT")}
    running = RunningUp(process=process, home=open_home(env), port=ports["PANEL_PORT"], ports=ports)
    try:
        yield running
    finally:
        if process.returncode is None:
            await running.stop()
        for left in processes(running.home):
            with suppress(psutil.NoSuchProcess):
                left.kill()


async def spawn(env: Mapping[str, str], *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "shared.ops", "up", *arguments),
        env=env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


def environment(folder: Path, **settings: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "NOTAPONTE_HOME": str(folder), **settings}


def processes(home: Home) -> list[psutil.Process]:
    return [*processes_of(home, "services"), *processes_of(home, "servers")]


def supervisors(up: RunningUp) -> list[psutil.Process]:
    return [one for one in processes(up.home) if SUPERVISORD in command_line(one)]


def command_line(process: psutil.Process) -> str:
    with suppress(psutil.Error):
        return " ".join(process.cmdline()).strip()  # a title leaves room behind it
    return ""


async def until(condition: Callable[[], bool], *, within: float = PATIENCE) -> None:
    """Wait for something another process does."""
    async with asyncio.timeout(within):
        while not condition():
            await asyncio.sleep(0.05)
