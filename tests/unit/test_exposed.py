"""Whoever is asked on a shared port answers for all that listen there."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from shared.telemetry.counts_folder import FOLDER, fault
from shared.telemetry.exposed import MOST_GONE
from tests.support.scraped import Series, read

# Each is a process of its own, as under `make up`; the last line is what a scraper gets of it.
PROCESS = """
import sys
from prometheus_client import Counter, Gauge, Histogram
from shared.telemetry.exposed import exposed
heard = Counter("heard_total", "Heard.", ["source"])
under_way = Gauge("under_way", "Under way.", multiprocess_mode="livesum")
seconds = Histogram("took_seconds", "Took.", buckets=(1, 10))
heard.labels("vindi").inc(int(sys.argv[1]))
under_way.set(int(sys.argv[1]))
seconds.observe(5)
sys.stdout.write(exposed().decode() + "# EOF\\n")
sys.stdout.flush()
sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(FOLDER, str(tmp_path))
    return tmp_path


@contextmanager
def counting(number: int) -> Iterator[subprocess.Popen[str]]:
    """A process that counted so many; it is gone after the block."""
    command = (sys.executable, "-c", PROCESS, str(number))
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        yield process


def shown_by(process: subprocess.Popen[str]) -> dict[Series, float]:
    """What it showed when it had counted; it lives until it is told to end."""
    assert process.stdout is not None
    lines: list[str] = []
    while not (lines and lines[-1] == "# EOF\n"):
        line = process.stdout.readline()
        assert line, "it ended before it answered"
        lines.append(line)
    return read("".join(lines))


def of(shown: dict[Series, float], name: str, **labels: str) -> float:
    return shown[name, frozenset(labels.items())]


@pytest.mark.usefixtures("folder")
def test_two_processes_are_shown_as_one_and_the_dead_ones_counts_stay() -> None:
    with counting(4) as second:
        shown_by(second)
        with counting(3) as first:
            both = shown_by(first)
        with counting(5) as third:
            after = shown_by(third)

    assert of(both, "heard_total", source="vindi") == 7
    assert of(both, "under_way") == 7
    assert of(both, "took_seconds_bucket", le="10.0") == 2
    assert of(after, "heard_total", source="vindi") == 12  # a counter never falls
    assert of(after, "under_way") == 9  # what is gone has nothing under way


def test_processes_that_die_over_and_over_do_not_fill_the_disk(folder: Path) -> None:
    last = 4_194_304  # above every process id there is
    for number in range(MOST_GONE * 2):
        (folder / f"counter_{last + number}.db").write_bytes(b"")
        (folder / f"gauge_livesum_{last + number}.db").write_bytes(b"")

    with counting(1) as process:
        shown = shown_by(process)

    assert of(shown, "heard_total", source="vindi") == 1
    left = [file for file in folder.glob("*.db") if int(file.stem.rpartition("_")[2]) >= last]
    assert len(left) == MOST_GONE


PROGRAMS = ["services.webhook", "services.emitter", "services.reconciler", "services.panel"]


@pytest.mark.parametrize("program", [*PROGRAMS, "shared.ops"])
def test_a_folder_that_does_not_do_is_told_in_words(tmp_path: Path, program: str) -> None:
    file = tmp_path / "file"
    file.touch()
    told = []
    for folder in (tmp_path / "not-there", file):
        command = (sys.executable, "-m", program)
        env = {FOLDER: str(folder), "PATH": "/usr/bin"}
        ended = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        assert ended.returncode == 2
        told.append(ended.stderr)

    assert "names a folder that is not there" in told[0]
    assert "names something that is no folder" in told[1]
    assert [text.count("\n") for text in told] == [1, 1]


def test_a_folder_that_does_is_left_as_it_was(folder: Path) -> None:
    assert fault({FOLDER: str(folder)}) is None
    assert fault({FOLDER: ""}) is None
    assert list(folder.iterdir()) == []
