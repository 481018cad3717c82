"""supervisord, with what `up` needs of it beyond what it does by itself.

Programs of ours are forked off what is loaded here (`warm`). It loads while the servers start, and
begins when a word comes on its stdin: `up` has made the database ready then. When `up` is gone,
before that or later, stdin ends, and all is stopped in order. When this is gone itself, however
that came, the kernel tells each program to stop.

A full disk does not end it. It tells on stderr of what it could not log, and ends when that cannot
be written either, which on a full disk is so: everything it keeps running would be started again
for nothing.
"""

import os
import select
import shlex
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final, TextIO

from supervisor.medusa.asyncore_25 import ExitNow
from supervisor.options import ServerOptions
from supervisor.states import SupervisorStates
from supervisor.supervisord import Supervisor

from shared.local import parent
from shared.ops.up import warm

STDIN: Final = 0


class Options(ServerOptions):  # type: ignore[misc] # it has no types
    """supervisord's settings and system calls."""

    loaded: frozenset[str] = frozenset()
    process: int = 0  # ours, which is the parent of every program

    def commands(self) -> list[list[str]]:
        """The command line of each program."""
        groups = self.process_group_configs
        return [shlex.split(one.command) for group in groups for one in group.process_configs]

    def stop_signals(self) -> dict[str, signal.Signals]:
        """What each program is told to stop by, by its name."""
        groups = self.process_group_configs
        every = (one for group in groups for one in group.process_configs)
        return {one.name: signal.Signals(one.stopsignal) for one in every}

    def execve(self, filename: str, argv: Sequence[str], env: Mapping[str, str]) -> None:
        """What a forked child does to become its program, once it is who it will be."""
        parent.end_with(self.process, self.stop_signals()[env[warm.PROGRAM_MARK]])
        module = warm.module_of(argv)
        if module in self.loaded:
            warm.become(module, env)
        super().execve(filename, argv, env)


class Prompt(Supervisor):  # type: ignore[misc] # it has no types
    """Starts its programs at once, not after the second that it otherwise first listens for.

    Stops them when stdin ends, which it looks for once a second.
    """

    def runforever(self) -> None:
        for group in sorted(self.process_groups.values()):
            group.transition()
        super().runforever()

    def tick(self, now: float | None = None) -> None:
        if self.options.mood > SupervisorStates.SHUTDOWN and _stdin_has_ended():
            self.options.logger.critical("whoever started us is gone")
            self.options.mood = SupervisorStates.SHUTDOWN
        super().tick(now)


def _stdin_has_ended() -> bool:
    """Whether nobody holds the other end of the pipe any more; nothing else is ever said in it."""
    found, _, _ = select.select([STDIN], [], [], 0)
    return bool(found) and not os.read(STDIN, 1)


class Enduring:
    """A stream whose words are lost where they cannot be written."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError):
            self._stream.write(text)
            self._stream.flush()
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()

    def fileno(self) -> int:
        return self._stream.fileno()

    def isatty(self) -> bool:
        return False


def main(arguments: Sequence[str]) -> None:
    """Load, wait for the word, keep everything running until told to stop; as theirs does."""
    options = Options()
    options.realize(arguments, doc=__doc__)
    options.first, options.test = True, False
    options.process = os.getpid()
    parent.prepare()  # so that it is there when a child is forked
    options.loaded = warm.load(options.commands())
    if sys.stdin.buffer.readline() != warm.GO:
        return
    with suppress(ExitNow):
        Prompt(options).main()
    options.close_httpservers()
    options.close_logger()


if __name__ == "__main__":
    sys.stderr = Enduring(sys.stderr)
    main(sys.argv[1:])
