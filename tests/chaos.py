"""`python -m tests.chaos`: the fault campaign against a whole running system.

While events keep arriving, Redis is flushed and killed, PostgreSQL is killed and each service is
killed, one after another. Every event that was answered 200 must end as one nota, and work must
resume within RESUME_WITHIN of each fault. Writes build/chaos.json; exits 1 when a bar was missed.
"""

import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import aiohttp
import psutil
from redis.asyncio import Redis
from rich.console import Console
from rich.table import Table

from services.sandbox.enotas.records import Company
from services.sandbox.run import Sandbox, running_sandbox
from services.sandbox.vindi import operations
from services.sandbox.vindi.account import Account
from shared.local.files import free_port
from tests.services.emitter.conftest import a_buyer

EVENTS_A_SECOND: Final = 10
RESUME_WITHIN: Final = 15.0  # seconds
QUIET_BETWEEN: Final = 2.0
REPORT: Final = Path("build/chaos.json")


@dataclass(slots=True, kw_only=True)
class Campaign:
    """A running system, and what was told to it."""

    sandbox: Sandbox
    account: Account
    company: Company
    up: asyncio.subprocess.Process
    home: Path
    internal: str
    http: aiohttp.ClientSession
    tenant: str = ""
    webhook_url: str = ""
    answered: set[int] = field(default_factory=set)
    refused: int = 0

    async def api(self, method: str, path: str, body: Any = None) -> Any:
        """One call of the internal API."""
        token = (self.home / "internal-token").read_text().strip().rpartition(":")[2]
        headers = {"Authorization": f"Bearer {token}"}
        url = f"{self.internal}/internal/v1{path}"
        async with self.http.request(method, url, json=body, headers=headers) as answer:
            assert answer.status < 300, await answer.text()
            return await answer.json()

    async def set_up(self) -> None:
        """Provision one tenant as a user would."""
        tenant = await self.api("POST", "/tenants", {"name": "Empresa", "plan": "pro"})
        self.tenant = tenant["id"]
        here = f"/tenants/{self.tenant}"
        vindi = {"api_key": self.account.keys[0].key, "environment": "sandbox"}
        connected = await self.api("PUT", f"{here}/vindi", vindi)
        issuer = {
            "kind": "enotas",
            "api_key": self.company.key,
            "company_id": self.company.id,
            "environment": "Producao",
        }
        pushed = await self.api("PUT", f"{here}/issuer", issuer)
        await self.api("PUT", f"{here}/rule", {"issue_when": "bill_paid"})
        await self.api("POST", f"{here}/activate")
        self.webhook_url = connected["webhook_url"]
        self.sandbox.enotas.keys[self.company.key].webhook_url = pushed["status_webhook_url"]

    async def sell_for_ever(self) -> None:
        """A sale and its event, again and again; none is told a second time."""
        while True:
            buyer = operations.create_customer(self.account, **a_buyer())
            bill = operations.sale(
                self.account, customer_id=buyer.id, amount="179.90", paid=True, events=False
            )
            await self._tell(bill.id)
            await asyncio.sleep(1 / EVENTS_A_SECOND)

    async def _tell(self, bill: int) -> None:
        event = {
            "event": {
                "type": "bill_paid",
                "created_at": datetime.now(UTC).isoformat(),
                "data": {"bill": {"id": bill, "status": "paid"}},
            }
        }
        timeout = aiohttp.ClientTimeout(total=10)
        try:
            async with self.http.post(self.webhook_url, json=event, timeout=timeout) as answer:
                if answer.status == 200:
                    self.answered.add(bill)
                    return
        except (aiohttp.ClientError, TimeoutError):
            pass
        self.refused += 1

    def kill(self, word: str) -> None:
        """SIGKILL a server, or every process of a service, by a word of its command line."""
        found: list[psutil.Process] = []
        for child in psutil.Process(self.up.pid).children(recursive=True):
            with suppress(psutil.Error):
                if any(word in part for part in child.cmdline()[:4]):
                    found.append(child)
        if not found:
            raise LookupError(word)
        # Of PostgreSQL the first is the one that the others belong to.
        for process in found if word.startswith("services.") else found[:1]:
            os.kill(process.pid, signal.SIGKILL)

    async def resumed(self, since: float) -> float:
        """Wait until the issuer takes a nota that was asked for after `since`; the seconds."""
        async with asyncio.timeout(60):
            while True:
                newest = max((n.created for n in self.company.notas.values()), default=0.0)
                told = len(self.answered)
                if newest > since + 0.5 and told:
                    return newest - since
                await asyncio.sleep(0.1)


Fault = Callable[[Campaign], Awaitable[None]]


async def _flush_redis(campaign: Campaign) -> None:
    config = next((campaign.home / "redis").glob("*.conf")).read_text()
    said = dict(line.split(maxsplit=1) for line in config.splitlines() if " " in line)
    password = said["requirepass"].strip('"')
    async with Redis(host="127.0.0.1", port=int(said["port"]), password=password) as client:
        await client.flushall()


def _kill(word: str) -> Fault:
    async def fault(campaign: Campaign) -> None:
        campaign.kill(word)

    return fault


FAULTS: Final[dict[str, Fault]] = {
    "Redis flushed": _flush_redis,
    "Redis killed": _kill("redis-server"),
    "PostgreSQL killed": _kill("postgres"),
    "webhook killed": _kill("services.webhook"),
    "emitter killed": _kill("services.emitter"),
    "reconciler killed": _kill("services.reconciler"),
}
ALL_AT_ONCE: Final = ("redis-server", "postgres", "services.webhook", "services.emitter")


