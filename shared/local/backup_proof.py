"""Whether a copy of a server is what its manifest says, file by file, and its WAL is readable.

What PostgreSQL's pg_verifybackup does, whose binary in the wheel ends with a fault at once.
Source: https://www.postgresql.org/docs/18/backup-manifest-format.html
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

CHECKSUMS: Final = "SHA256"  # what pg_basebackup is asked for
MANIFEST: Final = "backup_manifest"
_APART: Final = frozenset({MANIFEST, "postgresql.auto.conf"})


class WalRange(NamedTuple):
    """The WAL that a copy needs, from one position to another of a timeline."""

    timeline: str
    start: str
    end: str


def faults(data: Path) -> list[str]:
    """What differs from the manifest, in words; nothing for a whole copy."""
    said = _manifest(data)
    files = {one["Path"]: one for one in said["Files"]}
    found = [fault for one in files.values() if (fault := _fault(data, one)) is not None]
    there = {str(path.relative_to(data)) for path in data.rglob("*") if path.is_file()}
    strange = {path for path in there - files.keys() - _APART if not path.startswith("pg_wal/")}
    return [*found, *(f"{path}: not in the manifest" for path in sorted(strange))]


def wal_ranges(data: Path) -> Iterator[WalRange]:
    """What has to be readable in the copy's WAL."""
    for one in _manifest(data)["WAL-Ranges"]:
        yield WalRange(str(one["Timeline"]), one["Start-LSN"], one["End-LSN"])


def _manifest(data: Path) -> Any:
    return json.loads((data / MANIFEST).read_text(encoding="utf-8"))


def _fault(data: Path, said: Any) -> str | None:
    path = data / said["Path"]
    if not path.is_file():
        return f"{said['Path']}: missing"
    if path.stat().st_size != said["Size"]:
        return f"{said['Path']}: {path.stat().st_size} bytes for {said['Size']}"
    with path.open("rb") as file:
        same = hashlib.file_digest(file, "sha256").hexdigest() == said["Checksum"]
    return None if same else f"{said['Path']}: its content changed"
