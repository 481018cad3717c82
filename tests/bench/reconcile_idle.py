"""What ten thousand accounts cost in which nothing happens, at one pass each five minutes."""

import asyncio
import base64
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import aiohttp
import asyncpg
import psutil

from services.reconciler.accounts.plan import next_pass
from services.reconciler.accounts.slow_lanes import COUNTED_DAYS, SWEPT_DAYS
from shared.crypto import columns
from shared.crypto.seal import Sealer
from shared.crypto.tokens import new_tenant_id
from shared.db.migrate import migrate
from shared.local.files import free_port
from shared.local.postgres import running_postgres
from shared.local.redis import running_redis
from tests.bench.measure import Measure
from tests.journey.system import Service, service_environment

TENANTS: Final = 10_000
EVERY: Final = timedelta(minutes=5)
WARM_SECONDS: Final = 30.0  # passes planned at the start begin after some 15 s
SECONDS: Final = 60.0
REQUESTS_A_PASS: Final = 3
MOST_CORE: Final = 0.5
MOST_ABOVE: Final = 0.02

PUT_TENANTS: Final = """
    INSERT INTO tenants (tenant_id, name, plan, timezone, status, active_from)
    SELECT tenant_id, 'Bench', 'basic', 'America/Sao_Paulo', 'active', now()
      FROM unnest($1::text[]) AS t (tenant_id)
"""
PUT_CONNECTIONS: Final = """
    INSERT INTO vindi_connections (tenant_id, environment, api_key, key_hint, merchant_name)
    SELECT tenant_id, 'production', api_key, '', 'Bench'
      FROM unnest($1::text[], $2::bytea[]) AS c (tenant_id, api_key)
"""
PUT_PASSES: Final = """
    INSERT INTO reconciler_passes (tenant_id, next_pass_at, bills_mark, charges_mark, refunds_mark,
                                   nightly_day, weekly_day)
    SELECT tenant_id, at, now(), now(), now(), current_date + 1, current_date + 1
      FROM unnest($1::text[], $2::timestamptz[]) AS p (tenant_id, at)
"""


async def run(folder: Path) -> list[Measure]:
    """Measure processor time and requests over a minute of the real service."""
    async with (
        running_postgres(folder) as postgres,
        running_redis(folder) as redis,
        _idle_vindi() as vindi,
        aiohttp.ClientSession() as http,
    ):
        port = free_port()
        key = secrets.token_bytes(32)
        environment = service_environment(
            {"reconciler": port, "webhook": free_port()},
            database=postgres.url(),
            redis=redis.url(),
            vindi_url=f"{vindi}/api/v1",
            enotas_url=vindi,
            RECONCILE_EVERY=str(int(EVERY.total_seconds())),
            SECRET_KEYS=base64.urlsafe_b64encode(key).decode(),
            LOG_LEVEL="warning",
        )
        planned = await _provision(postgres.url(), Sealer([key]))
        log = folder / "reconciler.log"
        service = Service(name="reconciler", port=port, environment=environment, log=log)
        await service.start()
        try:
            await service.ready(http)
            return await _measured(service, http, vindi, planned)
        finally:
            await service.stop()


async def _measured(
    service: Service, http: aiohttp.ClientSession, vindi: str, planned: list[datetime]
) -> list[Measure]:
    if service.process is None:
        raise RuntimeError("the service does not run")
    process = psutil.Process(service.process.pid)
    await asyncio.sleep(WARM_SECONDS)
    began, asked, used = datetime.now(UTC), await _count(http, vindi), _processor(process)
    await asyncio.sleep(SECONDS)
    ended, asked_then, used_then = (
        datetime.now(UTC),
        await _count(http, vindi),
        _processor(process),
    )
    requests = asked_then - asked
    ideal = REQUESTS_A_PASS * sum(1 for at in planned if began <= at < ended)
    core = (used_then - used) / (ended - began).total_seconds()
    a_day = REQUESTS_A_PASS * (timedelta(days=1) / EVERY)
    slow = SWEPT_DAYS + COUNTED_DAYS / 7
    above = requests / ideal - 1 + slow / a_day
    return [
        _measure("share of one core", core, "", f"< {MOST_CORE}", core < MOST_CORE),
        _measure("requests in the window", requests, ""),
        _measure("ideal: three for each planned pass", ideal, ""),
        _measure("nightly and weekly lanes, of a day's requests", slow / a_day * 100, "%"),
        _measure("above the ideal, with those", above * 100, "%", "<= 2", above <= MOST_ABOVE),
        _measure("memory", process.memory_info().rss / 2**20, "MiB"),
    ]


def _measure(
    what: str, value: float, unit: str, bar: str = "", passed: bool | None = None
) -> Measure:
    return Measure(bench="idle", what=what, value=value, unit=unit, bar=bar, passed=passed)


def _processor(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


async def _count(http: aiohttp.ClientSession, vindi: str) -> int:
    async with http.get(f"{vindi}/count") as answer:
        return int(await answer.text())


async def _provision(url: str, sealer: Sealer) -> list[datetime]:
    """Ten thousand connected tenants amid their turns; when each is due next."""
    await migrate(url)
    tenants = [new_tenant_id() for _ in range(TENANTS)]
    keys = [columns.VINDI_KEY.seal(sealer, tenant, b"bench-key") for tenant in tenants]
    planned = [next_pass(tenant, datetime.now(UTC), EVERY) for tenant in tenants]
    conn = await asyncpg.connect(url)
    try:
        await conn.execute(PUT_TENANTS, tenants)
        await conn.execute(PUT_CONNECTIONS, tenants, keys)
        await conn.execute(PUT_PASSES, tenants, planned)
        await conn.execute("ANALYZE")
    finally:
        await conn.close()
    return planned


@asynccontextmanager
async def _idle_vindi() -> AsyncIterator[str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.idle_vindi", stdout=asyncio.subprocess.PIPE
    )
    if process.stdout is None:
        raise RuntimeError("no output to read")
    try:
        port = int(await process.stdout.readline())
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        await process.wait()
