"""Backups of the embedded PostgreSQL: whole copies, and the WAL since the oldest of them.

Made by PostgreSQL's own pg_basebackup and read back. Each lies in a folder that
appears whole or not at all. The keys that seal secrets are not among them: whoever has a backup
alone can open nothing, and neither can we.
"""

import fcntl
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit, urlunsplit

from shared.local import backup_proof
from shared.local.files import let_through, server_account, write_private
from shared.local.home import Home, demand_plain
from shared.local.postgres import as_account, installation

SETTING: Final = "NOTAPONTE_BACKUPS"
WAL: Final = "wal"
ABOUT: Final = "about.json"
DRAFT: Final = "draft"
KEEP: Final = 7
STAMP: Final = "%Y%m%dT%H%M%SZ"
_FIRST_WAL: Final = re.compile(r"^START WAL LOCATION: .*\(file ([0-9A-F]{24})\)$", re.MULTILINE)


class BackupError(Exception):
    """A backup could not be made, or none fits; the text says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """A whole copy, of the moment `ended_at`; any later one is reached through the WAL."""

    folder: Path
    ended_at: datetime
    first_wal: str  # the file of the WAL that it needs first

    @property
    def data(self) -> Path:
        return self.folder / "data"


def backups_folder(env: Mapping[str, str], home: Home) -> Path:
    """Where backups lie: better on another disk than the data."""
    said = env.get(SETTING)
    if not said:
        return home.folder / "backups"
    folder = Path(said).expanduser().resolve()
    demand_plain(SETTING, folder)
    return folder


def archive_folder(folder: Path) -> Path:
    return folder / WAL


def list_backups(folder: Path) -> list[Backup]:
    """Those that are whole, the oldest first. BackupError names one that is damaged."""
    found = [_read(about) for about in folder.glob(f"*/{ABOUT}")]
    return sorted(found, key=lambda backup: backup.ended_at)


def make_backup(url: str, folder: Path, *, keep: int) -> Backup:
    """Copy a running server, prove the copy, and keep the newest `keep` with the WAL they need.

    Blocks. Safe to break off and to repeat. From the first one on the server keeps its WAL here.
    Raises BackupError.
    """
    try:
        _make_room(folder)
    except OSError as error:
        raise BackupError(f"{SETTING}: {folder} cannot be used ({error.strerror}).") from None
    with _alone(folder):
        return _make(url, folder, keep=keep)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Be the only one who copies into a folder; the system lets go however the process ends."""
    with (folder / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupError(f"Another backup is being made in {folder}.") from None
        yield


def _make(url: str, folder: Path, *, keep: int) -> Backup:
    draft = folder / DRAFT
    _remove(draft)
    _own_folder(draft)
    try:
        _run_tool("pg_basebackup", *_base_options(draft / "data"), **_reached_by(url))
        prove(draft / "data")
    except BackupError:
        _remove(draft)  # half a copy would only take room
        raise
    ended_at = datetime.now(UTC)
    label = (draft / "data" / "backup_label").read_text(encoding="utf-8")
    first = _FIRST_WAL.search(label)
    if first is None:
        raise BackupError("The copy does not say where its WAL begins.")
    backup = Backup(folder=folder / ended_at.strftime(STAMP), ended_at=ended_at, first_wal=first[1])
    about = {"ended_at": ended_at.isoformat(), "first_wal": backup.first_wal}
    write_private(draft / ABOUT, json.dumps(about) + "\n")
    draft.rename(backup.folder)
    _drop_old(folder, keep)
    return backup


def prove(data: Path) -> None:
    """Read a copy back, all of it; BackupError names what is wrong with it."""
    wrong = backup_proof.faults(data)
    if wrong:
        raise BackupError(f"The copy in {data} is not whole: {'; '.join(wrong[:3])}.")
    for one in backup_proof.wal_ranges(data):
        span = (f"--timeline={one.timeline}", f"--start={one.start}", f"--end={one.end}")
        _run_tool("pg_waldump", "--quiet", f"--path={data / 'pg_wal'}", *span)


def _base_options(data: Path) -> tuple[str, ...]:
    return (
        f"--pgdata={data}",
        "--format=plain",
        "--wal-method=stream",
        "--checkpoint=fast",
        f"--manifest-checksums={backup_proof.CHECKSUMS}",
        "--no-password",
    )


def _reached_by(url: str) -> dict[str, str]:
    """The address without its password, which belongs into the environment."""
    parts = urlsplit(url)
    bare = parts._replace(netloc=f"{parts.username}@{parts.hostname}:{parts.port}")
    return {"dbname": urlunsplit(bare), "password": unquote(parts.password or "")}


def _run_tool(name: str, *options: str, dbname: str = "", password: str = "") -> None:
    command = [str(installation() / "bin" / name), *options]
    if dbname:
        command.append(f"--dbname={dbname}")
    done = subprocess.run(  # noqa: S603 - our own command line
        command,
        env={"PATH": os.environ.get("PATH", ""), "PGPASSWORD": password},
        check=False,
        capture_output=True,
        text=True,
        **as_account(),
    )
    if done.returncode:
        raise BackupError(f"{name} failed: {done.stderr.strip()[-500:]}")


def _drop_old(folder: Path, keep: int) -> None:
    kept = list_backups(folder)
    for old in kept[:-keep]:
        _remove(old.folder)
    first = kept[-keep:][0].first_wal
    archive = archive_folder(folder)
    _run_tool("pg_archivecleanup", "-x", ".gz", str(archive), first)


def _remove(folder: Path) -> None:
    """Take a backup away; without what it says of itself first, so that half of one is none."""
    (folder / ABOUT).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def _read(about: Path) -> Backup:
    try:
        said = json.loads(about.read_text(encoding="utf-8"))
        ended_at, first_wal = datetime.fromisoformat(said["ended_at"]), str(said["first_wal"])
    except (ValueError, TypeError, KeyError):
        raise BackupError(
            f"{about} is damaged: put that copy right, or out of the way, and run this again."
        ) from None
    return Backup(folder=about.parent, ended_at=ended_at, first_wal=first_wal)


def _make_room(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    give_to_server(folder)
    _own_folder(archive_folder(folder))
    if server_account():
        let_through(archive_folder(folder))


def _own_folder(folder: Path) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    give_to_server(folder)


def give_to_server(path: Path) -> None:
    """Have a file or folder belong to the account that the server runs under."""
    if account := server_account():
        os.chown(path, account.pw_uid, account.pw_gid)
