"""`make backup`, `make restore` and `make restored`: copies, and what follows from using one."""

import asyncio
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from shared.config.env import Env, SettingsError
from shared.config.settings import database_url
from shared.db.connection import Connection, connect
from shared.db.migrate import migrate
from shared.db.restores import restores_store
from shared.db.restores.restores_store import Restore, Sign
from shared.local.backup import (
    Backup,
    BackupError,
    backups_folder,
    list_backups,
    make_backup,
)
from shared.local.home import Home, HomeBusyError, known_settings, open_home, resting, usable
from shared.local.restore import choose, restore
from shared.ops.at_rest import serving_at_rest
from shared.ops.up.processes import clear_away

BRASILIA: Final = ZoneInfo("America/Sao_Paulo")
MIB: Final = 1024 * 1024
ROOM_BESIDE: Final = 256 * MIB  # that stays for what is written meanwhile
WATCHED: Final = timedelta(seconds=30)  # services write down more often that all is well


SEEN_AGO: Final = """
    -- backup.seen_ago
    SELECT now() - seen_at FROM database_life
"""


async def run_backup(env: Mapping[str, str], *, keep: int) -> Backup:
    """Copy the embedded database, whether `up` runs or not. Raises BackupError."""
    home = _home_with_data(env)
    folder = backups_folder(env, home)
    _demand_room(home.folder / "postgres" / "data", folder)
    try:
        with home.locked(), usable(home):
            return await _backup_at_rest(home, folder, keep)
    except HomeBusyError:
        url = home.known().get("DATABASE_URL")
        if url is None:
            raise BackupError(
                "`make up` is just starting here; try again once it is ready."
            ) from None
        return await asyncio.to_thread(make_backup, url, folder, keep=keep)


def _demand_room(data: Path, folder: Path) -> None:
    """BackupError for a copy that would fill its disk: the database may write there, too."""
    taken = sum(_size_of(path) for path in data.rglob("*"))
    there = next(one for one in (folder, *folder.parents) if one.exists())
    free = shutil.disk_usage(there).free
    if free < taken + ROOM_BESIDE:
        raise BackupError(
            f"A copy takes some {taken // MIB} MiB, and only {free // MIB} are free at {there}:"
            " make room there, or name another disk in NOTAPONTE_BACKUPS. Nothing was copied."
        )


def _size_of(path: Path) -> int:
    """What a file takes on its disk; one that is gone meanwhile takes nothing."""
    try:
        return path.lstat().st_blocks * 512
    except FileNotFoundError:
        return 0


async def _backup_at_rest(home: Home, folder: Path, keep: int) -> Backup:
    async with serving_at_rest(home, folder) as server:
        return await asyncio.to_thread(make_backup, server.url("postgres"), folder, keep=keep)


async def run_restore(env: Mapping[str, str], at: str, tell: Callable[[str], None]) -> None:
    """Put the embedded database back to a moment, and have issuing wait for what that loses."""
    home = _home_with_data(env)
    folder = backups_folder(env, home)
    moment = read_moment(at) if at else None
    with _at_rest(home), home.locked(), usable(home):
        clear_away(home, "services")
        clear_away(home, "servers")
        backup = choose(list_backups(folder), moment, datetime.now(UTC))
        tell(f"from the copy of {backup.ended_at.isoformat(timespec='seconds')}")

        async def note(url: str) -> None:
            await _note(url, since=moment, copied_at=backup.ended_at)

        before = await restore(home.folder, folder, backup, moment, note)
    tell("the database is back" + (f"; what was there before lies in {before}" if before else ""))
    tell("`make up` reads the issuers' lists before anything more is issued")


@contextmanager
def _at_rest(home: Home) -> Iterator[None]:
    try:
        yield
    except HomeBusyError:
        raise BackupError(
            f"`make up` runs in {home.folder}: stop it first. Nothing was put back."
        ) from None


async def run_restored(env: Mapping[str, str], since: str) -> Restore:
    """Say that somebody restored the database at DATABASE_URL. Raises BackupError."""
    if folder := resting(env):
        raise BackupError(
            f"`make up` rests in {folder}: its database is put back by `make restore`, which notes"
            " that by itself, and files that were put back by hand are noticed when it starts. For"
            " a database elsewhere set DATABASE_URL."
        )
    with Env(values=known_settings(env)) as var:
        url = database_url(var).reveal()
    moment = read_moment(since) if since else None
    conn = await connect(url)
    try:
        if moment is None:
            await _demand_rest(conn)
        return await _told(conn, "told", moment)
    finally:
        await conn.close()


def read_moment(text: str) -> datetime:
    """An instant as people write it; without a zone it is Brasília's. BackupError if it is none."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise BackupError(
            f"{text!r} is no moment; write 2026-11-29T14:05 (Brasília) or with a zone, …-03:00."
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=BRASILIA)
    return moment.astimezone(UTC)


async def _note(url: str, *, since: datetime | None, copied_at: datetime) -> None:
    """Bring an older copy to this version's schema, and write down in it that it is one."""
    await migrate(url)
    conn = await connect(url)
    try:
        if since is None and await restores_store.remembered(conn) is None:
            since = copied_at
        await _told(conn, "timeline", since)
    finally:
        await conn.close()


async def _told(conn: Connection, why: Sign, since: datetime | None) -> Restore:
    restore = await restores_store.look_any_tenant(conn, told=why, since=since)
    if restore is None:
        raise RuntimeError("what was told was not written down")
    return restore


async def _demand_rest(conn: Connection) -> None:
    """Services that ran since have written down that all is well: the copy's own word is gone."""
    ago = await conn.fetchval(SEEN_AGO)
    if ago is None or ago < WATCHED:
        raise BackupError(
            "Services have run on this database since; say from when on data are missing, a little"
            " early rather than late: make restored SINCE=2026-11-29T14:05"
        )


def _home_with_data(env: Mapping[str, str]) -> Home:
    if env.get("DATABASE_URL"):
        problem = (
            "DATABASE_URL: backups of this database are made where it runs; see"
            " docs/runbooks/restore.md. After one was restored: make restored."
        )
        raise SettingsError((problem,))
    return open_home(env)
