"""A server of ours that does not come up ends `make up` with its own word, not a loop."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from shared.config.env import SettingsError
from shared.local.files import free_port
from shared.local.home import open_home
from shared.local.not_started import last_word, size_of
from shared.local.postgres import prepare_postgres
from shared.ops.up.programs import SERVICES

PATIENCE = 90
OF_POSTGRES = """\
2026-11-30 04:50:00 UTC [7] FATAL:  could not access file "pg_wal/x": No such file or directory
2026-11-30 04:50:00 UTC [7] LOG:  starting PostgreSQL 18
2026-11-30 04:50:01 UTC [8] FATAL:  the database system is starting up
2026-11-30 04:50:01 UTC [9] PANIC:  could not locate a valid checkpoint record at 0/1
2026-11-30 04:50:02 UTC [7] LOG:  aborting startup due to startup process failure
"""
OF_REDIS = """\
12:M 30 Nov 2026 04:50:00.000 * Ready to accept connections tcp
12:M 30 Nov 2026 04:50:00.000 # Bad file format reading the append only file x.aof: fix it
"""


async def ended(folder: Path, verb: str, *, within: float = PATIENCE) -> tuple[int | None, str]:
    ports = {one.port_setting: str(free_port()) for one in SERVICES}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "shared.ops", verb),
        env={"PATH": os.environ["PATH"], "NOTAPONTE_HOME": str(folder), **ports},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    words, _ = await asyncio.wait_for(process.communicate(), within)
    assert b"Traceback" not in words
    return process.returncode, words.decode()


@pytest.fixture
def laid_out(server_folder: Path, tmp_path: Path) -> Path:
    """A home whose PostgreSQL was made and never ran."""
    home = open_home({"NOTAPONTE_HOME": str(server_folder / f"not-started-{tmp_path.name}")})
    prepare_postgres(home.folder, port=1)
    return home.folder


async def test_files_of_another_postgresql_end_up_and_a_backup_with_its_own_word(
    laid_out: Path,
) -> None:
    (laid_out / "postgres" / "data" / "PG_VERSION").write_text("17\n")

    for verb in ("up", "backup"):
        code, words = await ended(laid_out, verb)
        assert code == 1, verb
        assert "postgres does not start: FATAL:" in words
        assert "incompatible with server" in words
        assert str(laid_out) in words


async def test_the_password_of_another_home_is_named_and_one_that_is_gone(laid_out: Path) -> None:
    secret = laid_out / "postgres-password"
    secret.write_text("of another home")

    code, words = await ended(laid_out, "up")

    assert code == 2
    assert f"{secret} is not of the database beside it" in words
    secret.unlink()
    with pytest.raises(SettingsError, match="postgres-password is gone"):
        prepare_postgres(laid_out, port=1)


def test_of_what_a_server_said_since_the_start_the_weightiest_is_told(tmp_path: Path) -> None:
    log = tmp_path / "postgres.log"
    assert (size_of(log), last_word("postgres", log, 0)) == (0, "")
    log.write_text(OF_POSTGRES)

    assert last_word("postgres", log, 0).startswith("PANIC:  could not locate a valid checkpoint")
    assert last_word("postgres", log, size_of(log)) == ""
    assert last_word("postgres", log, 10**9).startswith("PANIC:")  # begun anew meanwhile
    log.write_text("".join(OF_POSTGRES.splitlines(keepends=True)[:3]))
    assert last_word("postgres", log, 0).startswith("FATAL:  could not access file")


def test_redis_is_told_by_its_last_warning(tmp_path: Path) -> None:
    log = tmp_path / "redis.log"
    log.write_text(OF_REDIS)

    assert last_word("redis", log, 0).startswith("Bad file format reading the append only file")


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("secret-keys", b""),
        ("secret-keys", b"short"),
        ("secret-keys", b"\xff\x00"),
        ("internal-token", b" "),
    ],
)
def test_a_secret_of_the_home_that_is_none_is_named_by_its_file(
    tmp_path: Path, file: str, content: bytes
) -> None:
    home = open_home({"NOTAPONTE_HOME": str(tmp_path)})
    (tmp_path / file).write_bytes(content)

    with pytest.raises(SettingsError, match=f"{file} does not hold"):
        home.secret_keys() if file == "secret-keys" else home.internal_token()
    assert (tmp_path / file).read_bytes() == content
