"""supervisord, but that a full disk does not end it.

It tells on stderr of what it could not log, and ends when that cannot be written either, which on a
full disk is so: everything it keeps running would be started again for nothing.
"""

import sys
from contextlib import suppress
from typing import TextIO

from supervisor.supervisord import main


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


if __name__ == "__main__":
    sys.stderr = Enduring(sys.stderr)
    main()
