"""The whole of `up`, as a user starts it, watched for a minute."""

import asyncio
import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.ops.up.programs import SERVICES
from tests.ops.running_up import RunningUp, started_whole_up

WATCHED_SECONDS = 60.0

# What a log may say on a day when all is well, and why it is said.
EXPLAINED = (
    # The machine's own setting; a snapshot of a Redis as small as ours does not need it.
    "WARNING Memory overcommit must be enabled",
    # We ask PostgreSQL whether it is up until it is.
    "FATAL:  the database system is starting up",
    # How supervisord says that it was asked to end.
    "WARN received SIGTERM indicating exit request",
    # A service ends its work and then by the signal it was sent; SIGKILL would be another matter.
    "(terminated by SIGTERM)",
)
BAD = re.compile(r"\b(WARN|WARNING|ERRO|ERROR|CRIT|CRITICAL|FATAL|PANIC|Traceback)\b")


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="notaponte-", ignore_cleanup_errors=True) as name:
        yield Path(name) / "home"


@pytest.mark.timeout(400)
async def test_after_ready_nothing_is_restarted_and_no_log_complains(folder: Path) -> None:
    async with started_whole_up(folder) as up:
        assert (await up.ready_line()).startswith("ready ")
        programs = started(up)
        every = {service.name: service.processes for service in SERVICES}
        assert sorted(programs) == sorted(
            f"{name}-{number}" if number > 1 else name
            for name, processes in (every | {"postgres": 1, "redis": 1}).items()
            for number in range(1, processes + 1)
        )

        await asyncio.sleep(WATCHED_SECONDS)  # not for luck: the minute is what is promised

        assert started(up) == programs
        assert await up.stop() < 15
        assert complaints(up.home.logs) == []


def started(up: RunningUp) -> dict[str, list[int]]:
    """Every program that supervision started, with the process of each start."""
    found: dict[str, list[int]] = {}
    for log in up.home.logs.glob("supervisor-*.log"):
        for name, pid in re.findall(r"spawned: '(\S+)' with pid (\d+)", log.read_text()):
            found.setdefault(name, []).append(int(pid))
    return found


def complaints(logs: Path) -> list[str]:
    return [
        f"{log.name}: {line}"
        for log in sorted(logs.iterdir())
        for line in log.read_text(errors="replace").splitlines()
        if complains(line, log) and not any(words in line for words in EXPLAINED)
    ]


def complains(line: str, log: Path) -> bool:
    """Our own lines say how grave they are; of others' the words tell."""
    try:
        return json.loads(line)["level"] not in {"debug", "info"}
    except (ValueError, TypeError, KeyError):
        return log.suffix == ".err" or BAD.search(line) is not None
