"""Ten thousand of the same, stored a moment ago: one line, one button, in seconds."""

import asyncio

from shared.commands.brakes import release_brake
from shared.commands.denials import retry_group
from shared.db.sales import denials_store
from shared.domain.sale import SaleStatus
from shared.run.waker import Waker
from tests.services.api.support import World

MANY = 10_000
A_WAKER = Waker("redis://127.0.0.1:1")  # remembers a ring; nobody sends it here

COPY_SALES = """
    INSERT INTO sales (tenant_id, bill_id, status, code, amount, origin)
    SELECT tenant_id, id, status, code, amount, origin FROM sales, generate_series(2, $1) AS id
"""
COPY_OUTBOX = """
    INSERT INTO outbox (tenant_id, bill_id, state, due_at, origin)
    SELECT tenant_id, id, state, due_at, origin FROM outbox, generate_series(2, $1) AS id
"""
COPY_NOTAS = """
    INSERT INTO notas (tenant_id, bill_id, revision, external_id, status, denial, denial_group,
                       environment, amount, competencia, request)
    SELECT tenant_id, id, 1, 'h-' || tenant_id || '-' || id || '-1', status, denial, denial,
           environment, amount, competencia, request
      FROM notas, generate_series(2, $1) AS id
"""


async def test_ten_thousand_denials_are_one_line_and_one_button(world: World) -> None:
    tenant = await world.active_tenant()
    await world.sale(tenant, 1, SaleStatus.DENIED, nota="denied", denial="denied_certificate")
    async with world.pool.acquire() as conn:
        for copy in (COPY_SALES, COPY_OUTBOX, COPY_NOTAS):
            await conn.execute(copy, MANY)

    async with asyncio.timeout(20):
        async with world.pool.acquire() as conn:
            (group,) = await denials_store.groups(conn, tenant)
        accepted = await retry_group(
            world.pool, A_WAKER, tenant, group.group, reason="certificado novo", by="ana"
        )

    assert (group.group, group.count) == ("denied_certificate", MANY)
    assert accepted == MANY
    assert len(await world.due(tenant)) == MANY
    assert await world.column("SELECT count(*) FROM timeline WHERE what = 'retry'") == [MANY]


async def test_ten_thousand_held_sales_are_released_by_one_click(world: World) -> None:
    tenant = await world.active_tenant()
    await world.sale(tenant, 1, SaleStatus.HELD, code="brake_daily_count")
    async with world.pool.acquire() as conn:
        await conn.execute(COPY_SALES, MANY)
        await conn.execute(COPY_OUTBOX, MANY)

    async with asyncio.timeout(20):
        _, freed = await release_brake(world.pool, A_WAKER, tenant, reason="certo", by="ana")

    assert freed == MANY
    assert len(await world.due(tenant)) == MANY
