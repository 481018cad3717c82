"""A backfill is the last in every line: sales of today do not wait for it."""

import asyncio

from services.emitter.dispatch import Dispatcher
from services.emitter.room import BATCH
from shared.db.outbox import outbox_store
from shared.db.outbox.outbox_store import Mark
from shared.db.tenants import tenants_store
from shared.domain.ids import BillId
from tests.services.reconciler.backfill.conftest import Office

JUNE = ("2026-06-01", "2026-06-30")


async def test_a_sale_of_today_passes_a_hundred_thousand_of_a_backfill(office: Office) -> None:
    for _ in range(120):
        office.desk.sell(paid_at="2026-06-03T10:00:00-03:00")
    await office.did(*JUNE, dry_run=False)
    await more_rows(office, 100_000)
    dispatcher = Dispatcher(tools=office.desk.tools, worker="test")
    async with office.pool.acquire() as conn, conn.transaction():
        await tenants_store.lock(conn, office.desk.tenant)  # so that the first batch lasts
        first = await dispatcher.dispatch_once(lambda: None)
        second = await dispatcher.dispatch_once(lambda: None)

    live = await office.desk.sold()
    third = await dispatcher.dispatch_once(lambda: None)
    async with asyncio.timeout(60):
        while not office.desk.notas_of(live):
            await asyncio.sleep(0.01)
    await dispatcher.drain()

    assert (first, second, third) == (BATCH, 0, 1)


async def more_rows(office: Office, count: int) -> None:
    """Sales of a backfill that are due, by the road they all come; Vindi is not asked for them."""
    first = 10_000_000
    for start in range(first, first + count, 20_000):
        marks = [
            Mark(
                tenant_id=office.desk.tenant,
                bill_id=BillId(number),
                lane=outbox_store.BACKFILL,
                origin="backfill",
            )
            for number in range(start, start + 20_000)
        ]
        async with office.pool.acquire() as conn:
            await outbox_store.mark_due(conn, marks)
