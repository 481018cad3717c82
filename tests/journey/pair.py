"""Two reconcilers as processes, of which one stands still while the other has its work."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest

from services.sandbox.enotas.app import EnotasApp
from services.sandbox.run import running_sandbox
from services.sandbox.vindi.app import VindiApp
from services.sandbox.wire import Answer, Call, asgi, serving
from shared.local.files import free_port
from tests.journey.system import PATIENCE, TOKEN, Service, System, a_system
from tests.support.statement_proxy import Statement, When, statement_proxy

QUICK = "tests.journey.quick_reconciler"
QUICK_EMITTER = "tests.journey.quick_emitter"
LEASES_OVER = 2.6  # seconds; `quick_reconciler.LEASE` and a half
PASS_EVERY = 1  # seconds
Wanted = Callable[[Call], bool]


def send(service: Service, number: signal.Signals) -> None:
    """A signal, if the process runs."""
    if service.process is not None and service.process.returncode is None:
        os.kill(service.process.pid, number)


@dataclass(slots=True)
class Stopper:
    """Stops whoever is named the moment a request of it is at a stand-in.

    The stand-in answers all the same: what it says is read once the process goes on.
    """

    victim: Service | None = None
    wanted: Wanted | None = None
    statement: tuple[str, When] | None = None
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    let_go: asyncio.Event = field(default_factory=asyncio.Event)

    def look(self, call: Call) -> None:
        """Called with each request, before it is answered."""
        if self.victim is not None and self.wanted is not None and self.wanted(call):
            send(self.victim, signal.SIGSTOP)
            self.wanted = None
            self.reached.set()

    async def look_at(self, one: Statement) -> None:
        """Called with each statement of the one whose database is asked through a proxy.

        One that the server has not heard yet is heard once the process goes on.
        """
        if self.victim is None or self.statement is None:
            return
        name, when = self.statement
        if one.when is when and one.name.startswith(name):
            self.statement = None
            send(self.victim, signal.SIGSTOP)
            self.let_go.clear()
            self.reached.set()
            if when is When.UNHEARD:
                await self.let_go.wait()

    def lie_in_wait(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Stand before both stand-ins."""
        for app in (VindiApp, EnotasApp):
            self._before(app, monkeypatch)

    def _before(self, where: type, monkeypatch: pytest.MonkeyPatch) -> None:
        real: Any = where.handle  # type: ignore[attr-defined]

        def handle(app: Any, call: Call) -> Answer:
            self.look(call)
            answer: Answer = real(app, call)
            return answer

        monkeypatch.setattr(where, "handle", handle)


@dataclass(slots=True, kw_only=True)
class Hook:
    """A tenant's own server, which hears status webhooks."""

    stopper: Stopper
    url: str = ""
    heard: list[str] = field(default_factory=list)  # ids of messages, in the order they came

    def handle(self, call: Call) -> Answer:
        self.heard.append(call.headers.get("webhook-id", ""))
        self.stopper.look(call)
        return Answer(status=204)


