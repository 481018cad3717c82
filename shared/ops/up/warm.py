"""Programs of ours that begin as a fork of one process that has loaded them all.

What they share is read once and lies in memory once, and one that died is back without loading
anything. A program is the same as if its command had been run: its environment, its name in lists
of processes, signals as Python sets them, metrics that begin at nothing.
"""

import gc
import logging
import os
import runpy
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from typing import Final, NoReturn

from setproctitle import setproctitle, setthreadtitle

GO: Final = b"go\n"  # what a supervisor is told when its programs may start
PROGRAM_MARK: Final = "SUPERVISOR_PROCESS_NAME"  # set by supervisord for each of its programs
# A system library may bear no fork without exec elsewhere (macOS).
CAN_FORK: Final = sys.platform == "linux"

EXPOSED: Final = "shared.telemetry.exposed"  # of no use to whoever keeps the servers

LEAST_LIFE_SECONDS: Final = 1.0  # of one that fails; loading all took others as long
FAILED: Final = 1  # as Python ends with what nobody caught


def load(commands: Iterable[Sequence[str]]) -> frozenset[str]:
    """Load what these commands run; the modules that can be begun from here.

    One that cannot be loaded says so in its own log, when it is run as a command.
    """
    if not CAN_FORK:
        return frozenset()
    loaded: set[str] = set()
    gc.disable()  # nothing is let go before the fork: holes would be filled, and pages copied
    for module in {name for one in commands if (name := module_of(one)) is not None}:
        with suppress(Exception):
            import_module(f"{module}.__main__")
            del sys.modules[f"{module}.__main__"]  # it is run as such, and warned of otherwise
            loaded.add(module)
    if loaded:
        import_module(EXPOSED).remember_names()
    gc.collect()
    gc.freeze()  # a child that looks for dead cycles would write to every page of ours
    gc.enable()
    # A fork takes one thread along, and whatever the others held stays held in it for ever.
    return frozenset(loaded if threading.active_count() == 1 else ())


def module_of(command: Sequence[str]) -> str | None:
    """The package of a command `python -m package` of this very Python."""
    match command:
        case [python, "-m", module] if python == sys.executable:
            return module
    return None


def become(module: str, env: Mapping[str, str]) -> NoReturn:
    """Be this program, in a process that was forked for it; ends the process."""
    began = time.monotonic()
    for number in (signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP, signal.SIGCHLD, signal.SIGUSR2):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _be_called(module, env.get(PROGRAM_MARK, module))  # looks for the environment of the start
    os.environ.clear()
    os.environ.update(env)
    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
    import_module(EXPOSED).count_afresh(module)
    code = _run(module)
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, OSError, ValueError):  # closed, none there, a full disk
            stream.flush()  # type: ignore[union-attr]
    if code:  # it is started again at once, and would fail a hundred times a second
        time.sleep(max(0.0, began + LEAST_LIFE_SECONDS - time.monotonic()))
    os._exit(code)


def _be_called(module: str, program: str) -> None:
    os.environ["SPT_NOENV"] = (
        "1"  # the environment stays readable: by it `up` knows what is its own
    )
    setproctitle(f"{sys.executable} -m {module}")
    setthreadtitle(program)


def _run(module: str) -> int:
    """Run a package as `python -m` does; what its process ends with."""
    sys.argv[1:] = []
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if isinstance(end.code, str):
            sys.stderr.write(f"{end.code}\n")
            return FAILED
        return end.code or 0
    except BaseException:  # noqa: BLE001 - nothing is above
        traceback.print_exc()
        return FAILED
    return 0
