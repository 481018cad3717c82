"""The product, as an outsider starts and asks it: processes, settings, its internal API."""

import asyncio
import base64
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

TOKEN = "outsider-token-0123456789abcdef"
PORTS = {"webhook": "WEBHOOK_PORT", "emitter": "EMITTER_PORT", "reconciler": "INTERNAL_PORT"}
PATIENCE = 90.0  # seconds; a loaded machine is slow
SERVICE = {
    "municipal_code": "02800",
    "lc116": "1.07",
    "iss_rate": "2.00",
    "iss_withheld": False,
}
COURSE = {**SERVICE, "municipal_code": "05762", "lc116": "8.02"}


class Refused(AssertionError):
    """The internal API answered otherwise than with 2xx."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(f"{status}: {body}")
        self.status = status
        self.body = body

    @property
    def code(self) -> str:
        return str(self.body.get("code")) if isinstance(self.body, dict) else ""


@dataclass(slots=True, kw_only=True)
class Process:
    """One service process, which may be killed, stopped for a while and started again."""

    name: str
    module: str
    environment: dict[str, str]
    log: Path
    running: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        with self.log.open("ab") as log:
            self.running = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", self.module), env=self.environment, stdout=log, stderr=log
            )

    def send(self, number: signal.Signals) -> None:
        if self.running is not None and self.running.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.running.pid, number)

    async def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        self.send(signal.SIGCONT)
        self.send(number)
        if self.running is not None:
            try:
                await asyncio.wait_for(self.running.wait(), 20)
            except TimeoutError:
                self.send(signal.SIGKILL)
                await self.running.wait()


@dataclass(slots=True, kw_only=True)
class Product:
    """Its processes by name, and a way to its internal API."""

    processes: dict[str, Process]
    ports: dict[str, int]
    http: aiohttp.ClientSession
    folder: Path

    async def call(
        self, method: str, path: str, body: Any = None, *, accept: str = "application/json"
    ) -> Any:
        """The answer's JSON (text, for another `accept`); Refused unless it is 2xx."""
        url = f"http://127.0.0.1:{self.ports['INTERNAL_PORT']}/internal/v1{path}"
        headers = {"Authorization": f"Bearer {TOKEN}", "Accept": accept}
        async with self.http.request(method, url, json=body, headers=headers) as answer:
            is_json = "json" in answer.content_type
            value = await answer.json(content_type=None) if is_json else await answer.read()
            if answer.status >= 300:
                raise Refused(answer.status, value)
            return value

    async def patient_call(self, method: str, path: str, body: Any = None) -> Any:
        """The same, however often the service is being restarted meanwhile."""
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    return await self.call(method, path, body)
                except aiohttp.ClientError:
                    await asyncio.sleep(0.2)
                except Refused as refused:
                    if refused.status < 500:
                        raise
                    await asyncio.sleep(0.2)

    async def ready(self) -> None:
        for name in self.processes:
            port = self.ports["METRICS_PORT" if name == "webhook" else PORTS[name.rstrip("2")]]
            if name.endswith("2"):
                continue
            async with asyncio.timeout(PATIENCE):
                while not await self._is_ready(port):
                    await asyncio.sleep(0.1)

    async def _is_ready(self, port: int) -> bool:
        with suppress(aiohttp.ClientError):
            async with self.http.get(f"http://127.0.0.1:{port}/readyz") as answer:
                return answer.status == 200
        return False

    def log(self, name: str) -> str:
        path = self.folder / f"{name}.log"
        return path.read_text() if path.exists() else ""


@dataclass(slots=True, kw_only=True)
class Tenant:
    """One tenant of the product, by its id; what support would ask about it."""

    product: Product
    id: str
    vindi_webhook: str = ""
    issuer_webhook: str = ""
    rule: dict[str, Any] = field(default_factory=dict)

    async def call(self, method: str, path: str = "", body: Any = None) -> Any:
        return await self.product.patient_call(method, f"/tenants/{self.id}{path}", body)

    async def sale(self, bill_id: int) -> dict[str, Any] | None:
        """The sale as the API tells it; None while nobody knows the bill."""
        try:
            return dict(await self.call("GET", f"/sales/{bill_id}"))
        except Refused as refused:
            if refused.status != 404:
                raise
            return None

    async def sales(self) -> dict[int, dict[str, Any]]:
        """Every sale by its bill, from the list."""
        found: dict[int, dict[str, Any]] = {}
        cursor = ""
        while True:
            page = await self.call("GET", f"/sales?limit=200{cursor}")
            found |= {each["bill_id"]: each for each in page["items"]}
            if not page["next"]:
                return found
            cursor = f"&cursor={page['next']}"

    async def closing(self, month: str) -> dict[str, Any]:
        return dict(await self.call("GET", f"/closing?month={month}"))

    async def until(
        self,
        bill_id: int,
        right: Callable[[dict[str, Any]], bool],
        *,
        within: float = 30.0,
    ) -> dict[str, Any]:
        """The sale once it is right; what it was last when the patience ends."""
        last: dict[str, Any] | None = None
        try:
            async with asyncio.timeout(within):
                while True:
                    last = await self.sale(bill_id)
                    if last is not None and right(last):
                        return last
                    await asyncio.sleep(0.1)
        except TimeoutError:
            told = (last or {}).pop("timeline", None)
            raise AssertionError(f"bill {bill_id} after {within} s: {last}\n{told}") from None

    async def issued(self, bill_id: int, *, within: float = 30.0) -> dict[str, Any]:
        return await self.until(bill_id, lambda sale: sale["status"] == "issued", within=within)


