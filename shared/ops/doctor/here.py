"""What can be said of the place that services run at: room on its disks, how much may be open."""

import resource
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from shared.local.home import home_of
from shared.ops.doctor.report import HowItIs, Observation

MIB: Final = 1024 * 1024
# A day of a hundred thousand bills writes less than this, with its write-ahead log (docs/scale.md).
ROOM_LEFT: Final = 2048 * MIB
NO_ROOM_LEFT: Final = 256 * MIB  # PostgreSQL's next files of write-ahead log, 16 MiB each
SHARE_LEFT: Final = 0.05
# CONNECTIONS of a listener (1000), pools and files; the shipped units allow 65536.
DESCRIPTORS: Final = 4096
# Below this not even the listener's own limit fits.
TOO_FEW_DESCRIPTORS: Final = 1200


def look_here(env: Mapping[str, str]) -> Iterator[Observation]:
    """Whether there is room to write, and whether enough may be open at once."""
    folder = home_of(env).folder
    yield _disk("disk", folder)
    backups = Path(env.get("NOTAPONTE_BACKUPS", "") or folder)
    if backups != folder and _standing(backups).stat().st_dev != _standing(folder).stat().st_dev:
        yield _disk("disk of backups", backups)
    yield _descriptors()


def _disk(about: str, folder: Path) -> Observation:
    """An embedded database lies there; else logs and what is fetched do."""
    there = _standing(folder)
    usage = shutil.disk_usage(there)
    return room(about, there, free=usage.free, total=usage.total)


def room(about: str, there: Path, *, free: int, total: int) -> Observation:
    """Whether what is free of a disk will do; bytes."""
    left = f"{free // MIB} MiB of {total // MIB} free at {there}"
    if free < NO_ROOM_LEFT:
        return Observation(
            about=about, state="wrong", words=f"{left}: nothing can be stored soon; make room now"
        )
    if free < ROOM_LEFT or free < total * SHARE_LEFT:
        return Observation(about=about, state="look", words=f"{left}: make room")
    return Observation(about=about, state="ok", words=left)


def _standing(folder: Path) -> Path:
    """The folder, or the nearest above it that is there."""
    return next(one for one in (folder, *folder.parents, Path("/")) if one.exists())


def _descriptors() -> Observation:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = float("inf") if hard == resource.RLIM_INFINITY else hard  # a listener takes all of it
    words = f"{soft} files and connections may be open at once (ulimit -n), {hard} at most"
    if most >= DESCRIPTORS:
        return Observation(about="descriptors", state="ok", words=words)
    state: HowItIs = "wrong" if most < TOO_FEW_DESCRIPTORS else "look"
    mend = "allow 65536 (LimitNOFILE= of the unit, ulimits of the container, limits.conf)"
    return Observation(about="descriptors", state=state, words=f"{words}: {mend}")
