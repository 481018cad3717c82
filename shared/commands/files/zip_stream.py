"""A ZIP that is written while it is sent: what both exports share."""

import io
import zipfile
from datetime import datetime


def entry_of(name: str, at: datetime) -> zipfile.ZipInfo:
    """A file in it, with the time that is written on it."""
    entry = zipfile.ZipInfo(name, (at.year, at.month, at.day, at.hour, at.minute, at.second))
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


class Unseekable(io.RawIOBase):
    """What the archive writes to: bytes stay until they are taken."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object, /) -> int:
        piece = bytes(memoryview(data))  # type: ignore[arg-type]  # any buffer, as io says
        self._bytes += piece
        return len(piece)

    def take(self) -> bytes:
        """What was written since the last time."""
        taken = bytes(self._bytes)
        self._bytes.clear()
        return taken
