"""The whole system on one machine, in the foreground, until it is told to stop."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Final

import asyncpg
import psutil

from shared.config.doubts import doubts
from shared.db.connection import CONNECT_SECONDS, connect
from shared.db.people import people_store
from shared.local import seen
from shared.local.files import bare_environment
from shared.local.home import Home, open_home, usable
from shared.ops.up.beside import run_beside
from shared.ops.up.processes import clear_away
from shared.ops.up.programs import OurService, Program, UpPart, clear_counts, service_programs
from shared.ops.up.ready import all_ready, running_now
from shared.ops.up.said import say
from shared.ops.up.settings import Ports, check_ports, check_settings, service_environment
from shared.ops.up.stores import prepare_stores, stores_ready
from shared.ops.up.supervisor import Supervisor, let_go
from shared.ops.up.timeline import Timeline
from shared.run.loops import Next, Periodic, beside

STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
WATCH_SECONDS: Final = 0.5
REMEMBER_EVERY: Final = timedelta(seconds=10)
OWNER_AGAIN: Final = timedelta(seconds=5)  # between tries to make the first owner's link


def up(env: Mapping[str, str], services: Sequence[OurService], *, timings: bool = False) -> None:
    """Run everything until SIGINT, SIGTERM or SIGHUP, then leave no process behind.

    Prints one line on stdout, `ready …`, once every service is ready; all else goes to stderr
    and to the logs, with `timings` also when each step of the start was done. Raises SettingsError,
    HomeBusyError, SchemaError, WrongKeysError, DatabaseAwayError, RedisAwayError,
    ServerNotStartedError.
    """
    home = open_home(env)
    with usable(home), home.locked():
        asyncio.run(_until_told_to_stop(env, services, home, Timeline(told=timings)))


async def _until_told_to_stop(
    env: Mapping[str, str], services: Sequence[OurService], home: Home, timeline: Timeline
) -> None:
    running = asyncio.create_task(_run(env, services, home, timeline))
    loop = asyncio.get_running_loop()
    told: asyncio.Future[str] = loop.create_future()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, _tell, told, number.name)
    await asyncio.wait((running, told), return_when=asyncio.FIRST_COMPLETED)
    if told.done():
        say(f"stopping, told by {told.result()}")
    running.cancel()  # once: a second Ctrl-C does not break off the stopping
    try:
        await running
    except asyncio.CancelledError:
        say("stopped")


def _tell(told: asyncio.Future[str], signal_name: str) -> None:
    if not told.done():
        told.set_result(signal_name)


async def _run(
    env: Mapping[str, str], services: Sequence[OurService], home: Home, timeline: Timeline
) -> None:
    given = service_environment(env, home)
    ports = check_settings(given, services)
    for sentence in doubts(given):
        say(sentence)
    await asyncio.to_thread(_clear_leftovers, home)
    check_ports(services, ports)
    timeline.done("settings and ports are good")
    stores = await prepare_stores(given, home)
    clear_counts(home, services)
    programs = {one: service_programs(one) for one in services}
    every = [program for of_one in programs.values() for program in of_one]
    # Services are loaded while the servers start, and begin once these are ready.
    async with (
        _supervised(home, "servers", stores.programs, bare_environment(given)) as keepers,
        _supervised(home, "services", every, given | stores.settings()) as workers,
    ):
        let_go(keepers)
        timeline.done("supervisors are started")
        await stores_ready(stores, keepers, given, home, timeline)
        let_go(workers)
        places = {
            program.name: ports[service.name]
            for service, of_one in programs.items()
            for program in of_one
        }
        supervisors = [*keepers, *workers]
        running = await all_ready(supervisors, places, home, timeline)
        print(_ready_line(services, ports), flush=True)  # noqa: T201 - the promised line
        timeline.done("ready")
        also = {"remember": partial(_remember, stores.owner_url, home)}
        if "panel" in ports:
            env, port = given | stores.settings(), ports["panel"].public
            also["tell_first_owner"] = partial(_tell_first_owner, env, home, port)
        async with beside(**also):
            await _watch(supervisors, running)


def _clear_leftovers(home: Home) -> None:
    """End what an `up` that was killed left running, so that no data is served twice."""
    clear_away(home, "services")
    clear_away(home, "servers")


@asynccontextmanager
async def _supervised(
    home: Home, part: UpPart, programs: Sequence[Program], env: Mapping[str, str]
) -> AsyncIterator[Sequence[Supervisor]]:
    """Keep programs running inside the block, once they are let go; none is left when it ends."""
    if not programs:
        yield ()
        return
    supervisor = Supervisor(home=home, part=part, programs=programs, env=env)
    supervisor.start()
    try:
        yield (supervisor,)
    finally:
        supervisor.stop()  # blocks: nothing may come between it and the end


def _ready_line(services: Sequence[OurService], ports: Mapping[str, Ports]) -> str:
    shown = (
        f"{service.shown_as}=http://127.0.0.1:{ports[service.name].public}"
        for service in services
        if service.shown_as
    )
    return " ".join(["ready", *shown])


async def _tell_first_owner(env: Mapping[str, str], home: Home, port: int) -> None:
    """While nobody can sign in, say where the first owner makes an account: a link for once.

    Tried again where the database is just being started again; why it failed is told at first.
    """
    faults: list[str] = []

    async def step() -> Next | None:
        conn = await connect(env["DATABASE_URL"])
        try:
            if await people_store.is_anybody_here(conn):
                return Next.NEVER
        finally:
            await conn.close()
        panel = env.get("PUBLIC_PANEL_URL") or f"http://127.0.0.1:{port}"
        code, link, fault = await run_beside(["shared.ops.up.first_owner", panel], env, home)
        if code == os.EX_OK:
            if link:
                say(f"nobody can sign in yet; the first owner begins here, once: {link}")
            return Next.NEVER
        if not faults:
            words = "nobody can sign in yet, and a link for the first owner could not be made"
            say(f"{words}, which is tried again: {fault}")
        faults.append(fault)
        return None

    await Periodic(
        name="first-owner", step=step, every=OWNER_AGAIN, failed="first_owner_not_told"
    ).run()


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
                if supervisor.has_ended() and await asyncio.to_thread(supervisor.revive):
                    say(f"the supervisor of the {supervisor.part} died and was started again")
            except OSError as error:  # a full disk, no memory: that passes
                say(f"the supervisor of the {supervisor.part} cannot start: {error.strerror}")
        if all(map(psutil.pid_exists, running.values())):
            continue  # a look through all processes of the machine costs more than the rest
        now = await asyncio.to_thread(running_now, supervisors)
        for name in sorted(restarted(running, now)):
            say(f"{name} ended and was started again; see {supervisors[0].home.logs}")
        running = {**running, **now}


def restarted(before: Mapping[str, int], now: Mapping[str, int]) -> set[str]:
    """The programs that run in another process than before; what is away just now is not told."""
    return {name for name, pid in now.items() if before.get(name, pid) != pid}
