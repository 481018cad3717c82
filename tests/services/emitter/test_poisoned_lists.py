"""Lists that fail for what is in them: the others are read all the same, and issued."""

from datetime import UTC, datetime, timedelta

from services.sandbox.vindi import operations
from shared.domain.ids import BillId
from shared.domain.sale import SaleStatus
from tests.services.emitter.conftest import Desk

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
LIST_OF_IDS = " OR id="  # a query of several ids


async def tried_for(desk: Desk, times: int) -> None:
    for _ in range(times):
        await desk.work()
        await desk.later(timedelta(minutes=10))


async def test_where_lists_of_ids_always_fail_sales_are_read_one_by_one(desk: Desk) -> None:
    desk.account.weather.add(status=500, query_has=LIST_OF_IDS)
    bills = [await desk.sold() for _ in range(6)]

    await tried_for(desk, 6)

    assert all(desk.notas_of(bill) for bill in bills)


async def test_where_lists_of_ids_are_answered_by_a_page_sales_are_read_one_by_one(
    desk: Desk,
) -> None:
    desk.account.weather.add(kind="html", status=200, query_has=LIST_OF_IDS)
    bills = [await desk.sold() for _ in range(6)]

    await tried_for(desk, 6)

    assert all(desk.notas_of(bill) for bill in bills)


async def test_a_bill_that_breaks_every_list_it_is_in_hurts_only_itself(desk: Desk) -> None:
    bills = [await desk.sold() for _ in range(6)]
    bad = bills[2]
    desk.account.weather.add(status=500, query_has=f"id={bad.id}")
    desk.account.weather.add(status=500, path_has=f"/bills/{bad.id}")

    await tried_for(desk, 12)

    assert all(desk.notas_of(bill) for bill in bills if bill is not bad)
    held = await desk.sale(bad)
    assert (held.status, held.code) == (SaleStatus.HELD, "bill_unreadable")

    desk.account.weather.clear()
    await tried_for(desk, 2)
    assert desk.notas_of(bad)


async def test_where_the_paying_transactions_cannot_be_asked_for_others_are_issued(
    desk: Desk,
) -> None:
    now = datetime.now(UTC)
    desk.account.faults.change({"boleto_transactions": "same"})
    await desk.pool.execute("UPDATE tenants SET active_from = $1", now - HOUR)
    old = desk.sell(paid=False, created_at=(now - 12 * DAY).isoformat(), method="online_bank_slip")
    operations.pay_bill(
        desk.account,
        bill_id=old.id,
        paid_at=(now - 2 * DAY).isoformat(),
        known_at=(now - DAY).isoformat(),
        events=False,
    )
    operations.touch(desk.account, bill_id=old.id)
    await desk.heard(BillId(old.id))
    bills = [await desk.sold() for _ in range(4)]
    desk.account.weather.add(status=500, path_has="/transactions")

    await tried_for(desk, 3)

    assert all(desk.notas_of(bill) for bill in bills)
    assert not desk.notas_of(old)

    desk.account.weather.clear()
    await tried_for(desk, 2)
    assert (await desk.sale(old)).code in ("before_activation", "activation_unclear")
