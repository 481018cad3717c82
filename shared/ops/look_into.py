"""`make psql`: what runbooks ask the database, by the embedded server's psql or the machine's."""

import os
import shutil
import sys
from typing import Final, NoReturn
from urllib.parse import unquote, urlsplit, urlunsplit

from shared.config.env import SettingsError
from shared.local.postgres import installation

READ_ONLY: Final = "-c default_transaction_read_only=on -c statement_timeout=60s"


def look_into(url: str, sql: str) -> NoReturn:
    """Become psql at this address, which may write nothing; SettingsError where there is none.

    The password goes by the environment: lists of processes show what a command is given.
    """
    program = _psql()
    parts = urlsplit(url)
    user, _, place = parts.netloc.rpartition("@")
    name, _, password = user.partition(":")
    address = parts._replace(netloc=f"{name}@{place}" if name else place)
    command = [program, "--no-psqlrc", "--dbname", urlunsplit(address)]
    if sql:
        command += ["--pset", "pager=off", "--set", "ON_ERROR_STOP=1", "--command", sql]
    env = {**os.environ, "PGOPTIONS": READ_ONLY, "PGAPPNAME": "notaponte-psql"}
    if password:
        env["PGPASSWORD"] = unquote(password)
    sys.stdout.flush()
    os.execve(program, command, env)  # noqa: S606 - what a person asked for, in place of ourselves


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
