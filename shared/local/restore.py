"""Putting an older copy of the embedded PostgreSQL in the place of its data (`make restore`).

Whatever it is broken off by, it can be run again: what was there before lies beside the data until
a person takes it away, and nothing starts on half a copy (`RestoreUnfinishedError`).
"""

import asyncio
import json
import os
import shutil
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import asyncpg

from shared.local.backup import (
    STAMP,
    Backup,
    BackupError,
    archive_folder,
    give_to_server,
    prove,
)
from shared.local.files import free_port, let_through, server_account, write_private
from shared.local.postgres import (
    DURABLE,
    RESTORING,
    EmbeddedPostgres,
    end_left_over,
    prepare_postgres,
    serving,
    shell_path,
)

REPLAY_SECONDS: Final = 24 * 3600.0  # weeks of WAL take hours; a server that gives up ends
_LEFT: Final = "restore-wal"
_OURS: Final = ("restore_command", "recovery_target", "recovery_end_command")
IN_RECOVERY: Final = """
    -- restore.in_recovery
    SELECT pg_is_in_recovery()
"""


def choose(backups: Sequence[Backup], at: datetime | None, now: datetime) -> Backup:
    """The newest copy that leads to a moment; None means as late as possible. BackupError."""
    if not backups:
        raise BackupError("There is no backup yet; `make backup` makes one.")
    if at is not None and at > now:
        raise BackupError("AT is still to come.")
    fit = [one for one in backups if at is None or one.ended_at <= at]
    if not fit:
        oldest = backups[0].ended_at.isoformat(timespec="seconds")
        raise BackupError(f"The oldest backup is of {oldest}: no earlier moment can be reached.")
    return fit[-1]


async def restore(
    home: Path,
    folder: Path,
    backup: Backup,
    at: datetime | None,
    then: Callable[[str], Awaitable[None]],
) -> Path | None:
    """Bring the data to how they were at a moment; returns where those of before lie.

    `then` is called with the database's address before anything else may use it. The caller holds
    the home's lock, so that nothing runs. Safe to break off at any point and to
    repeat. Raises BackupError where PostgreSQL cannot reach the moment.
    """
    place = home / "postgres"
    await asyncio.to_thread(_demand_whole, backup)
    before = await asyncio.to_thread(_swap, place, folder, backup, at)
    archive = archive_folder(folder)
    server = prepare_postgres(home, port=free_port(), archive=archive, restoring=True)
    await _replay(server, home / "postgres.log", then)
    _forget_recovery(place / "data")
    shutil.rmtree(place / _LEFT, ignore_errors=True)
    (place / RESTORING).unlink()
    return before


def _demand_whole(backup: Backup) -> None:
    """Before anything is put aside for it: disks lose things after a copy was proved, too."""
    try:
        prove(backup.data)
    except BackupError as error:
        raise BackupError(
            f"{error} Put {backup.folder} out of the way and run this again: an older copy leads to"
            " the same moment."
        ) from None


def _swap(place: Path, folder: Path, backup: Backup, at: datetime | None) -> Path | None:
    """Put the copy where the data are, in steps of which each is done whole or again."""
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    give_to_server(place)
    data, mark = place / "data", place / RESTORING
    end_left_over(data)
    if not mark.exists():
        name = f"data.before-{datetime.now(UTC).strftime(STAMP)}"
        write_private(mark, json.dumps({"before": name if data.exists() else None}) + "\n")
    named = json.loads(mark.read_text(encoding="utf-8"))["before"]
    before = place / named if named else None
    if before is not None and not before.exists():
        data.rename(before)
    shutil.rmtree(data, ignore_errors=True)  # of a restore that was broken off
    _keep_wal(place / _LEFT, before)
    draft = place / "draft"
    shutil.rmtree(draft, ignore_errors=True)
    _copy(backup.data, draft)
    _tell_recovery(draft, archive_folder(folder), place / _LEFT, at)
    _give_all(draft)
    draft.rename(data)
    return before


def _copy(data: Path, draft: Path) -> None:
    try:
        shutil.copytree(data, draft, symlinks=True)
    except shutil.Error as error:  # of many files, each with its own reason
        file, _, why = error.args[0][0]
        raise BackupError(
            f"The copy cannot be laid out in {draft}: {file}: {why}. Mend that, and run the same"
            " `make restore` again."
        ) from None


def _keep_wal(left: Path, before: Path | None) -> None:
    """Copy what the data of before had not handed to the archive yet: nothing written is lost."""
    shutil.rmtree(left, ignore_errors=True)
    left.mkdir(mode=0o700)
    if before is not None:
        for file in (before / "pg_wal").iterdir():
            if file.is_file() and not (file.name.endswith(".partial")):
                shutil.copy2(file, left / file.name)
    _give_all(left)


def _tell_recovery(data: Path, archive: Path, left: Path, at: datetime | None) -> None:
    """Write PostgreSQL's own settings for it.

    Source: https://www.postgresql.org/docs/18/runtime-config-wal.html
    """
    kept, other = shell_path(archive), shell_path(left)
    command = f"if test -f {kept}/%f.gz; then gzip -dc {kept}/%f.gz > %p; else cp {other}/%f %p; fi"
    lines = [f"restore_command = {_setting(command)}", "recovery_target_action = 'promote'"]
    if at is not None:
        lines.append(f"recovery_target_time = '{at.astimezone(UTC).isoformat(sep=' ')}'")
    _write_settings(data, lines)
    (data / "recovery.signal").touch(mode=0o600)


def _forget_recovery(data: Path) -> None:
    """Later restores must not end where this one did."""
    _write_settings(data, [])
    give_to_server(data / "postgresql.auto.conf")


def _write_settings(data: Path, lines: Sequence[str]) -> None:
    path = data / "postgresql.auto.conf"
    there = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    kept = [line for line in there if not line.startswith(_OURS)]
    write_private(path, "\n".join([*kept, *lines]) + "\n")


def _setting(text: str) -> str:
    """A text as a file of PostgreSQL's settings has it, where a backslash begins something."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


async def _replay(
    server: EmbeddedPostgres, log: Path, then: Callable[[str], Awaitable[None]]
) -> None:
    """Run the server until it has read all WAL it should, and has become one that is written."""
    async with serving(server, DURABLE, log) as process, asyncio.timeout(REPLAY_SECONDS):
        while not await _is_done(server):
            if process.returncode is not None:
                raise BackupError(
                    f"PostgreSQL ended before it reached that moment; its last words are in {log}."
                    " Where WAL is missing, choose an earlier AT."
                )
            await asyncio.sleep(0.1)
        await then(server.url())


async def _is_done(server: EmbeddedPostgres) -> bool:
    try:
        conn = await asyncpg.connect(server.url("postgres"), timeout=5)
    except (OSError, asyncpg.PostgresConnectionError, asyncpg.CannotConnectNowError):
        return False
    try:
        return not await conn.fetchval(IN_RECOVERY)
    finally:
        await conn.close()


def _give_all(tree: Path) -> None:
    if server_account() is None:
        return
    give_to_server(tree)
    for folder, names, files in os.walk(tree):
        for name in (*names, *files):
            give_to_server(Path(folder) / name)
    let_through(tree)
