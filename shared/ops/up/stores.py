"""The servers below the services: where they are, and what is made ready in them at a start."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import asyncpg

from shared.db.connection import CONNECT_SECONDS, connect
from shared.db.revision import SchemaError, current_revision, head_revision
from shared.local import seen
from shared.local.backup import archive_folder, backups_folder
from shared.local.files import free_port, write_private
from shared.local.home import Home
from shared.local.postgres import (
    EmbeddedPostgres,
    ensure_database,
    let_services_in,
    prepare_postgres,
    wait_for_postgres,
)
from shared.local.redis import demand_redis, prepare_redis, unfit, wait_for_redis
from shared.ops.up.beside import run_beside
from shared.ops.up.programs import Program, postgres_program, redis_program
from shared.ops.up.said import say
from shared.ops.up.settings import check_keys
from shared.ops.up.starting import up_or_told
from shared.ops.up.supervisor import Supervisor
from shared.ops.up.timeline import Timeline


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """Where the servers are: for services, and for whoever owns the tables."""

    database_url: str
    owner_url: str
    redis_url: str
    embedded: EmbeddedPostgres | None  # whose services' role is let in once it is there
    own_redis: bool
    programs: Sequence[Program]  # those that the environment does not replace

    def settings(self) -> dict[str, str]:
        """What services are told: never the owner's address."""
        return {"DATABASE_URL": self.database_url, "REDIS_URL": self.redis_url}


async def prepare_stores(env: Mapping[str, str], home: Home) -> Stores:
    """Lay out the embedded servers that the environment does not replace; none is started."""
    programs: list[Program] = []
    redis_url, own_redis = env.get("REDIS_URL"), False
    if not redis_url:
        redis = prepare_redis(home.folder, port=free_port())
        programs.append(redis_program(redis))
        redis_url, own_redis = redis.url(), True
    postgres, database_url = None, env.get("DATABASE_URL")
    if not database_url:
        archive = archive_folder(backups_folder(env, home))
        postgres = await asyncio.to_thread(
            prepare_postgres, home.folder, port=free_port(), archive=archive
        )
        programs.append(postgres_program(postgres))
        database_url = postgres.services_url()
    stores = Stores(
        database_url=database_url,
        owner_url=postgres.url() if postgres else database_url,
        redis_url=redis_url,
        embedded=postgres,
        own_redis=own_redis,
        programs=programs,
    )
    write_private(home.database_url, stores.owner_url)  # commands beside it are the operator's
    write_private(home.services_database_url, stores.database_url)
    write_private(home.redis_url, stores.redis_url)
    return stores


async def stores_ready(
    stores: Stores,
    keepers: Sequence[Supervisor],
    env: Mapping[str, str],
    home: Home,
    timeline: Timeline,
) -> None:
    """Return once services may start: the servers answer, tables and roles are there, keys fit.

    `keepers` keep the embedded ones running.
    """
    if stores.embedded:
        answers = wait_for_postgres(stores.embedded.url("postgres"))
        await up_or_told(answers, keepers, "postgres", home)
        timeline.done("PostgreSQL answers")
        await ensure_database(stores.embedded)
    if stores.own_redis:
        await up_or_told(wait_for_redis(stores.redis_url), keepers, "redis", home)
    else:
        await demand_redis(stores.redis_url)
        if why := await unfit(stores.redis_url):  # work goes on without it, but not as well
            say(f"REDIS_URL: of no use as it is: {why}")
    timeline.done("Redis answers")
    await _migrate(stores.owner_url, env, home)
    timeline.done("the schema is at head")
    await _look_back(stores.owner_url, home)
    if stores.embedded is not None:
        await let_services_in(stores.embedded)
    await check_keys(stores.database_url, env["SECRET_KEYS"])
    timeline.done("keys fit")


async def _migrate(url: str, env: Mapping[str, str], home: Home) -> None:
    """Bring the database to head, in a process of its own: what that loads is needed once.

    Raises SchemaError with the words of that process.
    """
    conn = await connect(url)
    try:
        if await current_revision(conn) == head_revision():
            return
    finally:
        await conn.close()
    code, _, fault = await run_beside(["shared.ops", "migrate"], {**env, "DATABASE_URL": url}, home)
    if code != os.EX_OK:
        raise SchemaError(fault)


async def _look_back(url: str, home: Home) -> None:
    """Tell a person if the database is an older one than was used here before."""
    conn = await asyncpg.connect(url, timeout=CONNECT_SECONDS)
    try:
        restore = await seen.look_any_tenant(home, conn)
    finally:
        await conn.close()
    if restore is not None:
        say(
            "the database is an older copy; nothing is issued before the issuers' lists since"
            f" {restore.since.isoformat(timespec='seconds')} were read"
        )
