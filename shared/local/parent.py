"""A process that ends when whoever started it is gone, however that ended."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from functools import cache, partial
from typing import Final

PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h
# Elsewhere what a killed one left is cleared away by the next start.
CAN_BIND: Final = sys.platform == "linux"


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def prepare() -> None:
    """Load what `end_with` needs, before a fork: a child of several threads should load nothing."""
    if CAN_BIND:
        _libc()


def end_with(parent: int, number: signal.Signals) -> None:
    """Have the kernel send us this signal as soon as the thread that forked us has ended.

    It holds for what we are replaced by, too (execve), unless that runs as somebody else. Called in
    the new process, `parent` is who started it: one that is gone already sends nothing any more.
    """
    if not CAN_BIND:
        return
    if _libc().prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:
        os.kill(os.getpid(), number)


def ending_with_us(number: signal.Signals) -> Callable[[], None]:
    """The same for `subprocess` to call in a new process, as its `preexec_fn`."""
    prepare()
    return partial(end_with, os.getpid(), number)
