"""The whole system on one machine, in the foreground, until it is told to stop."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

import aiohttp
import asyncpg

from shared.commands.people import first_owner_url
from shared.config.env import Env
from shared.config.settings import read_database
from shared.crypto.seal import Sealer
from shared.db.connection import CONNECT_SECONDS, open_pool
from shared.db.migrate import migrate
from shared.keys import prove_keys
from shared.local import seen
from shared.local.backup import archive_folder, backups_folder
from shared.local.files import bare_environment, free_port, write_private
from shared.local.home import Home, open_home, usable
from shared.local.postgres import (
    EmbeddedPostgres,
    ensure_database,
    let_services_in,
    prepare_postgres,
    wait_for_postgres,
)
from shared.local.redis import demand_redis, prepare_redis, wait_for_redis
from shared.ops.up.processes import clear_away, listens
from shared.ops.up.programs import (
    OurService,
    Program,
    UpPart,
    clear_counts,
    postgres_program,
    redis_program,
    service_programs,
)
from shared.ops.up.settings import (
    Ports,
    check_keys,
    check_ports,
    check_settings,
    service_environment,
)
from shared.ops.up.supervisor import Supervisor
from shared.run.loops import Periodic, beside

STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
WATCH_SECONDS: Final = 0.5
REMEMBER_EVERY: Final = timedelta(seconds=10)
ASK_SECONDS: Final = 0.1
PATIENCE_SECONDS: Final = 20.0  # then a person is told what is being waited for
STEADY_SECONDS: Final = 1.0  # so long the same processes must have run before all is called ready


def up(env: Mapping[str, str], services: Sequence[OurService]) -> None:
    """Run everything until SIGINT, SIGTERM or SIGHUP, then leave no process behind.

    Prints one line on stdout, `ready …`, once every service is ready; all else goes to stderr
    and to the logs. Raises SettingsError, HomeBusyError, SchemaError, WrongKeysError,
    DatabaseAwayError, RedisAwayError.
    """
    home = open_home(env)
    with usable(home), home.locked():
        asyncio.run(_until_told_to_stop(env, services, home))


async def _until_told_to_stop(
    env: Mapping[str, str], services: Sequence[OurService], home: Home
) -> None:
    running = asyncio.create_task(_run(env, services, home))
    loop = asyncio.get_running_loop()
    told: asyncio.Future[str] = loop.create_future()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, _tell, told, number.name)
    await asyncio.wait((running, told), return_when=asyncio.FIRST_COMPLETED)
    if told.done():
        _say(f"stopping, told by {told.result()}")
    running.cancel()  # once: a second Ctrl-C does not break off the stopping
    try:
        await running
    except asyncio.CancelledError:
        _say("stopped")


def _tell(told: asyncio.Future[str], signal_name: str) -> None:
    if not told.done():
        told.set_result(signal_name)


async def _run(env: Mapping[str, str], services: Sequence[OurService], home: Home) -> None:
    given = service_environment(env, home)
    ports = check_settings(given, services)
    await asyncio.to_thread(_clear_leftovers, home)
    check_ports(services, ports)
    async with _servers(given, home) as (stores, keepers):
        await migrate(stores.owner_url)
        await _look_back(stores.owner_url, home)
        if stores.embedded is not None:
            await let_services_in(stores.embedded)
        await check_keys(stores.database_url, given["SECRET_KEYS"])
        clear_counts(home, services)
        programs = {one: service_programs(one) for one in services}
        every = [program for of_one in programs.values() for program in of_one]
        async with _supervised(home, "services", every, given | stores.settings()) as workers:
            places = {
                program.name: ports[service.name]
                for service, of_one in programs.items()
                for program in of_one
            }
            supervisors = [*keepers, *workers]
            running = await _ready(supervisors, places, home)
            print(_ready_line(services, ports), flush=True)  # noqa: T201 - the promised line
            if "panel" in ports:
                await _tell_first_owner(stores.database_url, given, ports["panel"].public)
            async with beside(remember=partial(_remember, stores.owner_url, home)):
                await _watch(supervisors, running)


def _clear_leftovers(home: Home) -> None:
    """End what an `up` that was killed left running, so that no data is served twice."""
    clear_away(home, "services")
    clear_away(home, "servers")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """Where the servers are: for services, and for whoever owns the tables."""

    database_url: str
    owner_url: str
    redis_url: str
    embedded: EmbeddedPostgres | None  # whose services' role is let in once it is there

    def settings(self) -> dict[str, str]:
        """What services are told: never the owner's address."""
        return {"DATABASE_URL": self.database_url, "REDIS_URL": self.redis_url}


@asynccontextmanager
async def _servers(
    env: Mapping[str, str], home: Home
) -> AsyncIterator[tuple[Stores, Sequence[Supervisor]]]:
    """Start the embedded servers that the environment does not replace."""
    programs: list[Program] = []
    redis_url = env.get("REDIS_URL")
    if not redis_url:
        redis = prepare_redis(home.folder, port=free_port())
        programs.append(redis_program(redis))
        redis_url = redis.url()
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
    )
    write_private(home.database_url, stores.owner_url)  # commands beside it are the operator's
    async with _supervised(home, "servers", programs, bare_environment(env)) as keepers:
        if postgres:
            await wait_for_postgres(postgres.url("postgres"))
            await ensure_database(postgres)
        if env.get("REDIS_URL"):
            await demand_redis(redis_url)
        else:
            await wait_for_redis(redis_url)
        yield stores, keepers


