"""Ten thousand denials from one expired certificate: one line, one button, no nota doubled."""

import time
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Final

from services.emitter.dispatch import Dispatcher
from services.sandbox.run import running_sandbox
from services.sandbox.vindi import operations
from shared.commands.denials import retry_group
from shared.config.secret import Secret
from shared.config.settings import DatabaseSettings
from shared.db.connection import open_pool
from shared.db.sales import denials_store
from shared.run.waker import Waker
from tests.bench.measure import Measure
from tests.services.emitter.conftest import Desk, a_desk
from tests.support.servers import postgres_for_tests

NOTAS: Final = 10_000
MOST_CLICK: Final = 15.0  # seconds


async def run(folder: Path, notas: int = NOTAS) -> list[Measure]:
    """Deny everything, mend the certificate, press the button, and count what there is."""
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(postgres_for_tests(folder))
        settings = DatabaseSettings(
            url=Secret.of(await server.clone("denials")), pool_size=10, pooler="none"
        )
        pool = await stack.enter_async_context(open_pool(settings, application="bench"))
        sandbox = await stack.enter_async_context(running_sandbox())
        desk = await stack.enter_async_context(a_desk(pool, sandbox))
        desk.account.rate.limit = None
        return await _measure(desk, notas)


async def _measure(desk: Desk, notas: int) -> list[Measure]:
    await _sell(desk, notas)
    desk.company.faults.certificate_expired = True
    await _through(desk)
    async with desk.pool.acquire() as conn:
        started = time.perf_counter()
        groups = await denials_store.groups(conn, desk.tenant)
        listed = time.perf_counter() - started
    desk.company.faults.certificate_expired = False
    started = time.perf_counter()
    accepted = await retry_group(
        desk.pool,
        Waker("redis://127.0.0.1:1"),
        desk.tenant,
        groups[0].group,
        reason="certificado novo",
        by="bench",
    )
    clicked = time.perf_counter() - started
    started = time.perf_counter()
    await _through(desk)
    took = time.perf_counter() - started
    async with desk.pool.acquire() as conn:
        issued = await conn.fetchval("SELECT count(*) FROM sales WHERE status = 'issued'")
    fine = desk.sandbox.enotas.invariants.report()["ok"]
    doubled = len(desk.company.notas) - notas + (0 if fine else 1)
    return [
        _one(
            "denials of one certificate",
            groups[0].count,
            "",
            f"= {notas}",
            groups[0].count == notas,
        ),
        _one("lines they are shown as", len(groups), "", "= 1", len(groups) == 1),
        _one("showing them", listed * 1000, "ms"),
        _one("the one click", clicked, "s", f"< {MOST_CLICK:.0f}", clicked < MOST_CLICK),
        _one("sent again by it", accepted, "", f"= {notas}", accepted == notas),
        _one("issued after the fix", issued, "", f"= {notas}", issued == notas),
        _one("notas doubled", doubled, "", "= 0", doubled == 0),
        _one("issued a second, sandbox and polls included", notas / took, "notas/s"),
    ]


async def _sell(desk: Desk, notas: int) -> None:
    now = desk.sandbox.clock.now()
    operations.bulk_sales(desk.account, count=notas, since=now - 60, until=now, customers=500)
    async with desk.pool.acquire() as conn:
        await conn.execute(
            "INSERT INTO outbox (tenant_id, bill_id, due_at, origin, bill_facts)"
            " SELECT $1, id, now(), 'webhook', 1 FROM unnest($2::bigint[]) AS id",
            desk.tenant,
            list(desk.account.table("bills").rows),
        )


async def _through(desk: Desk) -> None:
    """Until every nota that was sent has its answer."""
    await _work(desk)
    await desk.later(timedelta(days=1))
    await _work(desk)


async def _work(desk: Desk) -> None:
    dispatcher = Dispatcher(tools=desk.tools, worker="bench")
    while await dispatcher.dispatch_once(lambda: None):
        await dispatcher.drain()


def _one(what: str, value: float, unit: str, bar: str = "", passed: bool | None = None) -> Measure:
    return Measure(bench="denials", what=what, value=value, unit=unit, bar=bar, passed=passed)
