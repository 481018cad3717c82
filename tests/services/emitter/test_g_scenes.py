"""Exploration of what timelines say."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.sandbox.vindi import operations
from services.sandbox.vindi.records import Bill
from services.sandbox.vindi.render import render
from shared.commands.set_up import SetUp
from shared.db.outbox import outbox_wakes
from shared.db.sales import timeline_store
from shared.domain.ids import BillId
from tests.services.emitter.conftest import Desk, a_buyer
from tests.services.emitter.test_changes import asked, new_rule
from tests.services.emitter.stopping.test_duplicates import services_of
from tests.services.emitter.test_connections import another_company, move, go_live, until_rest

PAID = (datetime.now(UTC) - timedelta(days=2)).replace(microsecond=0)


async def lines(desk: Desk, bill: Bill) -> list[str]:
    async with desk.pool.acquire() as conn:
        story = await timeline_store.of_bill(conn, desk.tenant, BillId(bill.id))
    return [f"{line.what}: {line.why} ({line.by})" for line in story]


async def show(desk: Desk, bill: Bill, what: str) -> None:
    sale = await desk.sale(bill)
    print("====", what)
    print(sale.status, sale.code, sale.detail, sale.amount, sale.issue_at, sale.competencia, sale.rule_version)
    for line in await lines(desk, bill):
        print("   ", line)


async def test_zone(desk: Desk) -> None:
    await desk.rule(issue_when="guarantee_ended", guarantee_days=7)
    bill = await desk.sold(paid_at=PAID.isoformat())
    await desk.work()
    services = services_of(desk)
    await services.set_up.change_tenant(desk.tenant, name=None, plan=None, timezone="America/Rio_Branco", by="ana")
    await desk.work()
    await show(desk, bill, "zone")


async def test_customer_moved(desk: Desk) -> None:
    await desk.rule(issue_when="guarantee_ended", guarantee_days=7)
    bill = await desk.sold(paid_at=PAID.isoformat())
    await desk.work()
    other = operations.create_customer(desk.account, **{**a_buyer(), "name": "Outra Pessoa", "registry_code": "52998224725"})
    bill.customer_id = other.id
    desk.sandbox.clock.advance(60)
    desk.account.changed("bills", bill)
    await desk.heard(BillId(bill.id))
    await desk.work()
    await show(desk, bill, "customer moved")


async def test_customer_edited(desk: Desk) -> None:
    bill = await desk.sold(customer={"registry_code": ""})
    await desk.work()
    await show(desk, bill, "no doc")
    operations.edit_customer(desk.account, customer_id=bill.customer_id, registry_code="52998224725", name="Nome Novo")
    await desk.heard(BillId(bill.id))
    await desk.work()
    await show(desk, bill, "customer edited")


@pytest.mark.parametrize("how", ["original", "today"])
async def test_backfill_over_guarantee(desk: Desk, how: str) -> None:
    await desk.rule(issue_when="guarantee_ended", guarantee_days=30)
    bill = await desk.sold(paid_at=(PAID - timedelta(days=25)).isoformat())
    await desk.work()
    await desk.pool.execute("UPDATE sales SET backfill = $1", how)
    async with desk.pool.acquire() as conn, conn.transaction():
        await outbox_wakes.wake_unsent(conn, desk.tenant)
    await desk.work()
    await show(desk, bill, f"backfill {how}")


async def test_amount_choice(desk: Desk) -> None:
    bill = await desk.sold()
    operations.edit_bill(desk.account, bill_id=bill.id, amount="150.00")
    await desk.work()
    await asked(desk, bill, "release", amount="lines")
    await show(desk, bill, "amount lines")


async def test_amount_choice_in_guarantee(desk: Desk) -> None:
    bill = await desk.sold(paid_at=PAID.isoformat())
    operations.edit_bill(desk.account, bill_id=bill.id, amount="150.00")
    await desk.work()
    await new_rule(desk, issue_when="guarantee_ended", guarantee_days=30)
    await show(desk, bill, "mismatch guarantee")
    await asked(desk, bill, "release", amount="16050")
    await show(desk, bill, "amount stated")


async def test_activation_moved(desk: Desk) -> None:
    bill = await desk.sold(paid_at=PAID.isoformat())
    future = datetime.now(UTC) + timedelta(days=1)
    await desk.pool.execute("UPDATE tenants SET active_from = $1", future)
    await desk.work()
    await show(desk, bill, "before activation")
    await desk.pool.execute("UPDATE tenants SET active_from = $1", PAID - timedelta(days=1))
    async with desk.pool.acquire() as conn, conn.transaction():
        await outbox_wakes.wake_left(conn, desk.tenant, ["before_activation", "activation_unclear"], PAID - timedelta(days=1))
    await desk.work()
    await show(desk, bill, "activation moved")


async def test_paid_again_another_day(desk: Desk) -> None:
    await desk.rule(issue_when="guarantee_ended", guarantee_days=7)
    bill = await desk.sold(paid_at=PAID.isoformat())
    await desk.work()
    [charge] = [desk.account.charges.rows[i] for i in bill.charge_ids]
    charge.paid_ms = int((PAID - timedelta(days=1)).timestamp() * 1000)
    desk.sandbox.clock.advance(60)
    desk.account.changed("charges", charge)
    desk.account.changed("bills", bill)
    await desk.heard(BillId(bill.id))
    await desk.work()
    await show(desk, bill, "paid another day")


async def test_live(desk: Desk) -> None:
    await move(desk, desk.company, "Homologacao")
    bill = await desk.sold()
    await desk.work()
    await until_rest(desk)
    await go_live(desk, issue=True)
    await desk.work()
    await show(desk, bill, "went live")


async def test_late(desk: Desk) -> None:
    at = (datetime.now(UTC) - timedelta(days=40)).replace(microsecond=0)
    await desk.rule(issue_when="bill_paid", late_competencia={"keep_until_day": 1, "then": "hold"})
    bill = await desk.sold(paid_at=at.isoformat())
    await desk.work()
    await show(desk, bill, "late")
    await asked(desk, bill, "issue", competencia="today") if False else None
    await new_rule(desk, issue_when="bill_paid", late_competencia={"keep_until_day": 1, "then": "today"})
    await show(desk, bill, "then today")


async def test_competencia_rule(desk: Desk) -> None:
    await desk.rule(issue_when="guarantee_ended", guarantee_days=7)
    bill = await desk.sold(paid_at=PAID.isoformat())
    await desk.work()
    await show(desk, bill, "guarantee")
    await new_rule(desk, issue_when="guarantee_ended", guarantee_days=7, competencia="moment")
    await show(desk, bill, "competencia by moment")
    await asked(desk, bill, "issue")
    await show(desk, bill, "issued early")
