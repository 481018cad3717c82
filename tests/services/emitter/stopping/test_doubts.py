"""Events of bills that nobody has cost live sales next to nothing of their account's budget."""

import asyncio
from datetime import timedelta

from services.emitter.dispatch import Dispatcher
from services.emitter.stopping.doubts import MOST_UNKNOWN
from shared.db.outbox.outbox_store import BACKFILL
from shared.db.vindi import watch_store
from shared.domain.ids import BillId
from shared.domain.sale import SaleStatus
from shared.watch.connection import ConnectionCheck, judge
from tests.services.emitter.conftest import Desk

LAST = "SELECT count(*) > 0 FROM outbox WHERE state = 'due' AND lane = $1"
PATIENCE = 30.0
MADE_UP = 900_000_000


async def test_made_up_bills_are_put_behind_and_a_real_sale_is_issued_at_once(desk: Desk) -> None:
    await desk.heard(*(BillId(MADE_UP + number) for number in range(1_000)))
    dispatcher = Dispatcher(tools=desk.tools, worker="test")
    async with asyncio.timeout(PATIENCE):
        while not await unproven_are_last(desk):
            await dispatcher.dispatch_once(lambda: None)
            await dispatcher.drain()
    read_before = len(desk.account.journal)
    assert read_before < 150  # of a thousand; the first batch, a request each

    bill = await desk.sold()
    await dispatcher.dispatch_once(lambda: None)
    await dispatcher.drain()

    assert (await desk.sale(bill)).status in (SaleStatus.ISSUING, SaleStatus.ISSUED)
    assert (await health_of(desk, "webhook_flood")).status == "degraded"


async def test_a_few_bills_that_come_late_are_no_reason_for_doubt(desk: Desk) -> None:
    await desk.heard(*(BillId(MADE_UP + number) for number in range(MOST_UNKNOWN // 2)))
    await desk.sold()
    dispatcher = Dispatcher(tools=desk.tools, worker="test")
    for _ in range(3):
        await dispatcher.dispatch_once(lambda: None)
        await dispatcher.drain()

    assert not await unproven_are_last(desk)
    assert (await health_of(desk, "webhook_flood")).status == "ok"


async def unproven_are_last(desk: Desk) -> bool:
    async with desk.pool.acquire() as conn:
        return bool(await conn.fetchval(LAST, BACKFILL))


async def health_of(desk: Desk, code: str) -> ConnectionCheck:
    async with desk.pool.acquire() as conn:
        facts = await watch_store.facts(conn, desk.tenant)
    assert facts is not None
    checks = judge(facts, every=timedelta(minutes=5))
    return next(check for check in checks if check.code == code)
