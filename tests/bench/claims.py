"""What a claim of due work costs with ten thousand and with ten million sales stored."""

import statistics
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import asyncpg

from services.emitter.due import DueTenants
from shared.db.migrate import migrate
from shared.db.outbox import claims_store, due_read, outbox_store
from shared.domain.ids import TenantId
from shared.local.postgres import EmbeddedPostgres, running_postgres
from tests.bench.measure import Measure

SIZES: Final = (10_000, 10_000_000)
TENANTS: Final = 50
DUE_A_TENANT: Final = 20
ROUNDS: Final = 110
WARM_UP: Final = 10  # rounds that fill caches and make plans
MOST_RATIO: Final = 1.2

FILL: Final = """
    INSERT INTO outbox (tenant_id, bill_id, state, due_at, origin)
    SELECT 't' || lpad((n % $2)::text, 10, '0'), n, 'settled', now() - interval '1 day', 'webhook'
      FROM generate_series(1, $1::bigint) AS n
"""
ADD_DUE: Final = """
    INSERT INTO outbox (tenant_id, bill_id, state, due_at, origin)
    SELECT 't' || lpad((n % $2)::text, 10, '0'), 1000000000 + n, 'due', now(), 'webhook'
      FROM generate_series(1, $1::bigint) AS n
        ON CONFLICT (tenant_id, bill_id) DO UPDATE
       SET state = 'due', due_at = now(), lease_until = NULL, leased_by = NULL
"""


async def run(folder: Path) -> list[Measure]:
    """Fill an outbox to each size, and time the two steps of claiming; prints all plans.

    The two are timed in turn, so that a machine that grows slow is slow for both.
    """
    async with running_postgres(folder) as server, AsyncExitStack() as stack:
        outboxes = [await stack.enter_async_context(_outbox(server, size)) for size in SIZES]
        seconds: list[list[float]] = [[] for _ in SIZES]
        for _ in range(ROUNDS):
            for outbox, taken in zip(outboxes, seconds, strict=True):
                taken.append(await _time_claim(outbox))
        for outbox, size in zip(outboxes, SIZES, strict=True):
            await _print_plans(outbox, size)
    medians = [statistics.median(taken[WARM_UP:]) for taken in seconds]
    ratio = medians[1] / medians[0]
    passed = ratio <= MOST_RATIO
    return [
        *(
            _measure(f"choose tenants and claim, {size:,} sales", median * 1000, "ms")
            for size, median in zip(SIZES, medians, strict=True)
        ),
        _measure("ratio", ratio, "", f"<= {MOST_RATIO}", passed=passed),
    ]


def _measure(
    what: str, value: float, unit: str, bar: str = "", *, passed: bool | None = None
) -> Measure:
    return Measure(bench="claims", what=what, value=value, unit=unit, bar=bar, passed=passed)


@asynccontextmanager
async def _outbox(server: EmbeddedPostgres, size: int) -> AsyncIterator[Any]:
    """A database of its own with so many settled sales."""
    name = f"claims_{size}"
    maker = await asyncpg.connect(server.url("postgres"))
    await maker.execute(f"CREATE DATABASE {name}")
    await maker.close()
    await migrate(server.url(name))
    connection = await asyncpg.connect(server.url(name))
    try:
        await connection.execute(FILL, size, TENANTS, timeout=1800)
        await connection.execute("VACUUM ANALYZE outbox", timeout=1800)
        yield connection
    finally:
        await connection.close()


async def _time_claim(connection: Any) -> float:
    """Seconds of finding the tenants with due work and claiming for one of them."""
    await connection.execute(ADD_DUE, TENANTS * DUE_A_TENANT, TENANTS)
    await connection.execute("CHECKPOINT")  # its writes are none of a claim's
    started = time.perf_counter()
    tenants = await DueTenants().find_any_tenant(connection, limit=200)
    entries = await _claim(connection, tenants[0].tenant_id)
    taken = time.perf_counter() - started
    assert len(tenants) == TENANTS
    assert len(entries) == DUE_A_TENANT
    return taken


async def _claim(connection: Any, tenant: TenantId) -> list[outbox_store.Entry]:
    return await claims_store.claim_due(
        connection,
        tenant,
        lane=outbox_store.LIVE,
        limit=50,
        lease=timedelta(seconds=30),
        worker="bench",
    )


async def _print_plans(connection: Any, size: int) -> None:
    print(f"\n{size:,} sales stored")
    async with connection.transaction():
        await connection.execute(ADD_DUE, TENANTS * DUE_A_TENANT, TENANTS)
        for name, sql, values in (
            ("tenants with due work, of few", due_read.OF_FEW, (due_read.READ_AT_MOST,)),
            ("tenants with due work, of many", due_read.OF_MANY, (200,)),
            (
                "claim",
                claims_store.CLAIM_DUE,
                ("t0000000001", 0, 50, timedelta(seconds=30), "bench", True, 200),
            ),
        ):
            rows = await connection.fetch(f"EXPLAIN (COSTS OFF) {sql}", *values)
            print(f"-- {name}")
            print("\n".join(row[0] for row in rows))
