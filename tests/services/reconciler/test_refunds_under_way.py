"""A refund that is not final when its list is read is asked about until it ends."""

from datetime import UTC, datetime, timedelta

import pytest

from services.sandbox.vindi import operations
from services.sandbox.vindi.records import Bill
from shared.domain.refunds import GIVEN_UP, RAREST, SOONEST, look_again, under_way
from tests.services.reconciler.conftest import Watch

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


async def an_issued_sale(watch: Watch) -> Bill:
    bill = await watch.desk.sold()
    await watch.desk.work()
    await watch.desk.later()
    await watch.desk.work()
    assert (await watch.desk.sale(bill)).status == "issued"
    return bill


async def a_day_later(watch: Watch) -> None:
    """The lane's mark moves past the refund: its list is never read again."""
    async with watch.desk.pool.acquire() as conn:
        await conn.execute("UPDATE refunds_pending SET look_at = look_at - interval '1 day'")
        await conn.execute("UPDATE reconciler_passes SET refunds_mark = now() + interval '4 hours'")


async def pending(watch: Watch) -> int:
    async with watch.desk.pool.acquire() as conn:
        found: int = await conn.fetchval("SELECT count(*) FROM refunds_pending")
        return found


@pytest.mark.parametrize("status", ["processing", "waiting", "timeout"])
async def test_a_refund_that_succeeds_days_later_is_not_forgotten(
    watch: Watch, status: str
) -> None:
    bill = await an_issued_sale(watch)
    operations.refund(watch.desk.account, bill_id=bill.id, status=status, events=False)
    await watch.pass_once()
    await watch.desk.work()
    assert (await watch.desk.sale(bill)).status == "issued"
    for _ in range(2):
        await a_day_later(watch)
        await watch.pass_once()
    assert await pending(watch) == 1

    operations.end_refund(watch.desk.account, bill_id=bill.id)
    await a_day_later(watch)
    await watch.pass_once()
    await watch.desk.work()

    assert (await watch.desk.sale(bill)).status == "cancelling"
    assert await pending(watch) == 0


async def test_a_partial_refund_that_succeeds_later_is_told_though_nothing_else_moves(
    watch: Watch,
) -> None:
    bill = await an_issued_sale(watch)
    operations.refund(
        watch.desk.account, bill_id=bill.id, amount="10.00", status="processing", events=False
    )
    await watch.pass_once()

    operations.end_refund(watch.desk.account, bill_id=bill.id)
    await a_day_later(watch)
    await watch.pass_once()
    await watch.desk.work()

    assert (await watch.desk.sale(bill)).attention == "partially_refunded"


async def test_a_refund_that_fails_in_the_end_changes_nothing(watch: Watch) -> None:
    bill = await an_issued_sale(watch)
    operations.refund(watch.desk.account, bill_id=bill.id, status="processing", events=False)
    await watch.pass_once()

    operations.end_refund(watch.desk.account, bill_id=bill.id, status="rejected")
    await a_day_later(watch)
    await watch.pass_once()
    await watch.desk.work()

    assert (await watch.desk.sale(bill)).status == "issued"
    assert await pending(watch) == 0


def test_the_older_a_refund_the_rarer_it_is_asked_about() -> None:
    ages = [timedelta(), timedelta(hours=8), timedelta(days=30), GIVEN_UP + timedelta(days=1)]

    waits = [look_again(NOW - age, NOW) for age in ages]

    assert waits == [NOW + SOONEST, NOW + timedelta(hours=1), NOW + RAREST, None]


@pytest.mark.parametrize(
    ("kind", "status", "may_still_succeed"),
    [
        ("refund", "processing", True),
        ("refund", "a word of tomorrow", True),
        ("refund", "success", False),
        ("refund", "rejected", False),
        ("refund", None, False),
        ("charge", "processing", False),
    ],
)
def test_only_a_refund_without_an_end_is_under_way(
    kind: str, status: str | None, may_still_succeed: bool
) -> None:
    assert under_way(kind, status) is may_still_succeed
