"""Why a server that we bring along does not come up, by its own last word."""

from pathlib import Path
from typing import Final

LAST_BYTES: Final = 65_536
# What a server says of why it ends, the weightiest first, and where in the line that begins.
LAST_WORDS: Final = {
    "postgres": ("PANIC:", "FATAL:", "ERROR:", "error:", "could not"),
    "redis": ("Fatal", "Bad file format", "Can't", "Could not", "# "),
}
# PostgreSQL says these after what was the matter, or to those who ask while it is starting.
NO_REASON: Final = ("aborting startup due to", "the database system is", "terminating connection")
IF_DAMAGED: Final = {
    "postgres": "Where its files are damaged, docs/runbooks/restore.md says how they are put back.",
    "redis": "Where its files are damaged, take its folder away: nothing in there is needed.",
}


class ServerNotStartedError(Exception):
    """A server of ours does not come up; the text says why, and where all that it said is."""

    def __init__(self, name: str, log: Path, since: int) -> None:
        super().__init__(
            f"{name} does not start: {last_word(name, log, since) or 'it did not say why'}."
            f" All that it said is in {log}. {IF_DAMAGED[name]}"
        )


def size_of(log: Path) -> int:
    """How much a server has said so far, bytes."""
    return log.stat().st_size if log.exists() else 0


def last_word(name: str, log: Path, since: int) -> str:
    """What a server said of why it ended, in its log from the byte `since` on; empty for nothing.

    A log that is shorter now was begun anew meanwhile.
    """
    try:
        with log.open("rb") as file:
            size = log.stat().st_size
            begin = since if since <= size else 0
            file.seek(max(begin, size - LAST_BYTES))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    told = [one for one in reversed(lines) if not any(word in one for word in NO_REASON)]
    for mark in LAST_WORDS[name]:
        for line in told:
            _, found, rest = line.partition(mark)
            if found:
                return f"{mark}{rest}".removeprefix("# ").strip().rstrip(".")
    return ""
