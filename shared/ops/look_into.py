"""`make psql`: what runbooks ask the database, by the embedded server's psql or the machine's."""

import asyncio
import shutil
import signal
import sys
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote, urlsplit, urlunsplit

from shared.config.env import SettingsError
from shared.local.postgres import installation
from shared.ops.at_rest import database_for

READ_ONLY: Final = "-c default_transaction_read_only=on -c statement_timeout=60s"
CONNECT_SECONDS: Final = 10  # one that hangs is told, and not waited for


async def look_into(env: Mapping[str, str], sql: str) -> int:
    """Run psql, which may write nothing, and say how it ended; SettingsError where there is none.

    The password goes by the environment: lists of processes show what a command is given.
    """
    program = _psql()
    async with database_for(env) as url:
        address, password = _without_password(url)
        command = [program, "--no-psqlrc", "--dbname", address]
        if sql:
            command += ["--pset", "pager=off", "--set", "ON_ERROR_STOP=1", "--command", sql]
        limits = {"PGCONNECT_TIMEOUT": str(CONNECT_SECONDS)}
        said = {"PGOPTIONS": READ_ONLY, "PGAPPNAME": "notaponte-psql", **password}
        # Ctrl-C ends a statement there, and not the session.
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, lambda: None)
        sys.stdout.flush()
        process = await asyncio.create_subprocess_exec(*command, env={**limits, **env, **said})
        return await process.wait()


def _without_password(url: str) -> tuple[str, dict[str, str]]:
    parts = urlsplit(url)
    user, _, place = parts.netloc.rpartition("@")
    name, _, password = user.partition(":")
    address = urlunsplit(parts._replace(netloc=f"{name}@{place}" if name else place))
    return address, {"PGPASSWORD": unquote(password)} if password else {}


def _psql() -> str:
    """The embedded server's own, which fits it; else the machine's."""
    try:
        own = installation() / "bin" / "psql"
    except RuntimeError:  # an image has no embedded server
        own = None
    program = str(own) if own is not None and own.exists() else shutil.which("psql")
    if program is None:
        raise SettingsError(("psql is not here; ask where PostgreSQL runs.",))
    return program
