"""How fast events are taken, against what the same PostgreSQL does with bare inserts.

Baseline and service take turns, and medians are compared, since the machine's speed drifts.
"""

import asyncio
import base64
import json
import os
import secrets
import statistics
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import asyncpg
import psutil

from shared.crypto.tokens import hash_secret, new_tenant_id, new_webhook_secret
from shared.db.migrate import migrate
from shared.db.tenants import secrets_store
from shared.local.files import free_port
from shared.local.postgres import DURABLE, installation, running_postgres
from shared.local.redis import running_redis
from shared.ops.up.programs import WEBHOOK_PROCESSES
from tests.bench.load import BODY_BYTES, Order, Report
from tests.bench.measure import Measure

ROUNDS: Final = 3
SECONDS: Final = 6.0
CALM_SECONDS: Final = 20.0  # long enough to have an autovacuum or two in it
LEAST_SHARE: Final = 0.4
MOST_P99: Final = 50.0  # ms, at half the rate

BASELINE_TABLE: Final = """
    CREATE TABLE bench_rows (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text)
"""
ADD_TENANT: Final = """
    INSERT INTO tenants (tenant_id, name, plan, timezone)
    VALUES ($1, 'Bench', 'basic', 'America/Sao_Paulo')
"""


async def run(folder: Path) -> list[Measure]:
    """Measure rate, times and memory of the webhook service."""
    async with running_postgres(folder, settings=DURABLE) as server, running_redis(folder) as redis:
        url = server.url()
        path = await prepare(url)
        async with running_webhook(url, redis.url()) as (port, pids):
            await send(Order(port=port, path=path, first_bill=1, seconds=2))  # warm up
            before, used = resident(pids), -_processor(pids)
            inserts, rates = [], []
            for turn in range(1, ROUNDS + 1):
                inserts.append(await _pgbench(url, folder))
                order = Order(port=port, path=path, first_bill=turn * 10**7, seconds=SECONDS)
                rates.append(await send(order))
            used += _processor(pids)
            half = statistics.median(map(_rate, rates)) / 2
            order = Order(port=port, path=path, first_bill=10**9, seconds=CALM_SECONDS, rate=half)
            calm = await send(order)
            after = resident(pids)
        return _measures(inserts, rates, calm, before, after, used)


def _measures(
    inserts: list[float],
    rates: list[Report],
    calm: Report,
    before: float,
    after: float,
    used: float,
) -> list[Measure]:
    insert, rate = statistics.median(inserts), statistics.median(map(_rate, rates))
    refused = sum(one.refused for one in (*rates, calm))
    return [
        _measure("bare inserts, 32 clients", insert, "rows/s"),
        _measure("events committed, 64 connections", rate, "events/s"),
        _measure(
            "share of bare inserts",
            rate / insert,
            "",
            f">= {LEAST_SHARE}",
            rate / insert >= LEAST_SHARE,
        ),
        _measure("processor time an event", used / sum(one.sent for one in rates) * 1e6, "us"),
        _measure("p50 at full rate", statistics.median(one.p50 for one in rates), "ms"),
        _measure("p99 at full rate", statistics.median(one.p99 for one in rates), "ms"),
        _measure("p50 at half rate", calm.p50, "ms"),
        _measure("p99 at half rate", calm.p99, "ms", f"< {MOST_P99:g}", calm.p99 < MOST_P99),
        _measure("answers other than 200", refused, "", "0", refused == 0),
        _measure("memory after warming up", before, "MiB"),
        _measure("memory growth", after - before, "MiB", "< 16", after - before < 16),
    ]


def _measure(
    what: str, value: float, unit: str, bar: str = "", passed: bool | None = None
) -> Measure:
    return Measure(bench="ingest", what=what, value=value, unit=unit, bar=bar, passed=passed)


def _rate(report: Report) -> float:
    return report.sent / report.seconds


async def prepare(url: str) -> str:
    """A migrated database with one tenant; the path its events are sent to."""
    await migrate(url)
    conn = await asyncpg.connect(url)
    await conn.execute(BASELINE_TABLE)
    await conn.close()
    return await another_tenant(url)


async def another_tenant(url: str) -> str:
    """One more tenant; the path its events are sent to."""
    tenant = new_tenant_id()
    secret = new_webhook_secret(tenant)
    conn = await asyncpg.connect(url)
    await conn.execute(ADD_TENANT, tenant)
    await secrets_store.add(conn, tenant, "vindi", secret_hash=hash_secret(secret), sealed=None)
    await conn.close()
    return f"/v1/vindi/{secret}"


@asynccontextmanager
async def running_webhook(
    url: str, redis_url: str, **settings: str
) -> AsyncIterator[tuple[int, list[int]]]:
    """The real service in as many processes as `up` starts; their port and process ids."""
    port = free_port()
    environment = {
        **os.environ,
        "DATABASE_URL": url,
        "REDIS_URL": redis_url,
        "WEBHOOK_PORT": str(port),
        "METRICS_PORT": str(free_port()),
        "SECRET_KEYS": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        **settings,
    }
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.webhook", env=environment
        )
        for _ in range(WEBHOOK_PROCESSES)
    ]
    try:
        await _until_all_listen(port, [process.pid for process in processes])
        yield port, [process.pid for process in processes]
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            await process.wait()


async def _until_all_listen(port: int, pids: list[int]) -> None:
    """Wait for each process: the kernel deals connections out to those that listen already."""
    async with asyncio.timeout(30):
        while not all(_listens(pid, port) for pid in pids):
            await asyncio.sleep(0.05)


def _listens(pid: int, port: int) -> bool:
    found = psutil.Process(pid).net_connections("tcp")
    return any(one.status == psutil.CONN_LISTEN and one.laddr.port == port for one in found)


async def send(order: Order) -> Report:
    """Have a process of its own send what is ordered."""
    output = await _output(
        [sys.executable, "-m", "tests.bench.load"], stdin=json.dumps(asdict(order)).encode()
    )
    return Report(**json.loads(output))


async def _pgbench(url: str, folder: Path) -> float:
    """Rows a second that pgbench inserts, each in its own commit, prepared."""
    script = folder / "insert.sql"
    script.write_text(f"INSERT INTO bench_rows (body) SELECT repeat('x', {BODY_BYTES});\n")
    place = urlsplit(url)
    command = [
        *(str(installation() / "bin" / "pgbench"), "-n", "-M", "prepared", "-c", "32", "-j", "2"),
        *("-T", str(int(SECONDS)), "-f", str(script), "-h", str(place.hostname)),
        *("-p", str(place.port), "-U", str(place.username), place.path.strip("/")),
    ]
    output = await _output(command, PGPASSWORD=str(place.password))
    line = next(line for line in output.decode().splitlines() if line.startswith("tps = "))
    return float(line.split()[2])


def resident(pids: list[int]) -> float:
    """MiB of memory a process holds."""
    return sum(psutil.Process(pid).memory_info().rss for pid in pids) / 2**20


def _processor(pids: list[int]) -> float:
    """Seconds of processor time a process has used: unlike a rate, hardly touched by neighbours."""
    times = [psutil.Process(pid).cpu_times() for pid in pids]
    return float(sum(one.user + one.system for one in times))


async def _output(command: list[str], stdin: bytes = b"", **environment: str) -> bytes:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **environment},
    )
    output, _ = await process.communicate(stdin)
    if process.returncode:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}")
    return output
