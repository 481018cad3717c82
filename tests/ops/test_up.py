import asyncio
import signal
import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ops.running_up import (
    PATIENCE,
    RunningUp,
    environment,
    processes,
    spawn,
    started_up,
    supervisors,
    until,
)

PANEL = ("--services", "panel")


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="notaponte-", ignore_cleanup_errors=True) as name:
        yield Path(name) / "home"


async def said_by(process: asyncio.subprocess.Process) -> tuple[int | None, str]:
    _, errors = await asyncio.wait_for(process.communicate(), PATIENCE)
    return process.returncode, errors.decode()


async def told(up: RunningUp, words: str) -> None:
    """Wait until `up` says so to people; what it said before is read past."""
    assert up.process.stderr is not None
    async with asyncio.timeout(PATIENCE):
        while words not in (line := (await up.process.stderr.readline()).decode()):
            assert line, "it ended"


async def ready_again(up: RunningUp) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await up.is_ready():
            await asyncio.sleep(0.05)


async def test_what_dies_comes_back_and_stopping_leaves_nothing(folder: Path) -> None:
    async with started_up(folder) as up:
        assert await up.ready_line() == f"ready panel=http://127.0.0.1:{up.port}"
        link = f"the first owner begins here, once: http://127.0.0.1:{up.port}/convite/-."
        await told(up, link)
        for secret in ("internal-token", "secret-keys", "postgres-password"):
            assert stat.S_IMODE((folder / secret).stat().st_mode) == 0o600

        for word in ("services.panel", "bin/postgres", "redis-server", "supervisor-services"):
            victim = up.part(word)
            assert victim is not None, word
            victim.kill()
            await until(lambda: (now := up.part(word)) is not None and now.pid != victim.pid)  # noqa: B023 - awaited at once
        await ready_again(up)

        code, said = await said_by(await spawn(environment(folder), *PANEL))
        assert (code, said.strip()) == (2, f"Notaponte already runs in {up.home.folder}.")

        assert await up.stop(signal.SIGINT) < 15
        assert up.process.returncode == 0
        assert processes(up.home) == []
        assert up.process.stderr is not None
        said = (await up.process.stderr.read()).decode()
        assert "panel ended and was started again" in said
        assert link not in said  # once


async def test_after_up_itself_was_killed_the_next_one_takes_over(folder: Path) -> None:
    async with started_up(folder) as killed:
        await killed.ready_line()
        postgres = killed.part("bin/postgres")
        for supervisor in supervisors(killed):
            supervisor.suspend()  # else they notice, and nothing is left to be taken over
        await killed.stop(signal.SIGKILL)
        assert postgres is not None
        assert postgres.is_running()

        async with started_up(folder, killed.port) as up:
            assert (await up.ready_line()).startswith("ready ")
            assert not postgres.is_running()
            assert await up.is_ready()

            # A service that does not listen to SIGTERM is stopped all the same.
            panel = up.part("services.panel")
            assert panel is not None
            panel.suspend()
            assert await up.stop() < 15
            assert processes(up.home) == []


async def test_a_port_in_use_is_named_in_plain_words(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, said = await said_by(await spawn(environment(folder, PANEL_PORT=str(port)), *PANEL))

    assert code == 2
    assert f"PANEL_PORT: port {port} is already in use" in said
    assert "Traceback" not in said


async def test_wrong_settings_stop_the_start_before_anything_runs(folder: Path) -> None:
    wrong = environment(folder, PANEL_PORT="many", ENOTAS_URL="http://elsewhere.example")

    code, said = await said_by(await spawn(wrong, *PANEL))

    assert code == 2
    assert "PANEL_PORT" in said
    assert "ENOTAS_URL" in said
    assert not (folder / "postgres").exists()
