"""What a process and everything below it takes of the machine."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil


def tree_of(pid: int) -> list[psutil.Process]:
    """A process and all that it started, and they."""
    top = psutil.Process(pid)
    return [top, *top.children(recursive=True)]


def memory_of(processes: Sequence[psutil.Process]) -> float:
    """MiB, proportional: a page that several have counts a share with each. Linux only."""
    return sum(_pss(process.pid) for process in processes) / 1024


def processor_of(processes: Sequence[psutil.Process]) -> float:
    """Seconds of processor time, with that of children which they have seen the end of."""
    used = 0.0
    for process in processes:
        with suppress(psutil.Error):
            used += sum(process.cpu_times()[:4])
    return used


def _pss(pid: int) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0
