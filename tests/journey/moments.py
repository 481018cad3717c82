"""A running system of two emitters, and what may happen to it at any moment, in any order."""

import asyncio
import base64
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp
import asyncpg
from redis.asyncio import Redis

from services.sandbox.enotas.records import Company, Nota
from services.sandbox.run import running_sandbox
from services.sandbox.vindi import operations
from services.sandbox.vindi.operations import OperationRefusedError
from services.sandbox.vindi.records import Bill
from shared.db.migrate import migrate
from shared.local.files import free_port
from shared.local.postgres import (
    DURABLE,
    EmbeddedPostgres,
    ensure_database,
    prepare_postgres,
    serving,
    wait_for_postgres,
)
from shared.ops.rotate import rotate
from tests.journey.system import PATIENCE, TOKEN, Service, System, a_system

QUICK: Final = "tests.journey.quick_emitter"
# Committed where its own server ends at once, so that nothing is lost but what was not committed.
ROBUST: Final = {**DURABLE, "fsync": "off", "shared_buffers": "64MB"}
RULES: Final[tuple[dict[str, Any], ...]] = (
    {"issue_when": "bill_paid"},
    {"issue_when": "bill_created"},
    {"issue_when": "guarantee_ended", "guarantee_days": 7},
    {"issue_when": "never"},
    {"issue_when": "manual"},
)
VALID: Final = frozenset({"Autorizada", "AutorizadaAguardandoGeracaoPDF", "CancelamentoNegado"})
OVER: Final = frozenset({"Negada", "Cancelada"})
REST: Final = frozenset(
    {"issued", "held", "skipped", "cancelled", "waiting_payment", "in_guarantee"}
)


