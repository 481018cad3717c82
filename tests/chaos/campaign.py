"""A running system of a tenant with two companies, and what was told to it."""

import asyncio
import os
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

import aiohttp
import psutil

from services.sandbox.enotas.records import Company, Nota
from services.sandbox.run import Sandbox, running_sandbox
from services.sandbox.vindi import operations
from services.sandbox.vindi.account import Account
from shared.local.files import free_port
from tests.services.emitter.conftest import a_buyer

EVENTS_A_SECOND: Final = 8
HEARD_WITHIN: Final = aiohttp.ClientTimeout(total=5)  # as Vindi, we do not wait for ever
STANDS_AGAIN_WITHIN: Final = 30.0  # seconds, of a server or service that was ended
ANSWERED_WITHIN: Final = aiohttp.ClientTimeout(total=30)
AMOUNT: Final = "179.90"
JSON: Final = "application/json"
AWAY_FOR: Final = 60.0  # seconds a service that was killed may take on a busy machine
LOGS: Final = Path("build/chaos-logs")  # of the last campaign


@dataclass(slots=True, kw_only=True)
class Campaign:
    """A running system, and what was told to it; `told` has when each answered event was."""

    sandbox: Sandbox
    account: Account
    companies: Sequence[Company]
    up: asyncio.subprocess.Process
    home: Path
    internal: str
    http: aiohttp.ClientSession
    tenant: str = ""
    webhook_url: str = ""
    company: int = 0  # which of both is connected
    environment: Literal["Homologacao", "Producao"] = "Homologacao"
    told: dict[int, float] = field(default_factory=dict)
    unheard: set[int] = field(default_factory=set)
    telling: set[asyncio.Task[None]] = field(default_factory=set)

    async def api(self, method: str, path: str, body: Any = None, kind: str = JSON) -> Any:
        """One call of the internal API, again while it is away; text where `kind` is not JSON."""
        deadline = time.monotonic() + AWAY_FOR
        while time.monotonic() < deadline:
            with suppress(aiohttp.ClientError, TimeoutError, InterruptedError):
                return await self._api(method, path, body, kind)
            await asyncio.sleep(0.5)
        return await self._api(method, path, body, kind)

    async def _api(self, method: str, path: str, body: Any, kind: str) -> Any:
        token = (self.home / "internal-token").read_text().strip().rpartition(":")[2]
        headers = {"Authorization": f"Bearer {token}", "Accept": kind}
        url = f"{self.internal}/internal/v1{path}"
        async with self.http.request(
            method, url, json=body, headers=headers, timeout=ANSWERED_WITHIN
        ) as answer:
            if answer.status >= 500:
                raise InterruptedError(await answer.text())
            assert answer.status < 300, await answer.text()
            return await answer.json() if kind == JSON else await answer.text()

    async def of_tenant(self, method: str, path: str, body: Any = None, kind: str = JSON) -> Any:
        """One call about the tenant."""
        return await self.api(method, f"/tenants/{self.tenant}{path}", body, kind)

    async def set_up(self) -> None:
        """Provision one tenant as a user would: with tests first."""
        made = await self.api("POST", "/tenants", {"name": "Empresa", "plan": "pro"})
        self.tenant = made["id"]
        vindi = {"api_key": self.account.keys[0].key, "environment": "sandbox"}
        connected = await self.of_tenant("PUT", "/vindi", vindi)
        self.webhook_url = connected["webhook_url"]
        await self.connect_issuer()
        await self.of_tenant("PUT", "/rule", {"issue_when": "bill_paid"})
        await self.of_tenant("POST", "/activate")

    async def connect_issuer(self, **more: Any) -> None:
        """Enter the company and environment that are meant now."""
        company = self.companies[self.company]
        issuer = {
            "kind": "enotas",
            "api_key": company.key,
            "company_id": company.id,
            "environment": self.environment,
            **more,
        }
        pushed = await self.of_tenant("PUT", "/issuer", issuer)
        self.sandbox.enotas.keys[company.key].webhook_url = pushed["status_webhook_url"]

    async def sell_for_ever(self) -> None:
        """A sale and its event, again and again."""
        while True:
            self.sell()
            await asyncio.sleep(1 / EVENTS_A_SECOND)

    def sell(self) -> None:
        """One sale, whose event is told once."""
        buyer = operations.create_customer(self.account, **a_buyer())
        bill = operations.sale(
            self.account, customer_id=buyer.id, amount=AMOUNT, paid=True, events=False
        )
        task = asyncio.create_task(self._tell(bill.id))
        self.telling.add(task)
        task.add_done_callback(self.telling.discard)

    async def _tell(self, bill: int) -> None:
        event = {
            "event": {
                "type": "bill_paid",
                "created_at": datetime.now(UTC).isoformat(),
                "data": {"bill": {"id": bill, "status": "paid"}},
            }
        }
        self.unheard.add(bill)
        with suppress(aiohttp.ClientError, TimeoutError):
            async with self.http.post(self.webhook_url, json=event, timeout=HEARD_WITHIN) as answer:
                if answer.status == 200:
                    self.told[bill] = time.time()
                    self.unheard.discard(bill)

    async def tell_unheard(self) -> None:
        """Tell what was not answered again, as Vindi does, until it is."""
        async with asyncio.timeout(60):
            await asyncio.gather(*self.telling)
            while self.unheard:
                await asyncio.gather(*(self._tell(bill) for bill in tuple(self.unheard)))

    def processes(self, word: str) -> list[psutil.Process]:
        """What runs now with a word in its command line, the oldest first."""
        found: list[psutil.Process] = []
        for child in psutil.Process(self.up.pid).children(recursive=True):
            with suppress(psutil.Error):
                if any(word in part for part in child.cmdline()[:4]):
                    found.append(child)
        if not found:
            raise LookupError(word)
        return sorted(found, key=lambda process: (process.create_time(), process.pid))

    async def standing(self, word: str) -> list[psutil.Process]:
        """The same, once there is any: what a fault before ended may be on its way up still."""
        deadline = time.monotonic() + STANDS_AGAIN_WITHIN
        while True:
            try:
                return self.processes(word)
            except LookupError:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.1)

    def notas(self) -> list[Nota]:
        """Every nota at either company."""
        return [nota for company in self.companies for nota in company.notas.values()]

    async def resumed(self, since: float, *, within: float) -> float | None:
        """Wait until the issuer takes a nota asked for after `since`; the seconds, or None."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            newest = max((nota.created for nota in self.notas()), default=0.0)
            if newest > since + 0.5 and self.told:
                return newest - since
            await asyncio.sleep(0.1)
        return None


@asynccontextmanager
async def a_campaign(folder: Path, **settings: str) -> AsyncIterator[Campaign]:
    """`up` against the sandbox, ended with the block; no tenant is set up yet."""
    names = ("WEBHOOK_PORT", "PANEL_PORT", "INTERNAL_PORT", "EMITTER_PORT", "METRICS_PORT")
    ports = {name: free_port() for name in names}
    async with running_sandbox() as sandbox, aiohttp.ClientSession() as http:
        environment = _environment(ports, folder / "home", sandbox) | settings
        up = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "shared.ops", "up",
            env=environment, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            await _ready(up)
            campaign = Campaign(
                sandbox=sandbox,
                account=sandbox.vindi.create_account(),
                companies=[
                    a_company(sandbox, "11222333000181"),
                    a_company(sandbox, "11444777000161"),
                ],
                up=up,
                home=folder / "home",
                internal=f"http://127.0.0.1:{ports['INTERNAL_PORT']}",
                http=http,
            )
            campaign.account.rate.limit = None
            yield campaign
        finally:
            await _end(up)
            shutil.copytree(folder / "home" / "logs", LOGS, dirs_exist_ok=True)


def _environment(ports: dict[str, int], home: Path, sandbox: Sandbox) -> dict[str, str]:
    """Requests to the issuer have to queue, or nothing waits in a process that is stopped."""
    kept = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "REDIS_URL"}}
    return {
        **kept,
        **{name: str(port) for name, port in ports.items()},
        "NOTAPONTE_HOME": str(home),
        "VINDI_URL_SANDBOX": sandbox.vindi_url,
        "ENOTAS_URL": sandbox.enotas_url,
        "ISSUER_LOOKUP_WAITS": "1,1,1",
        "ISSUER_REQUESTS_PER_SECOND": "60",
        "ISSUER_PARALLEL": "4",
        "ISSUER_TIMEOUT": "10",
        "VINDI_REQUESTS_PER_MINUTE": "100000",
        "RECONCILE_EVERY": "3600",  # what is found must have been heard
    }


def a_company(sandbox: Sandbox, cnpj: str) -> Company:
    """A company with an account of its own, where a repeated request makes a second nota."""
    company = sandbox.enotas.create_company(key=sandbox.enotas.create_key().key, cnpj=cnpj)
    company.faults.progress = (0.1, 0.1, 0.1, 0.1, 0.1)
    company.faults.latency = 0.1
    company.faults.duplicate_in_progress = "second"
    company.faults.duplicate_done = "second"
    return company


async def _ready(up: asyncio.subprocess.Process) -> None:
    assert up.stdout is not None
    async with asyncio.timeout(90):
        while not (line := await up.stdout.readline()).startswith(b"ready"):
            assert line, "`up` ended before it was ready"


async def _end(up: asyncio.subprocess.Process) -> None:
    """End everything; what is still stopped could not hear of it."""
    with suppress(psutil.Error):
        for child in psutil.Process(up.pid).children(recursive=True):
            with suppress(psutil.Error):
                child.send_signal(signal.SIGCONT)
    with suppress(ProcessLookupError):
        up.terminate()
    await up.wait()
