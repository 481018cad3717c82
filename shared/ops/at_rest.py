"""The embedded database for a command, also while no `up` runs: some mend why it does not."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from shared.config.env import Env
from shared.config.settings import database_url
from shared.local.backup import archive_folder, backups_folder
from shared.local.files import free_port
from shared.local.home import Home, home_of, known_settings, resting, usable
from shared.local.not_started import ServerNotStartedError, size_of
from shared.local.postgres import (
    DURABLE,
    OWNER,
    EmbeddedPostgres,
    prepare_postgres,
    serving,
    wait_for_postgres,
)
from shared.ops.up.processes import clear_away
from shared.run.tasks import end_task


@asynccontextmanager
async def database_for(env: Mapping[str, str]) -> AsyncIterator[str]:
    """The owner's address of the database that a command is about.

    The embedded one of an `up` that rests runs until the block ends, and no `up` starts meanwhile.
    Raises SettingsError where there is none, HomeBusyError where one begins just now, and
    ServerNotStartedError.
    """
    home = home_of(env)
    if resting(env) is not None and (home.folder / "postgres" / "data").is_dir():
        with home.locked(), usable(home):
            async with serving_at_rest(home, backups_folder(env, home)) as server:
                yield server.url(OWNER)
                return
    with Env(values=known_settings(env)) as var:
        url = database_url(var)
    yield url.reveal()


@asynccontextmanager
async def serving_at_rest(home: Home, backups: Path) -> AsyncIterator[EmbeddedPostgres]:
    """The embedded server, taking connections, in a home that the caller has locked."""
    clear_away(home, "services")
    clear_away(home, "servers")
    server = prepare_postgres(home.folder, port=free_port(), archive=archive_folder(backups))
    log = home.folder / "postgres.log"
    before = size_of(log)
    async with serving(server, DURABLE, log) as process:
        answers = asyncio.create_task(wait_for_postgres(server.url("postgres")))
        ends = asyncio.create_task(process.wait())
        try:
            await asyncio.wait((answers, ends), return_when=asyncio.FIRST_COMPLETED)
            if not answers.done() or answers.exception() is not None:
                raise ServerNotStartedError("postgres", log, before)
        finally:
            await end_task(answers)
            await end_task(ends)
        yield server
