"""PgBouncer in transaction mode before a test's PostgreSQL: Debian's binary, on a port of ours.

It keeps few connections to the server, fewer than its clients have, so that what leans on a session
is found out: two statements outside of a transaction seldom meet the same one.
"""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import asyncpg

from shared.local.files import LOOPBACK, free_port, let_through, server_account

PLACES = (os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin")
SERVER_CONNECTIONS = 3
START_SECONDS = 30
MISSING = (
    "there is no pgbouncer on the PATH: apt-get install pgbouncer, or the journeys beside it"
    " (NOTAPONTE_POOLER=none)"
)


def wants_pooler() -> bool:
    """Say whether every journey is to go through it."""
    return os.environ.get("NOTAPONTE_POOLER") == "pgbouncer"


def pgbouncer_binary() -> str | None:
    """Debian keeps it where only root looks by itself."""
    return shutil.which("pgbouncer", path=os.pathsep.join(PLACES))


@asynccontextmanager
async def running_pgbouncer(
    database: str, folder: Path, *, connections: int = SERVER_CONNECTIONS
) -> AsyncIterator[str]:
    """The same database by way of a pooler of our own, as an URL."""
    binary = pgbouncer_binary()
    assert binary, MISSING
    url = urlsplit(database)
    port = free_port()
    home = folder / f"pgbouncer-{port}"
    _write(home, database, port, connections)
    process = await asyncio.create_subprocess_exec(
        binary,
        str(home / "pgbouncer.ini"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
        **_as_account(),
    )
    pooled = urlunsplit(url._replace(netloc=f"{url.netloc.rpartition('@')[0]}@{LOOPBACK}:{port}"))
    try:
        await _answers(pooled)
        yield pooled
    finally:
        process.terminate()  # at once: who waits for clients is told by SIGINT
        await process.wait()


def _write(home: Path, database: str, port: int, connections: int) -> None:
    url = urlsplit(database)
    home.mkdir(mode=0o700)
    password = unquote(url.password or "").replace('"', '""')
    (home / "users.txt").write_text(f'"{url.username}" "{password}"\n')
    (home / "pgbouncer.ini").write_text(
        "\n".join(
            [
                "[databases]",
                f"* = host={url.hostname} port={url.port}",
                "[pgbouncer]",
                f"listen_addr = {LOOPBACK}",
                f"listen_port = {port}",
                "unix_socket_dir =",
                "auth_type = scram-sha-256",
                f"auth_file = {home / 'users.txt'}",
                f"logfile = {home / 'pgbouncer.log'}",
                "pool_mode = transaction",
                f"default_pool_size = {connections}",
                "max_client_conn = 500",
                "query_wait_timeout = 60",
                "",
            ]
        )
    )
    if account := server_account():
        let_through(home)
        for path in (home, *home.iterdir()):
            os.chown(path, account.pw_uid, account.pw_gid)


def _as_account() -> dict[str, Any]:
    """It refuses to be root, as PostgreSQL does."""
    account = server_account()
    if account is None:
        return {}
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


async def _answers(url: str) -> None:
    async with asyncio.timeout(START_SECONDS):
        while True:
            try:
                connection = await asyncpg.connect(url, statement_cache_size=0)
            except (OSError, asyncpg.PostgresError):
                await asyncio.sleep(0.05)
            else:
                await connection.close()
                return
