"""The real services as processes, against the sandbox, on this test's own database and Redis."""

import asyncio
import base64
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import aiohttp
import asyncpg

from services.sandbox.enotas.records import Company, Nota
from services.sandbox.run import Sandbox
from services.sandbox.vindi import operations
from services.sandbox.vindi.account import Account
from services.sandbox.vindi.records import Bill
from shared.config.secret import Secret
from shared.db.logins import LOGINS, let_in
from shared.local.files import free_port
from tests.services.emitter.conftest import a_buyer
from tests.support.pooler import running_pgbouncer, wants_pooler

TOKEN = "a-token-for-journeys"
SERVICES_LOGIN = LOGINS["SERVICES_PASSWORD"]
PATIENCE = 90.0  # seconds; a loaded machine is slow, a broken system never answers


@dataclass(slots=True, kw_only=True)
class Service:
    """One service process; it can be killed and started again on its port."""

    name: str
    port: int
    environment: dict[str, str]
    log: Path
    module: str = ""  # run in the service's place
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                self.module or f"services.{self.name}",
                env=self.environment,
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        """SIGKILL: nothing is tidied up."""
        if self.process is not None and self.process.returncode is None:
            os.kill(self.process.pid, signal.SIGKILL)

    async def stop(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.terminate()
            try:
                async with asyncio.timeout(15):
                    await self.process.wait()
            except TimeoutError:
                self.kill()
        await self.ended()

    async def ready(self, http: aiohttp.ClientSession) -> None:
        """Wait until it says that it can do its job."""
        own = self.environment["METRICS_PORT"] if self.name == "webhook" else self.port
        port = int(own)
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    async with http.get(f"http://127.0.0.1:{port}/readyz") as answer:
                        if answer.status == 200:
                            return
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.05)

    async def ended(self) -> None:
        if self.process is not None:
            await self.process.wait()


@dataclass(slots=True, kw_only=True)
class System:
    """Webhook, emitter and reconciler, with one tenant set up through the internal API."""

    sandbox: Sandbox
    account: Account
    company: Company
    services: dict[str, Service]
    http: aiohttp.ClientSession
    tenant: str = ""
    webhook_url: str = ""
    bills: list[Bill] = field(default_factory=list)

    @property
    def emitter(self) -> Service:
        return self.services["emitter"]

    async def api(self, method: str, path: str, body: Any = None) -> Any:
        url = f"http://127.0.0.1:{self.services['reconciler'].port}/internal/v1{path}"
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with self.http.request(method, url, json=body, headers=headers) as answer:
            assert answer.status < 300, await answer.text()
            return await answer.json()

    async def ready(self, *names: str) -> None:
        for name in names or tuple(self.services):
            await self.services[name].ready(self.http)

    async def set_up(self, **rule: Any) -> None:
        """Provision the tenant as a user would."""
        tenant = await self.api("POST", "/tenants", {"name": "Empresa", "plan": "pro"})
        self.tenant = tenant["id"]
        here = f"/tenants/{self.tenant}"
        key = self.account.keys[0].key
        vindi = await self.api("PUT", f"{here}/vindi", {"api_key": key, "environment": "sandbox"})
        issuer = {
            "kind": "enotas",
            "api_key": self.company.key,
            "company_id": self.company.id,
            "environment": "Producao",
        }
        connected = await self.api("PUT", f"{here}/issuer", issuer)
        await self.api("PUT", f"{here}/rule", {"issue_when": "bill_paid", **rule})
        await self.api("POST", f"{here}/activate")
        self.webhook_url = vindi["webhook_url"]
        self.sandbox.vindi.register_webhook(self.account, self.webhook_url)
        self.sandbox.enotas.keys[self.company.key].webhook_url = connected["status_webhook_url"]

    def sell(self, **details: Any) -> Bill:
        """A sale at Vindi; its events are sent as Vindi would."""
        buyer = operations.create_customer(self.account, **a_buyer())
        values = {"customer_id": buyer.id, "amount": "179.90", "paid": True, **details}
        bill = operations.sale(self.account, **values)
        self.bills.append(bill)
        return bill

    async def sales(self) -> dict[int, str]:
        """The status of every sale, by bill."""
        found: dict[int, str] = {}
        cursor = ""
        while True:
            page = await self.api("GET", f"/tenants/{self.tenant}/sales?limit=200{cursor}")
            found |= {item["bill_id"]: item["status"] for item in page["items"]}
            if page["next"] is None:
                return found
            cursor = f"&cursor={page['next']}"

    async def until_issued(self, patience: float = PATIENCE) -> None:
        """Wait until every sale of this test is issued."""
        wanted = {bill.id: "issued" for bill in self.bills}
        seen: dict[int, str] = {}
        try:
            async with asyncio.timeout(patience):
                while seen != wanted:
                    await asyncio.sleep(0.1)
                    seen = await self.sales()
        except TimeoutError:
            left = {bill: seen.get(bill) for bill in wanted if seen.get(bill) != "issued"}
            raise AssertionError(f"not issued: {left}") from None

    async def until(self, bill: Bill, status: str) -> None:
        """Wait until one sale is so."""
        async with asyncio.timeout(PATIENCE):
            while (await self.sales()).get(bill.id) != status:
                await asyncio.sleep(0.1)

    def complaints(self, *words: str) -> list[str]:
        """The lines of the services' logs that hold one of these words."""
        logs = (service.log.read_text(encoding="utf-8") for service in self.services.values())
        lines = (line for log in logs for line in log.splitlines())
        return [line for line in lines if any(word in line for word in words)]

    def notas_of(self, bill: Bill) -> list[Nota]:
        word = f"-{self.tenant}-{bill.id}-"
        return [nota for nota in self.company.notas.values() if word in nota.external_id]