@dataclass(slots=True, kw_only=True)
class Moments:
    """The system, and the means to disturb it; `told` is what was done so far."""

    system: System
    database: "Database"
    redis: str
    rng: random.Random
    companies: list[Company]
    emitters: list[Service]
    company: int = 0
    key: int = 0
    told: list[str] = field(default_factory=list)

    @property
    def processes(self) -> list[Service]:
        others = [self.system.services[name] for name in ("webhook", "reconciler")]
        return [*self.emitters, *others]

    def tell(self, what: str) -> None:
        self.told.append(what)

    async def api(self, method: str, path: str, body: Any = None) -> Any:
        """A call that people make again while a service is away; None where it is refused."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with suppress(aiohttp.ClientError, TimeoutError, InterruptedError):
                return await self._api(method, path, body)
            await asyncio.sleep(0.25)
        raise AssertionError(f"{method} {path} was never answered")

    async def _api(self, method: str, path: str, body: Any) -> Any:
        port = self.system.services["reconciler"].port
        url = f"http://127.0.0.1:{port}/internal/v1/tenants/{self.system.tenant}{path}"
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with asyncio.timeout(5):
            async with self.system.http.request(method, url, json=body, headers=headers) as said:
                if said.status >= 500:
                    raise InterruptedError
                return await said.json() if said.status < 300 else None

    def some_bill(self) -> Bill | None:
        return self.rng.choice(self.system.bills) if self.system.bills else None

    # what may happen

    async def sale(self) -> None:
        for _ in range(self.rng.randint(1, 8)):
            self.system.sell()

    async def refund(self) -> None:
        if bill := self.some_bill():
            amount = self.rng.choice([None, None, "20.00"])
            with suppress(OperationRefusedError, ValueError):
                operations.refund(self.system.account, bill_id=bill.id, amount=amount)
            self.tell(f"{bill.id} refunded {amount}")

    async def person(self) -> None:
        if bill := self.some_bill():
            action = self.rng.choice(["hold", "release", "retry", "issue", "cancel"])
            said = await self.api("POST", f"/sales/{bill.id}/{action}", {"reason": "acaso"})
            self.tell(f"{bill.id} {action} {said is not None}")

    async def rule(self) -> None:
        rule = self.rng.choice(RULES)
        await self.api("PUT", "/rule", rule)
        self.tell(f"rule {rule['issue_when']}")

    async def change_company(self) -> None:
        self.company = 1 - self.company
        await self.connect()
        self.tell(f"company {self.company}")

    async def connect(self) -> None:
        company = self.companies[self.company]
        issuer = {
            "kind": "enotas", "api_key": company.key, "company_id": company.id,
            "environment": "Producao",
        }  # fmt: skip
        said = await self.api("PUT", "/issuer", issuer)
        if said is not None:
            hooks = self.system.sandbox.enotas.keys
            hooks[company.key].webhook_url = said["status_webhook_url"]

    async def pause(self) -> None:
        await self.api("POST", "/pause", {"reason": "acaso"})
        await asyncio.sleep(self.rng.uniform(0, 1))
        await self.api("POST", "/activate")
        self.tell("paused and active")

    async def stop_one(self) -> None:
        one = self.rng.choice(self.processes)
        seconds = self.rng.choice([1.0, 2.0, 3.5, 5.0])
        self.tell(f"{one.name}:{one.port} stopped {seconds}")
        send(one, signal.SIGSTOP)
        await asyncio.sleep(seconds)
        send(one, signal.SIGCONT)

    async def end_one(self) -> None:
        one = self.rng.choice(self.processes)
        number = self.rng.choice([signal.SIGKILL, signal.SIGTERM])
        self.tell(f"{one.name}:{one.port} {number.name}")
        await self.restart(one, number)

    async def restart(self, one: Service, number: signal.Signals) -> None:
        send(one, number)
        try:
            await asyncio.wait_for(one.ended(), 20)
        except TimeoutError:
            self.tell(f"{one.name}:{one.port} did not end by {number.name}")
            one.kill()
            await one.ended()
        await one.start()

    async def kill_backends(self) -> None:
        self.tell("backends killed")
        with suppress(Exception):
            conn = await asyncpg.connect(self.database.url, timeout=3)
            await conn.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
                " AND random() < 0.6"
            )
            await conn.close()

    async def restart_postgres(self) -> None:
        how = self.rng.choice([signal.SIGQUIT, signal.SIGINT, signal.SIGKILL])
        self.tell(f"PostgreSQL {how.name}")
        await self.database.restart(how, away=self.rng.uniform(0, 1.5))

    async def flush_redis(self) -> None:
        self.tell("Redis flushed")
        async with Redis.from_url(self.redis) as client:
            await client.flushall()

    async def lose_answers(self) -> None:
        self.tell("answers lost")
        for company in self.companies:
            company.weather.add(
                kind=self.rng.choice(["hang_up", "html", "empty"]),
                when=self.rng.choice(["before", "after"]),
                method="POST", count=self.rng.randint(1, 4),
            )  # fmt: skip

    async def change_keys(self) -> None:
        """New first key for every service, one after the other, then everything is sealed anew."""
        self.key += 1
        keys = [key_text(self.key), key_text(self.key - 1)]
        self.tell("keys rotated")
        for one in self.processes:
            one.environment = {**one.environment, "SECRET_KEYS": ",".join(keys)}
            await self.restart(one, signal.SIGTERM)
        await self.system.services["reconciler"].ready(self.system.http)
        for _ in range(20):
            try:
                await rotate(self.database.url, keys, lambda *_: None)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await asyncio.sleep(0.5)
            else:
                return

    def happenings(self) -> list[tuple[int, Callable[[], Coroutine[Any, Any, None]]]]:
        return [
            (10, self.sale), (6, self.refund), (10, self.person), (4, self.rule),
            (3, self.change_company), (2, self.pause), (6, self.stop_one), (6, self.end_one),
            (2, self.kill_backends), (2, self.restart_postgres), (1, self.flush_redis),
            (4, self.lose_answers), (1, self.change_keys),
        ]  # fmt: skip

    async def go_on(self, seconds: float) -> None:
        """Let things happen, often several at once, for so long."""
        deadline = time.monotonic() + seconds
        weights, ways = zip(*self.happenings(), strict=True)
        running: set[asyncio.Task[None]] = set()
        disturbances = {self.restart_postgres, self.change_keys, self.end_one, self.stop_one}
        busy = asyncio.Lock()

        async def alone(way: Callable[[], Coroutine[Any, Any, None]]) -> None:
            async with busy:  # what is being ended is not ended once more
                await way()

        while time.monotonic() < deadline:
            (way,) = self.rng.choices(ways, weights)
            if way not in disturbances:
                running.add(asyncio.create_task(way()))
            elif not busy.locked():
                running.add(asyncio.create_task(alone(way)))
            await asyncio.sleep(self.rng.uniform(0, 0.6))
        await asyncio.gather(*running)

    async def calm(self) -> None:
        """Everything works again, and nobody holds anything back."""
        for company in self.companies:
            company.weather.clear()
        for one in self.processes:
            if one.process is None or one.process.returncode is not None:
                await one.start()
        await self.system.ready()
        await self.connect()
        await self.api("PUT", "/rule", {"issue_when": "bill_paid"})
        await self.api("POST", "/activate")

    def notas_of(self, bill: Bill) -> list[Nota]:
        word = f"-{self.system.tenant}-{bill.id}-"
        return [
            nota
            for company in self.companies
            for nota in company.notas.values()
            if word in nota.external_id
        ]

    async def wrong(self, patience: float) -> list[str]:
        """What is not as it has to be once everything had its time."""
        deadline = time.monotonic() + patience
        while True:
            found = await self._wrong()
            if not found or time.monotonic() > deadline:
                return found
            await asyncio.sleep(0.5)

    async def _wrong(self) -> list[str]:
        statuses = await self.system.sales()
        found = []
        for bill in self.system.bills:
            notas = self.notas_of(bill)
            valid = [nota for nota in notas if nota.status in VALID]
            open_ = [nota for nota in notas if nota.status not in VALID | OVER]
            status = statuses.get(bill.id)
            ids = [nota.external_id for nota in notas]
            if len(ids) != len(set(ids)):
                found.append(f"{bill.id}: sent twice {ids}")
            if open_ or status not in REST or len(valid) != (status == "issued"):
                said = [(nota.external_id, nota.status) for nota in notas]
                found.append(f"{bill.id}: {status} with {said}")
        return found


def send(service: Service, number: signal.Signals) -> None:
    if service.process is not None and service.process.returncode is None:
        os.kill(service.process.pid, number)


def key_text(number: int) -> str:
    return base64.urlsafe_b64encode(bytes([65 + number]) * 32).decode()


@dataclass(slots=True, kw_only=True)
class Database:
    """PostgreSQL of this campaign's own, which may be ended and comes back on its port."""

    server: EmbeddedPostgres
    log: Path
    _process: asyncio.subprocess.Process | None = None
    _running: Any = None

    @property
    def url(self) -> str:
        return self.server.url()

    async def start(self) -> None:
        self._running = serving(self.server, ROBUST, self.log)
        self._process = await self._running.__aenter__()

    async def stop(self) -> None:
        await self._running.__aexit__(None, None, None)

    async def restart(self, how: signal.Signals, *, away: float) -> None:
        assert self._process is not None
        self._process.send_signal(how)
        await self._process.wait()
        await self.stop()
        await asyncio.sleep(away)
        (self.server.data / "postmaster.pid").unlink(missing_ok=True)
        await self.start()
        await wait_for_postgres(self.server.url("postgres"))


