"""A stored reading counts only if it was asked for after the last news of its bill."""

from datetime import datetime, timedelta

from services.sandbox.vindi import operations
from shared.db.outbox import outbox_store
from shared.db.outbox.outbox_store import RECONCILE, Mark
from shared.domain.ids import BillId
from tests.services.emitter.conftest import Desk


async def read_and_kept(desk: Desk, bill: BillId, asked_at: datetime) -> None:
    """A pass of the reconciler read the bill, asked for then, and commits it now."""
    mark = Mark(
        tenant_id=desk.tenant,
        bill_id=bill,
        lane=RECONCILE,
        origin="reconciler",
        read_at=asked_at,
    )
    async with desk.pool.acquire() as conn, conn.transaction():
        await conn.execute("UPDATE bills SET read_at = $1", asked_at)
        await outbox_store.mark_due(conn, [mark])


async def now(desk: Desk) -> datetime:
    instant: datetime = await desk.pool.fetchval("SELECT clock_timestamp()")
    return instant


async def test_news_that_came_after_a_reading_was_asked_for_is_not_covered_by_it(
    desk: Desk,
) -> None:
    await desk.rule(issue_when="never")
    bill = await desk.sold()
    await desk.work()
    await desk.rule()
    await desk.heard(BillId(bill.id))
    asked_at = await now(desk)
    operations.refund(desk.account, bill_id=bill.id, events=False)
    await desk.heard(BillId(bill.id))  # of a row that is due and unread already
    await read_and_kept(desk, BillId(bill.id), asked_at)

    await desk.work()

    assert desk.notas_of(bill) == []
    sale = await desk.sale(bill)
    assert (sale.status, sale.code) == ("skipped", "refunded")


async def test_news_that_comes_long_after_the_first_is_kept_as_its_instant(desk: Desk) -> None:
    bill = BillId(7)
    await desk.heard(bill)
    await desk.pool.execute("UPDATE outbox SET heard_at = heard_at - interval '2 seconds'")
    before = await now(desk)

    await desk.heard(bill)

    heard = await desk.pool.fetchval("SELECT heard_at FROM outbox")
    assert heard > before


async def test_copies_of_one_event_write_its_row_once(desk: Desk) -> None:
    bill = BillId(7)
    await desk.heard(bill)
    await desk.pool.execute("UPDATE outbox SET heard_at = heard_at + interval '1 hour'")
    before = await desk.pool.fetchval("SELECT generation FROM outbox")

    await desk.heard(bill)

    assert await desk.pool.fetchval("SELECT generation FROM outbox") == before


async def test_what_comes_due_by_its_date_is_read_afresh_before_it_is_sent(desk: Desk) -> None:
    await desk.rule(issue_when="guarantee_ended", guarantee_days=7)
    bill = await desk.sold()
    await desk.work()
    assert (await desk.sale(bill)).status == "in_guarantee"
    operations.refund(desk.account, bill_id=bill.id, events=False)  # its event is on its way
    await desk.pool.execute("UPDATE bills SET read_at = now() - $1::interval", OLD)
    await desk.rule()
    await desk.later()

    await desk.work()

    assert desk.notas_of(bill) == []


OLD = timedelta(seconds=10)