def service_environment(
    ports: Mapping[str, int],
    *,
    database: str,
    redis: str,
    vindi_url: str,
    enotas_url: str,
    **settings: str,
) -> dict[str, str]:
    """Settings for service processes: issuer and Vindi limits lifted, short look-up waits."""
    kept = {"PATH", "HOME", "VIRTUAL_ENV", "LANG"}
    names = {"webhook": "WEBHOOK_PORT", "emitter": "EMITTER_PORT", "reconciler": "INTERNAL_PORT"}
    return {
        **{name: value for name, value in os.environ.items() if name in kept},
        **{names[service]: str(port) for service, port in ports.items()},
        "METRICS_PORT": str(free_port()),
        "PYTHONPATH": str(Path.cwd()),
        "DATABASE_URL": database,
        "REDIS_URL": redis,
        "PUBLIC_WEBHOOK_URL": f"http://127.0.0.1:{ports['webhook']}",
        "VINDI_URL_SANDBOX": vindi_url,
        "VINDI_URL_PRODUCTION": vindi_url,
        "ENOTAS_URL": enotas_url,
        "INTERNAL_API_TOKEN": f"journey:{TOKEN}",
        "SECRET_KEYS": base64.urlsafe_b64encode(b"k" * 32).decode(),
        "ISSUER_LOOKUP_WAITS": "1,1,1",
        "ISSUER_REQUESTS_PER_SECOND": "100000",
        "ISSUER_PARALLEL": "32",
        "ISSUER_TIMEOUT": "5",
        "VINDI_REQUESTS_PER_MINUTE": "100000",
        "VINDI_LEAVE_PERCENT": "0",
        "LOG_FORMAT": "json",
        **settings,
    }


async def services_login(database: str) -> str:
    """The same database under the services' own login, which is made with the owner's."""
    conn = await asyncpg.connect(database)
    try:
        await let_in(conn, SERVICES_LOGIN, Secret.of(TOKEN))
    finally:
        await conn.close()
    url = urlsplit(database)
    netloc = f"{SERVICES_LOGIN}:{TOKEN}@{url.netloc.rpartition('@')[2]}"
    return urlunsplit(url._replace(netloc=netloc))


@asynccontextmanager
async def a_system(
    sandbox: Sandbox,
    *,
    database: str,
    redis: str,
    folder: Path,
    emitter: str = "",
    reconciler: str = "",
    pooler: str = "",
    **settings: str,
) -> AsyncIterator[System]:
    """Start the three services and stop them again, whatever happened.

    They come to the database by a login that owns nothing, as they are shipped.
    `emitter` and `reconciler` are modules to be run in the place of their own. With a folder for a
    `pooler`, or NOTAPONTE_POOLER=pgbouncer, they reach the database by one.
    """
    database = await services_login(database)
    async with AsyncExitStack() as stack:
        if pooler or wants_pooler():
            home = pooler or stack.enter_context(TemporaryDirectory(prefix="notaponte-"))
            database = await stack.enter_async_context(running_pgbouncer(database, Path(home)))
            settings = {"DATABASE_POOLER": "pgbouncer", **settings}
        modules = {"emitter": emitter, "reconciler": reconciler}
        yield await stack.enter_async_context(
            _a_system(
                sandbox, database=database, redis=redis, folder=folder, modules=modules, **settings
            )
        )


@asynccontextmanager
async def _a_system(
    sandbox: Sandbox,
    *,
    database: str,
    redis: str,
    folder: Path,
    modules: Mapping[str, str],
    **settings: str,
) -> AsyncIterator[System]:
    ports = {name: free_port() for name in ("webhook", "emitter", "reconciler")}
    environment = service_environment(
        ports,
        database=database,
        redis=redis,
        vindi_url=sandbox.vindi_url,
        enotas_url=sandbox.enotas_url,
        **settings,
    )
    services = {
        name: Service(name=name, port=port, environment=environment, log=folder / f"{name}.log")
        for name, port in ports.items()
    }
    for name, module in modules.items():
        services[name].module = module
    account = sandbox.vindi.create_account()
    account.rate.limit = None
    company = sandbox.enotas.create_company(key=sandbox.enotas.create_key().key)
    company.faults.progress = (0.05, 0.05, 0.05, 0.05, 0.05)
    async with aiohttp.ClientSession() as http:
        system = System(
            sandbox=sandbox, account=account, company=company, services=services, http=http
        )
        try:
            for service in services.values():
                await service.start()
            await system.ready()
            yield system
        finally:
            await asyncio.gather(*(service.stop() for service in services.values()))