@dataclass(slots=True, kw_only=True)
class Pair:
    """The system with two reconcilers: one is awake, the other stands still until it is needed."""

    system: System
    stopper: Stopper
    hook: Hook
    database: str
    awake: Service
    asleep: Service
    seen: Service  # the one that is seen at its statements

    @property
    def here(self) -> str:
        """The tenant's address in the API."""
        return f"/tenants/{self.system.tenant}"

    async def api(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the one that is awake, again where it has just woken and says so (503).

        On a connection of its own: it ends those that were kept while it stood still.
        """
        url = f"http://127.0.0.1:{self.awake.port}/internal/v1{path}"
        headers = {"Authorization": f"Bearer {TOKEN}"}
        timeout = aiohttp.ClientTimeout(total=30)
        alone = aiohttp.TCPConnector(force_close=True)
        async with aiohttp.ClientSession(connector=alone, timeout=timeout) as http:
            for _ in range(5):
                async with http.request(method, url, json=body, headers=headers) as answer:
                    if answer.status != 503:
                        assert answer.status < 300, await answer.text()
                        return await answer.json()
                await asyncio.sleep(0.2)
        raise AssertionError(f"{method} {path} is answered 503 for a second")

    async def ask(self, sql: str, *values: Any) -> Any:
        """One value of the database, as its owner."""
        conn = await asyncpg.connect(self.database)
        try:
            return await conn.fetchval(sql, *values)
        finally:
            await conn.close()

    async def status(self, bill: int) -> str | None:
        found: str | None = await self.ask("SELECT status FROM sales WHERE bill_id = $1", bill)
        return found

    async def until(self, holds: Callable[[], Awaitable[object]], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not await holds():
            assert time.monotonic() < deadline, what
            await asyncio.sleep(0.05)

    async def until_status(self, bill: int, status: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while (found := await self.status(bill)) != status:
            assert time.monotonic() < deadline, f"{bill} is not {status}, but {found}"
            await asyncio.sleep(0.05)

    def lie_in_wait(self, wanted: Wanted) -> None:
        """Stop the one that is awake at its next request of this kind."""
        self.stopper.victim, self.stopper.wanted = self.awake, wanted
        self.stopper.reached.clear()

    async def stands_at(self, name: str, when: When) -> None:
        """Have the one that is seen at its statements awake alone, and stop it at one of these."""
        if self.awake is not self.seen:
            send(self.asleep, signal.SIGCONT)
            send(self.awake, signal.SIGSTOP)
            self.awake, self.asleep = self.asleep, self.awake
        self.stopper.victim, self.stopper.statement = self.seen, (name, when)
        self.stopper.reached.clear()

    async def taken_over(self) -> None:
        """Wait until it stands still; the other is awake then."""
        await asyncio.wait_for(self.stopper.reached.wait(), PATIENCE)
        send(self.asleep, signal.SIGCONT)
        self.awake, self.asleep = self.asleep, self.awake

    async def goes_on(self, seconds: float = 1.0) -> None:
        """Let the one that stood still go on, beside the other, for a while; then it sleeps."""
        send(self.asleep, signal.SIGCONT)
        self.stopper.let_go.set()
        await asyncio.sleep(seconds)
        send(self.asleep, signal.SIGSTOP)


@asynccontextmanager
async def a_pair(
    *, database: str, redis: str, folder: Path, monkeypatch: pytest.MonkeyPatch, **settings: str
) -> AsyncIterator[Pair]:
    """A system with a tenant that is set up, and a second reconciler, which stands still."""
    stopper = Stopper()
    stopper.lie_in_wait(monkeypatch)
    hook = Hook(stopper=stopper)
    settings = {"RECONCILE_EVERY": str(PASS_EVERY), "ISSUER_LOOKUP_WAITS": "0.5,0.5", **settings}
    async with (
        AsyncExitStack() as stack,
        serving(asgi(hook.handle)) as hook.url,
        running_sandbox() as sandbox,
        a_system(
            sandbox,
            database=database,
            redis=redis,
            folder=folder,
            emitter=QUICK_EMITTER,
            reconciler=QUICK,
            **settings,
        ) as system,
    ):
        first, port = system.services["reconciler"], free_port()
        proxy = await stack.enter_async_context(statement_proxy(first.environment["DATABASE_URL"]))
        proxy.look = stopper.look_at
        other = Service(
            name="reconciler",
            module=QUICK,
            port=port,
            environment={
                **first.environment,
                "INTERNAL_PORT": str(port),
                "DATABASE_URL": proxy.url,
            },
            log=folder / "other.log",
        )
        await other.start()
        try:
            await system.set_up()
            await other.ready(system.http)
            send(other, signal.SIGSTOP)
            yield Pair(
                system=system,
                stopper=stopper,
                hook=hook,
                database=database,
                awake=first,
                asleep=other,
                seen=other,
            )
        finally:
            stopper.wanted = stopper.statement = None
            stopper.let_go.set()
            for one in (first, other):
                send(one, signal.SIGCONT)
            await other.stop()


__all__ = ["PATIENCE", "Pair", "a_pair", "send"]