async def _everything(campaign: Campaign) -> None:
    for word in ALL_AT_ONCE:
        campaign.kill(word)


async def run(folder: Path) -> list[dict[str, Any]]:
    """Do every fault once; what happened at each, and what became of all events."""
    rows: list[dict[str, Any]] = []
    async with a_campaign(folder) as campaign:
        selling = asyncio.create_task(campaign.sell_for_ever())
        await campaign.resumed(time.time() - 1)
        for name, fault in {**FAULTS, "everything killed": _everything}.items():
            await asyncio.sleep(QUIET_BETWEEN)
            before = time.time()
            await fault(campaign)
            seconds = await campaign.resumed(before)
            rows.append({"fault": name, "seconds": seconds, "ok": seconds < RESUME_WITHIN})
        selling.cancel()
        with suppress(asyncio.CancelledError):
            await selling
        rows.append(await _account_for_all(campaign))
    return rows


async def _account_for_all(campaign: Campaign) -> dict[str, Any]:
    """Wait until every answered event's sale is issued; count the lost and the doubled."""
    deadline = time.monotonic() + 60
    lost = campaign.answered
    while lost and time.monotonic() < deadline:
        await asyncio.sleep(0.5)
        lost = campaign.answered - _issued(campaign)
    per_bill: dict[int, int] = {}
    for nota in campaign.company.notas.values():
        bill = int(nota.external_id.split("-")[2])
        per_bill[bill] = per_bill.get(bill, 0) + 1
    doubled = sum(1 for count in per_bill.values() if count > 1)
    report = campaign.sandbox.enotas.invariants.report()
    return {
        "fault": "in the end",
        "answered": len(campaign.answered),
        "refused": campaign.refused,
        "lost": len(lost),
        "doubled": doubled,
        "violations": report["violations"],
        "ok": not lost and not doubled and report["ok"],
    }


def _issued(campaign: Campaign) -> set[int]:
    return {
        int(nota.external_id.split("-")[2])
        for nota in campaign.company.notas.values()
        if nota.status == "Autorizada"
    }


@asynccontextmanager
async def a_campaign(folder: Path) -> AsyncIterator[Campaign]:
    """`up` against the sandbox, with one tenant, ended with the block."""
    ports = {
        n: free_port() for n in ("WEBHOOK_PORT", "PANEL_PORT", "INTERNAL_PORT", "EMITTER_PORT")
    }
    async with running_sandbox() as sandbox, aiohttp.ClientSession() as http:
        environment = {
            **os.environ,
            **{name: str(port) for name, port in ports.items()},
            "NOTAPONTE_HOME": str(folder / "home"),
            "VINDI_URL_SANDBOX": sandbox.vindi_url,
            "ENOTAS_URL": sandbox.enotas_url,
            "ISSUER_LOOKUP_WAITS": "1,1,1",
            "ISSUER_REQUESTS_PER_SECOND": "1000",
            "ISSUER_PARALLEL": "20",
            "VINDI_REQUESTS_PER_MINUTE": "100000",
            "RECONCILE_EVERY": "3600",  # what is found must have been heard
        }
        for name in ("DATABASE_URL", "REDIS_URL"):
            environment.pop(name, None)
        up = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "shared.ops",
            "up",
            env=environment,
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            assert up.stdout is not None
            async with asyncio.timeout(90):
                while not (line := await up.stdout.readline()).startswith(b"ready"):
                    assert line, "`up` ended before it was ready"
            yield await _with_tenant(sandbox, up, folder / "home", ports["INTERNAL_PORT"], http)
        finally:
            with suppress(ProcessLookupError):
                up.terminate()
            await up.wait()


async def _with_tenant(
    sandbox: Sandbox,
    up: asyncio.subprocess.Process,
    home: Path,
    port: int,
    http: aiohttp.ClientSession,
) -> Campaign:
    account = sandbox.vindi.create_account()
    account.rate.limit = None
    company = sandbox.enotas.create_company(key=sandbox.enotas.create_key().key)
    company.faults.progress = (0.1, 0.1, 0.1, 0.1, 0.1)
    campaign = Campaign(
        sandbox=sandbox,
        account=account,
        company=company,
        up=up,
        home=home,
        internal=f"http://127.0.0.1:{port}",
        http=http,
    )
    await campaign.set_up()
    return campaign


def main() -> int:
    """Run the campaign, show and write what it found."""
    with tempfile.TemporaryDirectory(prefix="np-", ignore_cleanup_errors=True) as folder:
        rows = asyncio.run(run(Path(folder)))
    table = Table("fault", "work resumed after", "bar", "")
    for row in rows[:-1]:
        verdict = "ok" if row["ok"] else "MISSED"
        table.add_row(row["fault"], f"{row['seconds']:.1f} s", f"< {RESUME_WITHIN:.0f} s", verdict)
    Console(width=100).print(table)
    end = rows[-1]
    Console(width=100).print(
        f"{end['answered']} events answered 200, {end['refused']} refused;"
        f" {end['lost']} lost, {end['doubled']} doubled: {'ok' if end['ok'] else 'MISSED'}"
    )
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    return int(not all(row["ok"] for row in rows))


if __name__ == "__main__":
    raise SystemExit(main())
