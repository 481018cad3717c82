"""supervisord, with what `up` needs of it beyond what it does by itself.

Programs of ours are forked off what is loaded here (`warm`). It loads while the servers start, and
begins when a word comes on its stdin: `up` has made the database ready then. When `up` is gone
before that, so is this.

A full disk does not end it. It tells on stderr of what it could not log, and ends when that cannot
be written either, which on a full disk is so: everything it keeps running would be started again
for nothing.
"""

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TextIO

from supervisor.medusa.asyncore_25 import ExitNow
from supervisor.options import ServerOptions
from supervisor.supervisord import Supervisor

from shared.ops.up import warm


class Options(ServerOptions):  # type: ignore[misc] # it has no types
    """supervisord's settings and system calls."""

    loaded: frozenset[str] = frozenset()

    def commands(self) -> list[list[str]]:
        """The command line of each program."""
        groups = self.process_group_configs
        return [shlex.split(one.command) for group in groups for one in group.process_configs]

    def execve(self, filename: str, argv: Sequence[str], env: Mapping[str, str]) -> None:
        """What a forked child does to become its program."""
        module = warm.module_of(argv)
        if module in self.loaded:
            warm.become(module, env)
        super().execve(filename, argv, env)


class Prompt(Supervisor):  # type: ignore[misc] # it has no types
    """Starts its programs at once, not after the second that it otherwise first listens for."""

    def runforever(self) -> None:
        for group in sorted(self.process_groups.values()):
            group.transition()
        super().runforever()


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
    options.loaded = warm.load(options.commands())
    if sys.stdin.buffer.readline() != warm.GO:
        return
    _let_go_of_stdin()
    with suppress(ExitNow):
        Prompt(options).main()
    options.close_httpservers()
    options.close_logger()


def _let_go_of_stdin() -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)


if __name__ == "__main__":
    sys.stderr = Enduring(sys.stderr)
    main(sys.argv[1:])
