"""`make chaos ARGS=--upgrade`: a rolling upgrade under load, from an older commit to this tree.

The older services run on their own code, out of git; while sales keep coming the database is
migrated and each process is replaced by one of this tree, one after another. In the end every event
that was answered 200 has one nota, although the issuer makes a second one of whatever it is asked
for twice and the reconciler, which could have found it otherwise, never reads.
"""

import asyncio
import subprocess
import sys
import tarfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import aiohttp

from services.sandbox.run import Sandbox, running_sandbox
from services.sandbox.vindi import operations
from services.sandbox.vindi.account import Account
from shared.local.files import free_port
from shared.local.postgres import DURABLE, running_postgres
from shared.local.redis import running_redis
from shared.ops.up.processes import listens
from tests.chaos.books import BRASILIA, Books, count
from tests.chaos.campaign import AMOUNT, HEARD_WITHIN, a_company
from tests.journey.system import TOKEN, service_environment
from tests.services.emitter.conftest import a_buyer

BEFORE_THIS_STEP: Final = "aafc869"
HERE: Final = Path(__file__).resolve().parents[2]
LOGS: Final = Path("build/upgrade-logs")
EVENTS_A_SECOND: Final = 10
QUIET: Final = 3.0  # seconds between two steps of the upgrade
PATIENCE: Final = 90.0
# What runs, in the order in which it is replaced; the reconciler has its port for itself.
PROCESSES: Final = ("webhook", "webhook", "emitter", "emitter", "reconciler")
ALONE: Final = frozenset({"reconciler"})


@dataclass(slots=True, kw_only=True)
class Running:
    """One process of a service."""

    name: str
    process: asyncio.subprocess.Process

    async def stop(self) -> int:
        """Tell it to stop, as an orchestrator does; its exit code."""
        with suppress(ProcessLookupError):
            self.process.terminate()
        return await asyncio.wait_for(self.process.wait(), PATIENCE)


@dataclass(slots=True, kw_only=True)
class Upgrade:
    """A system whose processes run on two trees, and what was told to it."""

    sandbox: Sandbox
    account: Account
    company: Any
    env: Mapping[str, str]
    ports: Mapping[str, int]
    http: aiohttp.ClientSession
    tenant: str = ""
    webhook_url: str = ""
    running: list[Running] = field(default_factory=list)
    told: dict[int, float] = field(default_factory=dict)
    refused: int = 0  # tellings that were not answered 200, and were repeated
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def start(self, name: str, tree: Path) -> Running:
        """Start a process on a tree and wait until it takes requests."""
        with (LOGS / f"{name}.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", f"services.{name}"),
                cwd=tree,
                env={**self.env, "PYTHONPATH": str(tree)},
                stdout=log,
                stderr=log,
            )
        port = self.ports[name]
        async with asyncio.timeout(PATIENCE):
            while not await asyncio.to_thread(listens, process.pid, port):
                assert process.returncode is None, f"{name} ended; see {LOGS}"
                await asyncio.sleep(0.1)
        # A webhook says so at a port of its own; the oldest did at the one it takes events at.
        own = int(self.env["METRICS_PORT"]) if name == "webhook" else port
        async with asyncio.timeout(PATIENCE):
            while not (await self._is_ready(own) or await self._is_ready(port)):
                await asyncio.sleep(0.1)
        return Running(name=name, process=process)

    async def _is_ready(self, port: int) -> bool:
        with suppress(aiohttp.ClientError, TimeoutError):
            async with self.http.get(f"http://127.0.0.1:{port}/readyz") as answer:
                return answer.status == 200
        return False

    async def replace(self, old: Running) -> Running:
        """Put a process of this tree in the place of one of the older."""
        if old.name in ALONE:
            await old.stop()
            return await self.start(old.name, HERE)
        new = await self.start(old.name, HERE)
        await old.stop()
        return new

    async def api(self, method: str, path: str, body: Any = None) -> Any:
        url = f"http://127.0.0.1:{self.ports['reconciler']}/internal/v1{path}"
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with self.http.request(method, url, json=body, headers=headers) as answer:
            assert answer.status < 300, await answer.text()
            return await answer.json()

    async def set_up(self) -> None:
        """Provision the tenant as a user would."""
        self.tenant = (await self.api("POST", "/tenants", {"name": "Empresa", "plan": "pro"}))["id"]
        here = f"/tenants/{self.tenant}"
        key = self.account.keys[0].key
        vindi = await self.api("PUT", f"{here}/vindi", {"api_key": key, "environment": "sandbox"})
        issuer = {
            "kind": "enotas",
            "api_key": self.company.key,
            "company_id": self.company.id,
            "environment": "Producao",
        }
        pushed = await self.api("PUT", f"{here}/issuer", issuer)
        await self.api("PUT", f"{here}/rule", {"issue_when": "bill_paid"})
        await self.api("POST", f"{here}/activate")
        self.webhook_url = vindi["webhook_url"]
        self.sandbox.enotas.keys[self.company.key].webhook_url = pushed["status_webhook_url"]

    async def sell_for_ever(self) -> None:
        while True:
            buyer = operations.create_customer(self.account, **a_buyer())
            bill = operations.sale(
                self.account, customer_id=buyer.id, amount=AMOUNT, paid=True, events=False
            )
            task = asyncio.create_task(self._tell(bill.id))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)
            await asyncio.sleep(1 / EVENTS_A_SECOND)

    async def _tell(self, bill: int) -> None:
        """Tell of a sale until that is answered, as Vindi does."""
        said = {
            "event": {
                "type": "bill_paid",
                "created_at": datetime.now(UTC).isoformat(),
                "data": {"bill": {"id": bill, "status": "paid"}},
            }
        }
        async with asyncio.timeout(PATIENCE):
            while bill not in self.told:
                with suppress(aiohttp.ClientError, TimeoutError):
                    async with self.http.post(
                        self.webhook_url, json=said, timeout=HEARD_WITHIN
                    ) as answer:
                        if answer.status == 200:
                            self.told[bill] = time.time()
                            return
                self.refused += 1
                await asyncio.sleep(1)

    async def settled(self) -> Books:
        """The books once every sale told has its nota, or patience ended."""
        deadline = time.monotonic() + PATIENCE
        while True:
            books = count(self.company.notas.values())
            if time.monotonic() > deadline or not (books.open or books.lost(self.told)):
                return books
            await asyncio.sleep(0.5)