@asynccontextmanager
async def own_database(folder: Path) -> AsyncIterator[Database]:
    server = await asyncio.to_thread(prepare_postgres, folder, port=free_port())
    database = Database(server=server, log=folder / "postgres.log")
    await database.start()
    try:
        await wait_for_postgres(server.url("postgres"))
        await ensure_database(server)
        await migrate(server.url())
        yield database
    finally:
        await database.stop()


@asynccontextmanager
async def moments(
    seed: int, *, database: Database, redis: str, folder: Path
) -> AsyncIterator[Moments]:
    settings = {
        "ISSUER_REQUESTS_PER_SECOND": "40", "ISSUER_PARALLEL": "4", "ISSUER_LOOKUP_WAITS": "1,1,1",
        "SECRET_KEYS": key_text(0), "RECONCILE_EVERY": "3",
    }  # fmt: skip
    async with (
        running_sandbox() as sandbox,
        a_system(
            sandbox, database=database.url, redis=redis, folder=folder, emitter=QUICK, **settings
        ) as system,
    ):
        other = sandbox.enotas.create_company(key=sandbox.enotas.create_key().key)
        companies = [system.company, other]
        for company in companies:
            company.faults.progress = (0.05, 0.05, 0.05, 0.1, 0.05)
            company.faults.duplicate_in_progress = "second"
            company.faults.duplicate_done = "second"
            company.faults.latency = 0.05
        await system.set_up()
        port, first = free_port(), system.emitter
        second = Service(
            name="emitter", module=QUICK, port=port, log=folder / "second.log",
            environment={**first.environment, "EMITTER_PORT": str(port)},
        )  # fmt: skip
        await second.start()
        run = Moments(
            system=system, database=database, redis=redis, rng=random.Random(seed),
            companies=companies, emitters=[first, second],
        )  # fmt: skip
        try:
            yield run
        finally:
            for one in run.processes:
                send(one, signal.SIGCONT)
            await second.stop()
