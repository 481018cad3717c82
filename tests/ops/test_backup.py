"""`make backup` and `make restore`, as an operator uses them, also when they are broken off."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType

import asyncpg
import pytest
import pytest_asyncio

from shared.local import backup_proof
from shared.local.backup import (
    Backup,
    BackupError,
    backups_folder,
    list_backups,
    make_backup,
)
from shared.local.home import Home, open_home
from shared.local.postgres import RestoreUnfinishedError, ensure_database, prepare_postgres
from shared.local.restore import choose
from shared.ops.backup import read_moment, run_backup, run_restore
from tests.journey.test_restore_drill import a_server

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
PATIENCE = 90.0


def env_of(folder: Path) -> dict[str, str]:
    return {"NOTAPONTE_HOME": str(folder), "PATH": os.environ["PATH"]}


async def numbers(env: Mapping[str, str], *more: int) -> tuple[list[int], datetime]:
    """Add numbers to the database and read all it has, and the time."""
    async with a_server(env) as server:
        await ensure_database(server)
        conn = await asyncpg.connect(server.url())
        try:
            await conn.execute("CREATE TABLE IF NOT EXISTS numbers (n int)")
            for one in more:
                await conn.execute("INSERT INTO numbers VALUES ($1)", one)
            rows = await conn.fetch("SELECT n FROM numbers ORDER BY n")
            return [row["n"] for row in rows], await conn.fetchval("SELECT clock_timestamp()")
        finally:
            await conn.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def copied(server_folder: Path) -> Mapping[str, str]:
    """A home with a backup of the number 1, and 2 written after it."""
    env = env_of(server_folder / "copied, isn't $HOME")
    await numbers(env, 1)
    await run_backup(env, keep=1)
    _, moment = await numbers(env, 2)
    await numbers(env, 3)
    return MappingProxyType({**env, "MOMENT": moment.isoformat()})


@pytest.mark.asyncio(loop_scope="session")
async def test_a_copy_that_would_fill_its_disk_is_not_begun(
    copied: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.ops.backup.ROOM_BESIDE", 2**60)
    folder = open_home(copied).folder / "backups"
    before = sorted(folder.iterdir())

    with pytest.raises(BackupError, match="Nothing was copied"):
        await run_backup(copied, keep=1)

    assert sorted(folder.iterdir()) == before


def say(_text: str) -> None: ...


@pytest.mark.asyncio(loop_scope="session")
async def test_the_latest_restore_loses_nothing(copied: Mapping[str, str]) -> None:
    before, _ = await numbers(copied, 4)

    await run_restore(copied, "", say)

    assert 4 in before
    assert (await numbers(copied))[0] == before


@pytest.mark.parametrize(
    "reached",
    [
        lambda place: any(place.glob("data.before-*")),
        lambda place: (place / "data" / "postmaster.pid").exists(),
    ],
    ids=["with the data put aside", "while it replays"],
)
@pytest.mark.asyncio(loop_scope="session")
async def test_a_restore_that_is_killed_is_run_again_and_ends_at_its_moment(
    copied: Mapping[str, str], reached: Callable[[Path], bool]
) -> None:
    home = open_home(copied)
    place = home.folder / "postgres"
    for old in place.glob("data.before-*"):
        old.rename(place.parent / f"{old.name}-{id(reached)}")

    await _killed(copied, lambda: reached(place))

    with pytest.raises(RestoreUnfinishedError):
        prepare_postgres(home.folder, port=1)
    await run_restore(copied, copied["MOMENT"], say)
    assert (await numbers(copied))[0] == [1, 2]
    assert len(list(place.glob("data.before-*"))) == 1


async def _killed(env: Mapping[str, str], reached: Callable[[], bool]) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "shared.ops", "restore", "--at", env["MOMENT"]),
        env=dict(env),
        stdout=asyncio.subprocess.DEVNULL,
    )
    async with asyncio.timeout(PATIENCE):
        while not reached():
            assert process.returncode is None
            await asyncio.sleep(0.001)
    os.kill(process.pid, signal.SIGKILL)
    await process.wait()


def a_backup(hours: int) -> Backup:
    at = NOON + timedelta(hours=hours)
    return Backup(folder=Path(f"/backups/{hours}"), ended_at=at, first_wal="0" * 24)


def test_the_newest_copy_before_the_moment_is_taken() -> None:
    copies = [a_backup(-4), a_backup(-2), a_backup(-1)]

    assert choose(copies, None, NOON) == copies[2]
    assert choose(copies, NOON - timedelta(hours=1.5), NOON) == copies[1]
    for moment in (NOON - timedelta(hours=5), NOON + timedelta(seconds=1)):
        with pytest.raises(BackupError):
            choose(copies, moment, NOON)
    with pytest.raises(BackupError):
        choose([], None, NOON)


@pytest.mark.parametrize(
    ("text", "hour"),
    [("2026-11-29T14:05", 17), ("2026-11-29 14:05", 17), ("2026-11-29T14:05-02:00", 16)],
)
def test_a_moment_without_a_zone_is_brasilias(text: str, hour: int) -> None:
    assert read_moment(text) == datetime(2026, 11, 29, hour, 5, tzinfo=UTC)


def test_what_is_no_moment_is_said_so() -> None:
    with pytest.raises(BackupError, match="is no moment"):
        read_moment("ontem")


@pytest.mark.asyncio(loop_scope="session")
async def test_a_copy_that_changed_is_not_whole(copied: Mapping[str, str]) -> None:
    home: Home = open_home(copied)
    [copy] = list_backups(backups_folder(copied, home))
    version = copy.data / "PG_VERSION"
    text = version.read_text()

    assert backup_proof.faults(copy.data) == []
    version.write_text("17\n")
    assert backup_proof.faults(copy.data) == ["PG_VERSION: its content changed"]
    version.unlink()
    assert backup_proof.faults(copy.data) == ["PG_VERSION: missing"]
    version.write_text(text)


@pytest.mark.asyncio(loop_scope="session")
async def test_a_copy_that_rotted_is_told_before_anything_is_put_aside(
    copied: Mapping[str, str],
) -> None:
    home: Home = open_home(copied)
    [copy] = list_backups(backups_folder(copied, home))
    version = copy.data / "PG_VERSION"
    text, before = version.read_text(), set((home.folder / "postgres").iterdir())
    version.write_text("17\n")
    try:
        with pytest.raises(BackupError, match="PG_VERSION: its content changed"):
            await run_restore(copied, "", say)
    finally:
        version.write_text(text)
    assert set((home.folder / "postgres").iterdir()) == before


@pytest.mark.asyncio(loop_scope="session")
async def test_two_backups_at_once_do_each_other_no_harm(
    copied: Mapping[str, str], server_folder: Path
) -> None:
    folder = server_folder / "two-at-once"
    async with a_server(copied) as server:
        made = await asyncio.gather(
            *(
                asyncio.to_thread(make_backup, server.url("postgres"), folder, keep=9)
                for _ in range(2)
            ),
            return_exceptions=True,
        )

    [refused] = [one for one in made if isinstance(one, BaseException)]
    assert str(refused).startswith("Another backup is being made in ")
    [copy] = [one for one in made if isinstance(one, Backup)]
    assert backup_proof.faults(copy.data) == []


def test_a_place_for_backups_that_cannot_be_one_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(BackupError, match=r"NOTAPONTE_BACKUPS: .*file cannot be used"):
        make_backup("postgresql://nobody@127.0.0.1:1/x", file, keep=1)


def test_a_copy_that_does_not_say_what_it_is_is_named(tmp_path: Path) -> None:
    (tmp_path / "20261130T000000Z").mkdir()
    about = tmp_path / "20261130T000000Z" / "about.json"
    about.write_text("{")
    with pytest.raises(BackupError, match="is damaged: put that copy right"):
        list_backups(tmp_path)
