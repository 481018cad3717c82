"""Events of bills that nobody has cost live sales next to nothing of their account's budget."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from redis.asyncio import Redis

from services.emitter.dispatch import Dispatcher
from services.emitter.reading.rumours import UNPROVEN_ALONE
from services.emitter.stopping.doubts import MOST_VAIN, Doubts, leaves_enough
from shared.db.outbox.outbox_store import BACKFILL, LIVE
from shared.db.vindi import watch_store
from shared.domain.ids import BillId
from shared.domain.sale import SaleStatus
from shared.vindi.budget import AccountKey, Budget, BudgetShare
from shared.watch.connection import ConnectionCheck, judge
from tests.services.emitter.conftest import Desk

LAST = "SELECT count(*) > 0 FROM outbox WHERE state = 'due' AND lane = $1"
LIVE_DUE = "SELECT count(*) FROM outbox WHERE state = 'due' AND lane = 0 AND due_at <= now()"
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


async def test_a_tenant_is_told_of_bills_that_stay_unknown(desk: Desk) -> None:
    dispatcher = await a_doubted_desk(desk)
    await desk.later(timedelta(seconds=10))
    await dispatcher.dispatch_once(lambda: None)
    await dispatcher.drain()

    assert (await health_of(desk, "webhook_flood")).status == "degraded"


async def test_a_real_sale_in_a_stream_of_made_up_ones_is_found_by_its_first_list(
    desk: Desk,
) -> None:
    dispatcher = await a_doubted_desk(desk)
    made_up = iter(range(MADE_UP + 1_000, MADE_UP + 10_000))
    for _ in range(3):
        await desk.heard(*(BillId(next(made_up)) for _ in range(60)))
        read_before = len(desk.account.journal)
        bill = await desk.sold()
        await desk.heard(*(BillId(next(made_up)) for _ in range(30)))
        await dispatcher.dispatch_once(lambda: None)
        await dispatcher.drain()

        assert (await desk.sale(bill)).status in (SaleStatus.ISSUING, SaleStatus.ISSUED)
        assert len(desk.account.journal) - read_before <= 6  # two lists of bills, one of customers


async def test_a_made_up_bill_is_asked_for_by_itself_before_it_is_let_go(desk: Desk) -> None:
    dispatcher = await a_doubted_desk(desk)
    for _ in range(35):  # five of a batch are
        await desk.later(timedelta(minutes=5))
        while await dispatcher.dispatch_once(lambda: None):
            await dispatcher.drain()

    asked = [one for one in desk.account.journal if one.path.endswith(f"/{MADE_UP + 150}")]
    assert len(asked) == 1
    assert await desk.pool.fetchval("SELECT count(*) FROM outbox WHERE state <> 'settled'") == 0


async def test_what_was_put_last_and_is_real_comes_forward_once_it_is_read(desk: Desk) -> None:
    dispatcher = await a_doubted_desk(desk)
    bill = desk.sell()
    await desk.heard(*(BillId(MADE_UP + 2_000 + number) for number in range(600)), BillId(bill.id))
    while await dispatcher.dispatch_once(lambda: None):  # too many to be looked for
        await dispatcher.drain()
    lane = "SELECT lane FROM outbox WHERE bill_id = $1"

    assert (await desk.sale(bill)).status in (SaleStatus.ISSUING, SaleStatus.ISSUED)
    assert await desk.pool.fetchval(lane, bill.id) == LIVE


async def test_a_few_bills_that_come_late_are_no_reason_for_doubt(desk: Desk) -> None:
    await desk.heard(*(BillId(MADE_UP + number) for number in range(MOST_VAIN // 2)))
    await desk.sold()
    dispatcher = Dispatcher(tools=desk.tools, worker="test")
    for _ in range(3):
        await dispatcher.dispatch_once(lambda: None)
        await dispatcher.drain()

    assert not await unproven_are_last(desk)
    assert (await health_of(desk, "webhook_flood")).status == "ok"


async def test_before_there_is_doubt_a_few_made_up_bills_are_asked_for_alone(desk: Desk) -> None:
    await desk.heard(*(BillId(MADE_UP + number) for number in range(100)))
    dispatcher = Dispatcher(tools=desk.tools, worker="test")
    await dispatcher.dispatch_once(lambda: None)
    await dispatcher.drain()

    assert len(desk.account.journal) <= 2 + UNPROVEN_ALONE
    assert desk.tools.doubts.of(desk.tenant)
    assert (await health_of(desk, "webhook_flood")).status == "ok"  # the bills may be new


async def test_another_process_minds_what_one_has_seen(desk: Desk) -> None:
    await a_doubted_desk(desk)
    other = Doubts()

    async with desk.pool.acquire() as conn:
        await other.hear_any_tenant(conn)

    assert other.of(desk.tenant)


async def test_a_flood_about_bills_of_long_ago_is_put_behind_as_well(desk: Desk) -> None:
    then = (datetime.now(UTC) - timedelta(days=100)).timestamp()
    long_ago: dict[str, Any] = {"created_at": then, "paid_at": then, "known_at": then}
    old = [desk.sell(**long_ago) for _ in range(MOST_VAIN + 10)]
    await desk.heard(*(BillId(bill.id) for bill in old))
    dispatcher = Dispatcher(tools=desk.tools, worker="test")
    await dispatcher.dispatch_once(lambda: None)
    await dispatcher.drain()

    assert desk.tools.doubts.of(desk.tenant)
    assert (await health_of(desk, "webhook_flood")).status == "ok"  # all of them are its own


async def test_a_renewal_day_is_no_flood(desk: Desk) -> None:
    for bill in [desk.sell() for _ in range(3 * MOST_VAIN)]:
        await desk.heard(BillId(bill.id))
    await desk.work()

    assert not desk.tools.doubts.of(desk.tenant)


async def test_made_up_bills_that_vindi_refuses_to_tell_of_are_no_sales(desk: Desk) -> None:
    desk.account.weather.add(status=422, path_has=f"/bills/{MADE_UP // 1_000_000}")
    dispatcher = await a_doubted_desk(desk)
    before = await desk.pool.fetchval("SELECT count(*) FROM sales")
    await desk.heard(*(BillId(MADE_UP + 5_000 + number) for number in range(20)))
    for _ in range(6):
        while await dispatcher.dispatch_once(lambda: None):
            await dispatcher.drain()
        await desk.later(timedelta(minutes=5))

    assert await desk.pool.fetchval("SELECT count(*) FROM sales") == before


async def test_news_of_notas_that_nobody_asked_for_asks_nobody(desk: Desk) -> None:
    await desk.heard(*(BillId(MADE_UP + number) for number in range(50)), about_bill=False)
    await desk.work()

    assert not desk.account.journal
    assert await desk.pool.fetchval("SELECT count(*) FROM outbox WHERE state <> 'settled'") == 0


async def a_doubted_desk(desk: Desk) -> Dispatcher:
    """Two hundred bills that nobody has were named, and looked for."""
    await desk.heard(*(BillId(MADE_UP + number) for number in range(200)))
    dispatcher = Dispatcher(tools=desk.tools, worker="test")
    async with asyncio.timeout(PATIENCE):
        while await desk.pool.fetchval(LIVE_DUE) or not await unproven_are_last(desk):
            await dispatcher.dispatch_once(lambda: None)
            await dispatcher.drain()
    return dispatcher


async def unproven_are_last(desk: Desk) -> bool:
    async with desk.pool.acquire() as conn:
        return bool(await conn.fetchval(LAST, BACKFILL))


async def health_of(desk: Desk, code: str) -> ConnectionCheck:
    async with desk.pool.acquire() as conn:
        facts = await watch_store.facts(conn, desk.tenant)
    assert facts is not None
    checks = judge(facts, every=timedelta(minutes=5))
    return next(check for check in checks if check.code == code)


@pytest.mark.parametrize("by_lists", [True, False])
async def test_hearsay_has_room_in_vindis_own_minute(redis_url: str, *, by_lists: bool) -> None:
    """Else imports and news of a doubted tenant would rest for as long as somebody floods it."""
    async with Redis.from_url(redis_url) as redis:
        budget = Budget(redis, per_window=120, leave_percent=20)
        room = await budget.look(AccountKey("doubted"), BudgetShare.BACKFILL)

    assert room is not None
    assert leaves_enough(room, by_lists=by_lists)
