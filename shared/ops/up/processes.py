"""Finding and ending the processes of one home, however they came to be left behind."""

import signal
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Final

import psutil

from shared.local.home import Home
from shared.ops.up.programs import UpPart
from shared.ops.up.warm import PROGRAM_MARK

# Every process we start inherits these. PostgreSQL and Redis write over their environment to
# show a title, so those two are known by their data instead.
HOME_MARK: Final = "NOTAPONTE_UP_HOME"
PART_MARK: Final = "NOTAPONTE_UP_PART"
SUPERVISORD: Final = "shared.ops.up.supervisord"

GENTLE_SECONDS: Final = 4.0
POLL_SECONDS: Final = 0.02


def marks_of(home: Home, part: UpPart) -> dict[str, str]:
    """What the environment of a process says that belongs to a part of this home."""
    return {HOME_MARK: str(home.folder), PART_MARK: part}


def processes_of(home: Home, part: UpPart) -> list[psutil.Process]:
    """Every process of a part of this home that is alive now."""
    return [process for process in psutil.process_iter() if _belongs(process, home, part)]


def program_processes(supervisor: int) -> dict[str, int]:
    """The processes a supervisor runs now, by their programs' names."""
    try:
        children = psutil.Process(supervisor).children()
    except psutil.Error:
        return {}
    return {name: child.pid for child in children if (name := _program_of(child)) is not None}


def listens(pid: int, port: int) -> bool:
    """Whether this very process takes connections at a port, which others may share."""
    with suppress(psutil.Error):
        return any(
            one.status == psutil.CONN_LISTEN and one.laddr.port == port
            for one in psutil.Process(pid).net_connections("tcp")
        )
    return False


def _program_of(process: psutil.Process) -> str | None:
    """None for what ends, or has not become its program yet.

    One that was forked has its parent's environment, and the program for its name.
    """
    with suppress(psutil.Error, OSError):
        if not _is_alive(process) or _is_supervisor(process):
            return None
        return process.environ().get(PROGRAM_MARK) or process.name()
    return None


def end(processes: Iterable[psutil.Process]) -> None:
    """Stop processes: SIGINT, which PostgreSQL takes as fast shutdown, then SIGKILL.

    Only the topmost are asked: a postmaster ends its children in the order they need.
    """
    found = list(processes)
    numbers = {process.pid for process in found}
    _signal((process for process in found if _parent(process) not in numbers), signal.SIGINT)
    _kill(_still_alive_after(GENTLE_SECONDS, found))


def clear_away(home: Home, part: UpPart) -> None:
    """Leave no process of a part alive, also none that is being started meanwhile.

    Supervisors go first and at once, or they would start again what is being ended.
    """
    deadline = time.monotonic() + 3 * GENTLE_SECONDS
    while found := processes_of(home, part):
        supervisors = [process for process in found if _is_supervisor(process)]
        _kill(supervisors)
        end(process for process in found if process not in supervisors)
        if time.monotonic() > deadline:
            raise TimeoutError(f"Processes of {home.folder} do not end.")


def _signal(processes: Iterable[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def _kill(processes: Sequence[psutil.Process]) -> None:
    _signal(processes, signal.SIGKILL)
    _still_alive_after(GENTLE_SECONDS, processes)


def _still_alive_after(seconds: float, processes: Sequence[psutil.Process]) -> list[psutil.Process]:
    """Wait for processes to end; those that have not after some seconds."""
    deadline = time.monotonic() + seconds
    while (alive := [p for p in processes if _is_alive(p)]) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return alive


def _is_alive(process: psutil.Process) -> bool:
    """A zombie is over: only its parent, perhaps a slow init, has not noticed."""
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def _parent(process: psutil.Process) -> int:
    with suppress(psutil.Error):
        return process.ppid()
    return 0


def _belongs(process: psutil.Process, home: Home, part: UpPart) -> bool:
    with suppress(psutil.Error, OSError):
        if not _is_alive(process):
            return False
        marks = process.environ()
        if marks.get(HOME_MARK) == str(home.folder):
            return marks.get(PART_MARK) == part
        return part == "servers" and (_is_postgres(process, home) or _is_redis(process, home))
    return False


def _is_postgres(process: psutil.Process, home: Home) -> bool:
    """The postmaster or, when it was killed, one of its children, which work in its folder."""
    return process.name().startswith("postgres") and _works_in(process, home, "postgres/data")


def _is_redis(process: psutil.Process, home: Home) -> bool:
    return process.name().startswith(("redis", "valkey")) and _works_in(process, home, "redis")


def _works_in(process: psutil.Process, home: Home, folder: str) -> bool:
    return process.cwd() == str(home.folder / folder)


def _is_supervisor(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return SUPERVISORD in process.cmdline()
    return False