def older_tree(commit: str, folder: Path) -> Path:
    """The tree of a commit, unpacked."""
    packed = subprocess.run(
        ["git", "-C", str(HERE), "archive", "--format=tar", commit],
        check=True,
        capture_output=True,
    ).stdout
    with tarfile.open(fileobj=BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
    return folder


async def migrate_by(tree: Path, env: Mapping[str, str]) -> None:
    """`make migrate` of a tree."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "shared.ops", "migrate"),
        cwd=tree,
        env={**env, "PYTHONPATH": str(tree)},
    )
    assert await process.wait() == 0


@asynccontextmanager
async def an_upgrade(folder: Path) -> AsyncIterator[Upgrade]:
    """Servers, stand-ins and settings; nothing of ours runs yet."""
    ports = {name: free_port() for name in dict.fromkeys(PROCESSES)}
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(running_sandbox())
        postgres = await stack.enter_async_context(running_postgres(folder, settings=DURABLE))
        redis = await stack.enter_async_context(running_redis(folder))
        http = await stack.enter_async_context(aiohttp.ClientSession())
        env = service_environment(
            ports,
            database=postgres.url(),
            redis=redis.url(),
            vindi_url=sandbox.vindi_url,
            enotas_url=sandbox.enotas_url,
            RECONCILE_EVERY="3600",
        )
        upgrade = Upgrade(
            sandbox=sandbox,
            account=sandbox.vindi.create_account(),
            company=a_company(sandbox, "11222333000181"),
            env=env,
            ports=ports,
            http=http,
        )
        upgrade.account.rate.limit = None
        try:
            yield upgrade
        finally:
            for task in tuple(upgrade.tasks):
                task.cancel()
            await asyncio.gather(*(one.stop() for one in upgrade.running))


async def run_upgrade(folder: Path, commit: str) -> bool:
    """Upgrade under load; says what became of everything, and whether nothing was lost."""
    LOGS.mkdir(parents=True, exist_ok=True)
    old = older_tree(commit, folder / "older")
    async with an_upgrade(folder) as upgrade:
        await migrate_by(old, upgrade.env)
        upgrade.running = [await upgrade.start(name, old) for name in PROCESSES]
        await upgrade.set_up()
        selling = asyncio.create_task(upgrade.sell_for_ever())
        await asyncio.sleep(QUIET)
        began = time.time()
        await migrate_by(HERE, upgrade.env)
        say(f"migrated under the older code in {time.time() - began:.1f} s")
        for number in range(len(PROCESSES)):
            await asyncio.sleep(QUIET)
            upgrade.running[number] = await upgrade.replace(upgrade.running[number])
            say(f"{PROCESSES[number]} replaced; {len(upgrade.told)} events answered so far")
        await asyncio.sleep(QUIET)
        selling.cancel()
        await asyncio.gather(*upgrade.tasks)
        return await _is_whole(upgrade)


async def _is_whole(upgrade: Upgrade) -> bool:
    books = await upgrade.settled()
    lost, doubled = books.lost(upgrade.told), books.doubled
    violations = upgrade.sandbox.enotas.invariants.report()["counts"]
    closing = await _closing(upgrade)
    whole = closing["balanced"] and not (lost or doubled or violations)
    say(
        f"{len(upgrade.told)} events answered 200 ({upgrade.refused} tellings repeated);"
        f" {len(lost)} lost, {len(doubled)} doubled, closing"
        f" {'balanced' if closing['balanced'] else 'NOT balanced'};"
        f" issuer saw {dict(violations) or 'nothing wrong'}: {'ok' if whole else 'MISSED'}"
    )
    return whole and bool(upgrade.told)


async def _closing(upgrade: Upgrade) -> Any:
    """The month's, once it balances or patience ended."""
    month = f"{datetime.now(BRASILIA):%Y-%m}"
    deadline = time.monotonic() + PATIENCE
    while True:
        closing = await upgrade.api("GET", f"/tenants/{upgrade.tenant}/closing?month={month}")
        if closing["balanced"] or time.monotonic() > deadline:
            return closing
        await asyncio.sleep(1)


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