async def set_up(
    product: Product,
    *,
    vindi_key: str,
    issuer_key: str,
    company: str,
    rule: dict[str, Any] | None = None,
    name: str = "De Fora",
    plan: str = "pro",
    activate: bool = True,
    confirm: tuple[str, ...] = (),
    environment: str = "Producao",
) -> Tenant:
    """A tenant, connected and ruled as support would do it."""
    made = await product.call("POST", "/tenants", {"name": name, "plan": plan})
    tenant = Tenant(product=product, id=made["id"], rule=a_rule() if rule is None else rule)
    connected = await tenant.call(
        "PUT", "/vindi", {"api_key": vindi_key, "environment": "production"}
    )
    tenant.vindi_webhook = connected["webhook_url"]
    issuer = await tenant.call(
        "PUT",
        "/issuer",
        {
            "kind": "enotas",
            "api_key": issuer_key,
            "company_id": company,
            "environment": environment,
        },
    )
    tenant.issuer_webhook = issuer["status_webhook_url"]
    await tenant.call("PUT", "/rule", tenant.rule)
    if activate:
        await tenant.call("POST", "/activate", {"confirm": list(confirm)} if confirm else None)
    return tenant


def a_rule(**changes: Any) -> dict[str, Any]:
    return {"issue_when": "bill_paid", "service": SERVICE, "send_email": False, **changes}


def free_ports(number: int) -> list[int]:
    held = [socket.socket() for _ in range(number)]
    try:
        for each in held:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in held]
    finally:
        for each in held:
            each.close()


@asynccontextmanager
async def running_product(
    *,
    database: str,
    redis: str,
    vindi_url: str,
    enotas_url: str,
    folder: Path,
    emitters: int = 1,
    **settings: str,
) -> AsyncIterator[Product]:
    """Webhook, emitters and reconciler on an existing database, until the block ends."""
    names = [*PORTS.values(), "METRICS_PORT", "PANEL_PORT", "EMITTER2_PORT"]
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
        **{name: str(port) for name, port in ports.items() if name != "EMITTER2_PORT"},
        "PYTHONPATH": str(Path.cwd()),
        "DATABASE_URL": database,
        "REDIS_URL": redis,
        "PUBLIC_WEBHOOK_URL": f"http://127.0.0.1:{ports['WEBHOOK_PORT']}",
        "VINDI_URL_PRODUCTION": vindi_url,
        "VINDI_URL_SANDBOX": vindi_url,
        "ENOTAS_URL": enotas_url,
        "INTERNAL_API_TOKEN": f"outsider:{TOKEN}",
        "SECRET_KEYS": base64.urlsafe_b64encode(b"o" * 32).decode(),
        "RECONCILE_EVERY": "3",
        "ISSUER_LOOKUP_WAITS": "1,1,2",
        "ISSUER_REQUESTS_PER_SECOND": "200",
        "ISSUER_PARALLEL": "8",
        "ISSUER_TIMEOUT": "5",
        "VINDI_TIMEOUT": "5",
        "VINDI_REQUESTS_PER_MINUTE": "6000",
        "LOG_FORMAT": "json",
        **settings,
    }
    wanted = {name: f"services.{name}" for name in PORTS}
    if emitters > 1:
        wanted["emitter2"] = "services.emitter"
    async with aiohttp.ClientSession() as http:
        processes = {
            name: Process(
                name=name,
                module=module,
                environment={**environment, "EMITTER_PORT": str(ports["EMITTER2_PORT"])}
                if name == "emitter2"
                else environment,
                log=folder / f"{name}.log",
            )
            for name, module in wanted.items()
        }
        product = Product(processes=processes, ports=ports, http=http, folder=folder)
        try:
            await asyncio.gather(*(each.start() for each in processes.values()))
            await product.ready()
            yield product
        finally:
            await asyncio.gather(*(each.end() for each in processes.values()))
