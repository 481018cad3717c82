"""What /metrics shows: of this process, or of all that share its folder of counts.

Several processes may listen on one port, and a scraper meets any of them. Where
`PROMETHEUS_MULTIPROC_DIR` names a folder, the client library keeps every count in a file there, and
whoever is asked answers for all. Each service has a folder of its own.
"""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import psutil
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest, values
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from shared.telemetry.counts_folder import FOLDER

# Counts of processes that are gone still count, up to so many of them: then the oldest are let go,
# which a scraper takes for a restart. One that dies every second would fill the disk else.
MOST_GONE: Final = 32
BELOW: Final = "shared."  # the packages that all programs have

# By a metric's id: the modules that have a name for it, as `remember_names` found them.
_NAMED_IN: Final[dict[int, set[str]]] = {}


def exposed() -> bytes:
    """Render every metric in Prometheus' text format."""
    folder = os.environ.get(FOLDER)
    if not folder:
        return generate_latest(REGISTRY)
    _forget_the_gone(Path(folder))
    registry = CollectorRegistry()
    registry.register(_Together(Path(folder)))
    return generate_latest(registry)


def remember_names() -> None:
    """Note which modules name which metrics, for programs that are forked from here afterwards.

    One that looked by itself would have each page that it looks at copied: ten MiB of them.
    """
    for name, module in list(sys.modules.items()):
        for one in list(vars(module).values()):
            if isinstance(one, MetricWrapperBase):
                _NAMED_IN.setdefault(id(one), set()).add(name)


def count_afresh(program: str) -> None:
    """Begin every metric at nothing and, where this process shares a folder, with files in it.

    For a process that was forked with metrics already made: theirs were made for its parent, which
    has no folder. The client library asks for the variable when it is loaded, and never again.
    `program` is the package that it runs. What packages beside that count is let go: they were
    loaded with it, and would show a nothing that nobody looked at (`remember_names`).
    """
    values.ValueClass = values.get_value_class()  # type: ignore[no-untyped-call]
    for metric in _of_others(program):
        REGISTRY.unregister(metric)
    for metric in _registered():
        for one in (metric, *getattr(metric, "_metrics", {}).values()):
            if one._is_observable():  # noqa: SLF001
                one._metric_init()  # noqa: SLF001


def _registered() -> list[MetricWrapperBase]:
    made = REGISTRY._collector_to_names  # noqa: SLF001 - the library gives no other way to them
    return [one for one in made if isinstance(one, MetricWrapperBase)]


def _of_others(program: str) -> list[MetricWrapperBase]:
    """Metrics that modules of packages beside `program` made, and nobody else has a name for.

    No service imports another, so that what both name was made below them.
    """
    beside = f"{program.rpartition('.')[0]}."
    found = []
    for metric in _registered():
        names = _NAMED_IN.get(id(metric), set())
        others = {one for one in names if one.startswith(beside) and not _is_in(one, program)}
        rest = (one for one in names - others if one.startswith((beside, BELOW)))
        if others and not any(rest):
            found.append(metric)
    return found


def _is_in(module: str, package: str) -> bool:
    return f"{module}.".startswith(f"{package}.")


class _Together(Collector):
    """What all processes counted. A file that another one is just making holds nothing yet."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        files = [str(file) for file in self._folder.glob("*.db") if _size(file)]
        merged: Iterable[Metric] = MultiProcessCollector.merge(files, accumulate=True)  # type: ignore[no-untyped-call]
        return merged


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:  # another process tidies as well
        return 0


def _forget_the_gone(folder: Path) -> None:
    gone = sorted(
        (newest, pid) for pid, newest in _newest_by_process(folder) if not psutil.pid_exists(pid)
    )
    for _, pid in gone:
        with suppress(FileNotFoundError):  # another process tidies as well
            mark_process_dead(pid, path=str(folder))  # type: ignore[no-untyped-call]
    for _, pid in gone[:-MOST_GONE]:
        for file in folder.glob(f"*_{pid}.db"):
            file.unlink(missing_ok=True)


def _newest_by_process(folder: Path) -> Iterator[tuple[int, float]]:
    """Each process that has files, and when it last opened one."""
    newest: dict[int, float] = {}
    for file in folder.glob("*.db"):
        pid = file.stem.rpartition("_")[2]
        if pid.isdigit():
            try:
                at = file.stat().st_mtime
            except FileNotFoundError:  # another process tidies as well
                continue
            newest[int(pid)] = max(at, newest.get(int(pid), 0.0))
    yield from newest.items()
