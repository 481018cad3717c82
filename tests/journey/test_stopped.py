"""An emitter is stopped while its requests wait for their turn, another takes over, it goes on.

Real processes, SIGSTOP and SIGCONT, and an issuer that makes a second nota of a repeated request.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import pytest

from services.sandbox.enotas.app import EnotasApp
from services.sandbox.run import running_sandbox
from services.sandbox.wire import Answer, Call
from shared.local.files import free_port
from tests.journey.system import PATIENCE, Service, System, a_system

QUICK = "tests.journey.quick_emitter"
SALES = 6  # at five a second: all but the first two wait for a turn when those are at the issuer


@dataclass(slots=True)
class Stopper:
    """Stops a process the moment its second request for a nota is at the issuer.

    By the first one others may still be asking for a place, which they would give up once they go
    on: a turn of their own is what they have to be stopped in.
    """

    victim: Service | None = None
    sent: int = 0
    stopped: asyncio.Event = field(default_factory=asyncio.Event)

    def lie_in_wait(self, monkeypatch: pytest.MonkeyPatch) -> None:
        real = EnotasApp.handle

        def handle(app: EnotasApp, call: Call) -> Answer:
            self.sent += self.victim is not None and call.method == "POST"
            if self.victim is not None and not self.stopped.is_set() and self.sent > 1:
                send(self.victim, signal.SIGSTOP)
                self.stopped.set()
            return real(app, call)

        monkeypatch.setattr(EnotasApp, "handle", handle)


def send(service: Service, number: signal.Signals) -> None:
    assert service.process is not None
    os.kill(service.process.pid, number)


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await holds():
            await asyncio.sleep(0.05)


@asynccontextmanager
async def another(system: System, **environment: str) -> AsyncIterator[Service]:
    """A second emitter beside the system's."""
    port, first = free_port(), system.emitter
    service = Service(
        name="emitter",
        module=QUICK,
        port=port,
        environment={**first.environment, "EMITTER_PORT": str(port), **environment},
        log=first.log.with_name("another.log"),
    )
    await service.start()
    try:
        yield service
    finally:
        await service.stop()


async def count(database: str, sql: str) -> int:
    conn = await asyncpg.connect(database)
    try:
        found: int = await conn.fetchval(sql)
    finally:
        await conn.close()
    return found


async def sold_while_it_is_stopped(system: System, database: str) -> None:
    """Sales that the emitter finds together, so that it asks for all their notas at once."""
    send(system.emitter, signal.SIGSTOP)
    for _ in range(SALES):
        system.sell()

    async def heard() -> bool:
        return await count(
            database, "SELECT count(*) FROM outbox WHERE heard_at > '-infinity'"
        ) >= (SALES)

    await until(heard)
    send(system.emitter, signal.SIGCONT)


@pytest.mark.parametrize("careless", [False, True])
async def test_an_emitter_that_was_stopped_sends_nothing_that_another_took_over(
    careless: bool,
    database: str,
    redis_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stopper = Stopper()
    stopper.lie_in_wait(monkeypatch)
    settings = {"ISSUER_REQUESTS_PER_SECOND": "5", "ISSUER_PARALLEL": "8"}
    settings |= {"ISSUER_LOOKUP_WAITS": "0.5", **({"CARELESS": "1"} if careless else {})}
    async with (
        running_sandbox() as sandbox,
        a_system(
            sandbox,
            database=database,
            redis=redis_url,
            folder=tmp_path,
            emitter=QUICK,
            **settings,
        ) as system,
    ):
        system.company.faults.duplicate_in_progress = "second"
        system.company.faults.duplicate_done = "second"
        await system.set_up()
        await sold_while_it_is_stopped(system, database)
        stopper.victim = system.emitter
        await asyncio.wait_for(stopper.stopped.wait(), PATIENCE)
        waiting = await count(database, "SELECT count(*) FROM notas WHERE status = 'sending'")

        async with another(system) as takes_over:
            await system.until_issued()
            takes_over.kill()
        before = [len(system.notas_of(bill)) for bill in system.bills]
        send(system.emitter, signal.SIGCONT)
        system.sell()  # the one that was stopped issues it: it is well, and past what it had
        await system.until_issued()

        async def doubled() -> bool:
            return any(len(system.notas_of(bill)) > 1 for bill in system.bills)

        assert waiting > 1
        assert before == [1] * SALES
        if careless:
            await until(doubled)
        else:
            assert not await doubled()
            assert sandbox.enotas.invariants.report()["ok"]
