"""Does a fault of the long campaign, and returns when it is over."""

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg
import psutil

from shared.local.backup import make_backup
from shared.local.postgres import as_account
from tests.chaos import faults
from tests.chaos.campaign import Campaign
from tests.chaos.long.plan import (
    ClockJump,
    FailOver,
    FullDisk,
    KillBackends,
    KillOne,
    LongFault,
    Restart,
    SlowDatabase,
)

ROOM: Final = "3g"  # of the campaign's disk
STOPPED, RUNS = 0.09, 0.01  # seconds of each tenth, of a database that is slow
END_BACKENDS: Final = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


@dataclass(slots=True, kw_only=True)
class Disk:
    """Where a campaign's home lies. A file system in memory where one can be mounted (as root on
    Linux): it is made no larger than what it holds. Elsewhere files of PostgreSQL cannot grow."""

    folder: Path
    mounted: bool = False

    def fill(self) -> None:
        for _ in range(20):  # what is written between look and change has it refused
            used = shutil.disk_usage(self.folder).used
            with suppress(subprocess.CalledProcessError):
                self._resize(f"{max(used, 4096)}")
                return
        raise RuntimeError(f"{self.folder} grows faster than it can be filled.")

    def clear(self) -> None:
        self._resize(ROOM)

    def _resize(self, size: str) -> None:
        subprocess.run(["mount", "-o", f"remount,size={size}", str(self.folder)], check=True)


@contextmanager
def a_disk(folder: Path) -> Iterator[Disk]:
    """A disk of its own, where that is possible."""
    folder.mkdir(mode=0o711)
    made = shutil.which("mount") is not None and os.geteuid() == 0
    if made:
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={ROOM},mode=711", "tmpfs", str(folder)],
            check=False,
        )
        made = done.returncode == 0
    try:
        yield Disk(folder=folder, mounted=made)
    finally:
        if made:
            subprocess.run(["umount", "--lazy", str(folder)], check=False)


@dataclass(slots=True, kw_only=True)
class Hand:
    """What does the faults: the running system, its disk, and the file that moves its clocks."""

    campaign: Campaign
    disk: Disk
    clock_file: Path | None  # read by libfaketime, where there is one
    ahead: float = 0.0

    async def do(self, fault: LongFault) -> None:
        """Do one fault; when this returns nothing is stopped, full or away on purpose."""
        match fault:
            case KillOne(word=word, one=one):
                found = await self.campaign.standing(word)
                with suppress(ProcessLookupError):
                    os.kill(found[one % len(found)].pid, signal.SIGKILL)
            case KillBackends():
                await self._end_backends()
            case Restart(server=server):
                number = signal.SIGINT if server == "postgres" else signal.SIGTERM
                (await self.campaign.standing(server))[0].send_signal(number)
            case FullDisk(seconds=seconds):
                await self._fill(seconds)
            case ClockJump(seconds=seconds):
                self._move_clocks(seconds)
            case SlowDatabase(seconds=seconds):
                await self._slow_down(seconds)
            case FailOver(lag=lag):
                await self._fail_over(lag)
            case _:
                await faults.do(self.campaign, fault)

    @property
    def _url(self) -> str:
        return (self.campaign.home / "run" / "database-url").read_text().strip()

    async def _end_backends(self) -> None:
        with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            conn = await asyncpg.connect(self._url, timeout=5)
            try:
                await conn.execute(END_BACKENDS)
            finally:
                await conn.close()

    async def _fill(self, seconds: float) -> None:
        if self.disk.mounted:
            self.disk.fill()
            try:
                await asyncio.sleep(seconds)
            finally:
                self.disk.clear()
            return
        for process in self._postgres():
            with suppress(psutil.Error):
                process.rlimit(psutil.RLIMIT_FSIZE, (64 * 1024, psutil.RLIM_INFINITY))
        await asyncio.sleep(seconds)
        for process in self._postgres():
            with suppress(psutil.Error):
                process.rlimit(psutil.RLIMIT_FSIZE, (psutil.RLIM_INFINITY, psutil.RLIM_INFINITY))

    def _move_clocks(self, seconds: float) -> None:
        clock = self.campaign.sandbox.clock
        clock.set(clock.now() + seconds)
        self.ahead += seconds
        if self.clock_file is not None:
            self.clock_file.write_text(f"{self.ahead:+.1f}\n")

    async def _slow_down(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while loop.time() < until:
            stopped = self._postgres()
            try:
                for process in stopped:
                    with suppress(psutil.Error):
                        process.send_signal(signal.SIGSTOP)
                await asyncio.sleep(STOPPED)
            finally:
                for process in stopped:
                    with suppress(psutil.Error):
                        process.send_signal(signal.SIGCONT)
            await asyncio.sleep(RUNS)

    def _postgres(self) -> list[psutil.Process]:
        with suppress(LookupError, psutil.Error):
            first = self.campaign.processes("postgres")[0]
            return [first, *first.children(recursive=True)]
        return []

    async def _fail_over(self, lag: float) -> None:
        """A copy becomes the server under a new timeline; what was written since is gone."""
        place = self.campaign.home / "postgres"
        replicas = self.campaign.home / "replicas"
        copy = await asyncio.to_thread(make_backup, self._url, replicas, keep=1)
        (copy.data / "recovery.signal").touch()
        with (copy.data / "postgresql.auto.conf").open("a") as settings:
            settings.write("restore_command = 'false'\nrecovery_target_action = 'promote'\n")
        shutil.chown(copy.data / "recovery.signal", **_owner())
        await asyncio.sleep(lag)
        lost = place / f"lost-{copy.folder.name}"
        self._end_server()
        (place / "data").rename(lost)
        copy.data.rename(place / "data")
        self._end_server()  # one that was started in between serves what is lost
        shutil.rmtree(lost, ignore_errors=True)
        shutil.rmtree(replicas, ignore_errors=True)

    def _end_server(self) -> None:
        for process in self._postgres():
            with suppress(psutil.Error):
                process.kill()


def _owner() -> dict[str, int]:
    account = as_account()
    return {name: account[name] for name in ("user", "group") if name in account}