@asynccontextmanager
async def _supervised(
    home: Home, part: UpPart, programs: Sequence[Program], env: Mapping[str, str]
) -> AsyncIterator[Sequence[Supervisor]]:
    """Keep programs running inside the block; none is left when it ends."""
    if not programs:
        yield ()
        return
    supervisor = Supervisor(home=home, part=part, programs=programs, env=env)
    supervisor.start()
    try:
        yield (supervisor,)
    finally:
        supervisor.stop()  # blocks: nothing may come between it and the end


async def _ready(
    supervisors: Sequence[Supervisor], places: Mapping[str, Ports], home: Home
) -> dict[str, int]:
    """Return once every program is up and has stayed up, with the process of each.

    `places` has the ports of each of our programs. A port answers as soon as one of those that
    share it is ready, so each process is looked at by itself.
    """
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
        while True:
            await asyncio.gather(
                *(
                    _program_ready(session, supervisors, name, ports, home)
                    for name, ports in places.items()
                )
            )
            before = await asyncio.to_thread(_running, supervisors)
            await asyncio.sleep(STEADY_SECONDS)
            if before == await asyncio.to_thread(_running, supervisors):
                return before


async def _program_ready(
    session: aiohttp.ClientSession,
    supervisors: Sequence[Supervisor],
    name: str,
    ports: Ports,
    home: Home,
) -> None:
    loop = asyncio.get_running_loop()
    tell_at = loop.time() + PATIENCE_SECONDS
    while not (
        await asyncio.to_thread(_is_up, supervisors, name, ports)
        and await _says_ready(session, ports.private)
    ):
        if loop.time() > tell_at:
            _say(f"still waiting for {name}; see {home.logs / name}.log")
            tell_at += PATIENCE_SECONDS
        await asyncio.sleep(ASK_SECONDS)


def _is_up(supervisors: Sequence[Supervisor], name: str, ports: Ports) -> bool:
    pid = _running(supervisors).get(name)
    return pid is not None and listens(pid, ports.public) and listens(pid, ports.private)


def _running(supervisors: Sequence[Supervisor]) -> dict[str, int]:
    return {name: pid for supervisor in supervisors for name, pid in supervisor.running().items()}


async def _says_ready(session: aiohttp.ClientSession, port: int) -> bool:
    try:
        async with session.get(f"http://127.0.0.1:{port}/readyz") as answer:
            return answer.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False


def _ready_line(services: Sequence[OurService], ports: Mapping[str, Ports]) -> str:
    shown = (
        f"{service.shown_as}=http://127.0.0.1:{ports[service.name].public}"
        for service in services
        if service.shown_as
    )
    return " ".join(["ready", *shown])


async def _tell_first_owner(url: str, env: Mapping[str, str], port: int) -> None:
    """While nobody can sign in, say where the first owner makes an account: a link for once."""
    with Env(values={**env, "DATABASE_URL": url}) as var:
        keys = var.secret_keys("SECRET_KEYS")
        settings = read_database(var)
    base = env.get("PUBLIC_PANEL_URL") or f"http://127.0.0.1:{port}"
    async with open_pool(settings, application="up") as pool:
        sealer = Sealer.from_text(key.reveal() for key in keys)
        async with pool.acquire() as conn:
            await prove_keys(conn, sealer)
        link = await first_owner_url(pool, sealer, base.rstrip("/"))
    if link is not None:
        _say(f"nobody can sign in yet; the first owner begins here, once: {link}")


async def _look_back(url: str, home: Home) -> None:
    """Tell a person if the database is an older one than was used here before."""
    conn = await asyncpg.connect(url, timeout=CONNECT_SECONDS)
    try:
        restore = await seen.look_any_tenant(home, conn)
    finally:
        await conn.close()
    if restore is not None:
        _say(
            "the database is an older copy; nothing is issued before the issuers' lists since"
            f" {restore.since.isoformat(timespec='seconds')} were read"
        )


async def _remember(url: str, home: Home) -> None:
    """Write down beside the database how far it is, until cancelled."""

    async def step() -> None:
        conn = await asyncpg.connect(url, timeout=CONNECT_SECONDS)
        try:
            await seen.note(home, conn)
        finally:
            await conn.close()

    await Periodic(
        name="remember", step=step, every=REMEMBER_EVERY, failed="database_not_remembered"
    ).run()


async def _watch(supervisors: Sequence[Supervisor], running: Mapping[str, int]) -> None:
    """Revive a supervisor that dies; it revives everything else, of which a person is told."""
    while True:
        await asyncio.sleep(WATCH_SECONDS)
        for supervisor in supervisors:
            try:
                if await asyncio.to_thread(supervisor.revive):
                    _say(f"the supervisor of the {supervisor.part} died and was started again")
            except OSError as error:  # a full disk, no memory: that passes
                _say(f"the supervisor of the {supervisor.part} cannot start: {error.strerror}")
        now = await asyncio.to_thread(_running, supervisors)
        for name in sorted(restarted(running, now)):
            _say(f"{name} ended and was started again; see {supervisors[0].home.logs}")
        running = {**running, **now}


def restarted(before: Mapping[str, int], now: Mapping[str, int]) -> set[str]:
    """The programs that run in another process than before; what is away just now is not told."""
    return {name for name, pid in now.items() if before.get(name, pid) != pid}


def _say(text: str) -> None:
    sys.stderr.write(f"notaponte: {text}\n")
    sys.stderr.flush()
