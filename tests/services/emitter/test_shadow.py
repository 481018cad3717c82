"""A tenant in shadow: its sales are read and decided, and the issuer hears nothing."""

from datetime import UTC, datetime, timedelta

import pytest_asyncio

from shared.commands.activation import activate, enter_shadow
from shared.db.tenants import tenants_store
from shared.domain.ids import BillId
from shared.domain.sale import SaleStatus
from tests.services.emitter.conftest import SEALER, Desk


@pytest_asyncio.fixture(autouse=True)
async def in_shadow(desk: Desk) -> None:
    await desk.pool.execute("UPDATE tenants SET status = 'setting_up', active_from = NULL")
    await enter_shadow(desk.pool, SEALER, desk.tenant, by="test")
    await desk.pool.execute("UPDATE tenants SET shadow_from = now() - interval '10 days'")


async def test_sales_say_what_would_be_and_the_issuer_hears_nothing(desk: Desk) -> None:
    good = await desk.sold()
    unnamed = await desk.sold(customer={"registry_code": None})
    unpaid = await desk.sold(paid=False)
    await desk.work()

    sales = [await desk.sale(bill) for bill in (good, unnamed, unpaid)]
    assert [(one.status, one.code) for one in sales] == [
        (SaleStatus.SKIPPED, "shadow_issue"),
        (SaleStatus.SKIPPED, "shadow_hold"),
        (SaleStatus.WAITING_PAYMENT, None),
    ]
    assert sales[0].issue_at is not None
    assert desk.company.notas == {}
    assert await desk.pool.fetchval("SELECT count(*) FROM notas") == 0
    assert await desk.pool.fetchval("SELECT count(*) FROM nota_days") == 0


async def test_once_it_issues_what_was_told_only_stays_so(desk: Desk) -> None:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    before = await desk.sold(paid_at=yesterday.isoformat())
    await desk.work()

    await activate(desk.pool, SEALER, desk.tenant, by="test")
    await desk.heard(BillId(before.id))  # touched at Vindi since
    after = await desk.sold()
    await desk.work()

    assert (await desk.sale(before)).code == "shadow_issue"
    assert desk.notas_of(before) == []
    assert len(desk.notas_of(after)) == 1


async def test_a_day_ahead_keeps_the_mode_until_then(desk: Desk) -> None:
    tomorrow = (datetime.now(UTC) + timedelta(days=2)).date()
    active = await activate(desk.pool, SEALER, desk.tenant, by="test", since=tomorrow)
    bill = await desk.sold()
    await desk.work()

    assert (active.status, active.shadow_from is None) == ("active", False)
    assert (await desk.sale(bill)).code == "shadow_issue"
    assert desk.company.notas == {}


async def test_a_sale_paid_in_the_second_of_the_activation_is_not_lost(desk: Desk) -> None:
    bill = await desk.sold()
    await desk.work()
    assert (await desk.sale(bill)).code == "shadow_issue"

    # The sale's moment is of the very second that the activation rounds down to.
    async with desk.pool.acquire() as conn, conn.transaction():
        moment = await conn.fetchval("SELECT moment_at FROM sales WHERE bill_id = $1", bill.id)
        await tenants_store.activate(conn, desk.tenant, moment)
    await desk.heard(BillId(bill.id))
    await desk.work()

    assert len(desk.notas_of(bill)) == 1
