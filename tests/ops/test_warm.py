"""Programs forked off a supervisor that has loaded them: how they begin, fail and end."""

import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from shared.local.home import Home, open_home
from shared.ops.up import warm
from shared.ops.up.programs import Program
from shared.ops.up.supervisor import Supervisor

PATIENCE = 30.0

# On being loaded it leaves the number of the process that loaded it.
LOADS = """
import os, pathlib
pathlib.Path(os.environ["SEEN"], "loaded").write_text(str(os.getpid()))
"""
LIVES = """
import os, pathlib, signal, sys
if __name__ == "__main__":
    said = f"{os.getppid()} {sys.argv[1:]} {os.environ['SUPERVISOR_PROCESS_NAME']}"
    pathlib.Path(os.environ["SEEN"], "lives-said").write_text(said)
    signal.pause()
"""
FAILS = """
if __name__ == "__main__":
    raise ValueError("of the program")
"""
REFUSES = """
import sys
if __name__ == "__main__":
    sys.exit("what is wrong, in words")
"""
BROKEN = """
import nothing_of_that_name
"""

pytestmark = pytest.mark.skipif(not warm.CAN_FORK, reason="elsewhere programs are run as commands")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return open_home({"NOTAPONTE_HOME": str(tmp_path / "home")})


@contextmanager
def supervised(home: Home, **programs: str) -> Iterator[Supervisor]:
    """A supervisor that has been started, and was not told yet that its programs may start."""
    seen = home.folder.parent
    for name, text in programs.items():
        (seen / name).mkdir()
        (seen / name / "__init__.py").write_text(LOADS)
        (seen / name / "__main__.py").write_text(text)
    supervisor = Supervisor(
        home=home,
        part="services",
        programs=[
            Program(name=name, command=(sys.executable, "-m", name), patience=2)
            for name in programs
        ],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(seen), "SEEN": str(seen)},
    )
    supervisor.start()
    try:
        yield supervisor
    finally:
        supervisor.stop()


def test_all_is_loaded_before_the_word_and_a_program_begins_with_it(home: Home) -> None:
    with supervised(home, lives=LIVES) as supervisor:
        assert supervisor.process is not None
        parent = supervisor.process.pid
        wait_for(lambda: seen(home, "loaded") == str(parent))
        assert seen(home, "lives-said") == ""

        supervisor.let_go()

        wait_for(lambda: seen(home, "lives-said") == f"{parent} [] lives")
        assert seen(home, "loaded") == str(parent)  # by nobody else
        assert list(supervisor.running()) == ["lives"]


def test_without_the_word_nothing_outlives_whoever_would_have_said_it(home: Home) -> None:
    with supervised(home, lives=LIVES) as supervisor:
        process = supervisor.process
        assert process is not None
        assert process.stdin is not None
        wait_for(lambda: seen(home, "loaded") != "")

        process.stdin.close()

        assert process.wait(PATIENCE) == 0
        assert seen(home, "lives-said") == ""


def test_a_supervisor_ends_its_programs_when_whoever_started_it_is_gone(home: Home) -> None:
    with supervised(home, lives=LIVES) as supervisor:
        supervisor.let_go()
        wait_for(lambda: seen(home, "lives-said") != "")
        program = psutil.Process(supervisor.running()["lives"])
        process = supervisor.process
        assert process is not None
        assert process.stdin is not None

        process.stdin.close()  # as the kernel does for one that was killed

        assert process.wait(PATIENCE) == 0
        assert not program.is_running()


def test_a_program_ends_when_its_supervisor_is_killed(home: Home) -> None:
    with supervised(home, lives=LIVES) as supervisor:
        supervisor.let_go()
        wait_for(lambda: seen(home, "lives-said") != "")
        program = psutil.Process(supervisor.running()["lives"])
        assert supervisor.process is not None

        supervisor.process.kill()

        supervisor.process.wait(PATIENCE)
        wait_for(lambda: not program.is_running() or program.status() == psutil.STATUS_ZOMBIE)


def test_one_that_fails_says_why_and_is_not_started_a_hundred_times_a_second(home: Home) -> None:
    with supervised(home, fails=FAILS, refuses=REFUSES, broken=BROKEN) as supervisor:
        began = time.monotonic()
        supervisor.let_go()
        wait_for(lambda: starts(home, "fails") >= 3)
        assert starts(home, "fails") <= 3 + (time.monotonic() - began) / warm.LEAST_LIFE_SECONDS

    assert "ValueError: of the program" in log(home, "fails")
    assert log(home, "refuses").startswith("what is wrong, in words\n")
    # It could not be loaded, so its command is run, which says so.
    assert "No module named 'nothing_of_that_name'" in log(home, "broken")


def seen(home: Home, name: str) -> str:
    path = home.folder.parent / name
    return path.read_text() if path.is_file() else ""


def log(home: Home, program: str) -> str:
    path = home.logs / f"{program}.log"
    return path.read_text() if path.is_file() else ""


def starts(home: Home, program: str) -> int:
    return len(re.findall(f"spawned: '{program}'", log(home, "supervisor-services")))


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
