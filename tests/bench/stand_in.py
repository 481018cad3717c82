"""The sandbox in a process of its own, steered by its control API, and the services against it."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from shared.db.migrate import migrate
from shared.local.files import free_port
from shared.local.postgres import DURABLE, running_postgres
from shared.local.redis import running_redis
from tests.journey.system import TOKEN, Service, service_environment


@dataclass(slots=True, kw_only=True)
class StandIn:
    """A sandbox in another process."""

    http: aiohttp.ClientSession
    vindi_url: str
    enotas_url: str
    control_url: str

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        """One call of the control API."""
        url = f"{self.control_url}{path}"
        async with self.http.request(method, url, json=body or {}) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()


@dataclass(slots=True, kw_only=True)
class Seller:
    """One tenant: its account and company in the sandbox, and its addresses with us."""

    tenant: str
    account: int
    company: str
    issuer_key: str
    webhook_url: str


@dataclass(slots=True, kw_only=True)
class Field:
    """Everything a bench of the services works on."""

    stand_in: StandIn
    services: dict[str, Service]
    database: str

    async def api(self, method: str, path: str, body: Any = None) -> Any:
        """One call of the internal API."""
        url = f"http://127.0.0.1:{self.services['reconciler'].port}/internal/v1{path}"
        headers = {"Authorization": f"Bearer {TOKEN}"}
        http = self.stand_in.http
        async with http.request(method, url, json=body, headers=headers) as answer:
            assert answer.status < 300, await answer.text()
            return await answer.json()

    async def another(self, name: str, *, called: str = "", **settings: str) -> None:
        """Start one more process of a service that runs already, known as `{name}-2`."""
        first = self.services[name]
        port = free_port()
        environment = {**first.environment, f"{name.upper()}_PORT": str(port), **settings}
        second = Service(name=name, port=port, environment=environment, log=first.log)
        self.services[called or f"{name}-2"] = second
        await second.start()
        await second.ready(self.stand_in.http)

    async def seller(self, *, issuer_key: str | None = None) -> Seller:
        """Set a tenant up, with an issuer that authorises at once and no limit at Vindi.

        Its company is of a key of its own, or of one that others have too.
        """
        control = self.stand_in.control
        account = await control("POST", "/vindi/accounts")
        await control("PATCH", f"/vindi/accounts/{account['id']}/rate", {"limit": None})
        key = issuer_key or (await control("POST", "/enotas/keys"))["key"]
        company = await control("POST", "/enotas/companies", {"key": key})
        await control("PATCH", f"/enotas/companies/{company['id']}/faults", {"instant": True})
        tenant = await self.api("POST", "/tenants", {"name": "Empresa", "plan": "pro"})
        here = f"/tenants/{tenant['id']}"
        vindi = {"api_key": account["keys"][0]["key"], "environment": "sandbox"}
        connected = await self.api("PUT", f"{here}/vindi", vindi)
        issuer = {
            "kind": "enotas",
            "api_key": key,
            "company_id": company["id"],
            "environment": "Producao",
        }
        await self.api("PUT", f"{here}/issuer", issuer)
        await self.api("PUT", f"{here}/rule", {"issue_when": "bill_paid"})
        await self.api("POST", f"{here}/activate")
        return Seller(
            tenant=tenant["id"],
            account=account["id"],
            company=company["id"],
            issuer_key=key,
            webhook_url=connected["webhook_url"],
        )


@asynccontextmanager
async def a_field(folder: Path, *, names: tuple[str, ...], **settings: str) -> AsyncIterator[Field]:
    """Servers, the sandbox and the named services, started and stopped with the block."""
    async with (
        running_postgres(folder, settings=DURABLE) as postgres,
        running_redis(folder) as redis,
        aiohttp.ClientSession() as http,
        _stand_in(http, folder) as stand_in,
    ):
        database = postgres.url()
        await migrate(database)
        ports = {name: free_port() for name in names}
        environment = service_environment(
            ports,
            database=database,
            redis=redis.url(),
            vindi_url=stand_in.vindi_url,
            enotas_url=stand_in.enotas_url,
            **settings,
        )
        services = {
            name: Service(name=name, port=port, environment=environment, log=folder / f"{name}.log")
            for name, port in ports.items()
        }
        try:
            for service in services.values():
                await service.start()
            for service in services.values():
                await service.ready(http)
            yield Field(stand_in=stand_in, services=services, database=database)
        finally:
            await asyncio.gather(*(service.stop() for service in services.values()))


@asynccontextmanager
async def _stand_in(http: aiohttp.ClientSession, folder: Path) -> AsyncIterator[StandIn]:
    ports = {name: free_port() for name in ("VINDI", "ENOTAS", "CONTROL")}
    environment = {
        **os.environ,
        **{f"SANDBOX_{name}_PORT": str(port) for name, port in ports.items()},
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.sandbox", env=environment, stdout=asyncio.subprocess.PIPE
    )
    try:
        if process.stdout is not None:
            await process.stdout.readline()
        yield StandIn(
            http=http,
            vindi_url=f"http://127.0.0.1:{ports['VINDI']}/api/v1",
            enotas_url=f"http://127.0.0.1:{ports['ENOTAS']}",
            control_url=f"http://127.0.0.1:{ports['CONTROL']}",
        )
    finally:
        process.terminate()
        await process.wait()
