"""What a timeline tells of a sale that changes before it is sent."""

from datetime import UTC, datetime, timedelta
from typing import Any

from services.sandbox.vindi import operations
from services.sandbox.vindi.records import Bill
from shared.commands.actions import ActionOutcome, Asked, act
from shared.db.outbox import outbox_wakes
from shared.db.sales import timeline_store
from shared.domain.actions import SaleAction
from shared.domain.ids import BillId
from shared.domain.moment import VINDI_ZONE as BRASILIA
from shared.run.waker import Waker
from tests.services.emitter.conftest import Desk

PAID = (datetime.now(UTC) - timedelta(days=2)).replace(microsecond=0)


async def lines(desk: Desk, bill: Bill, what: str = "changed") -> list[str]:
    async with desk.pool.acquire() as conn:
        story = await timeline_store.of_bill(conn, desk.tenant, BillId(bill.id))
    return [line.why for line in story if line.what == what]


async def new_rule(desk: Desk, **changes: Any) -> None:
    await desk.rule(**changes)
    async with desk.pool.acquire() as conn, conn.transaction():
        await outbox_wakes.wake_unsent(conn, desk.tenant)
    await desk.work()


async def asked(desk: Desk, bill: Bill, action: SaleAction, **more: Any) -> ActionOutcome:
    waker = Waker("redis://127.0.0.1:1")  # remembers a ring; nobody sends it here
    wish = Asked(action=action, reason="conferido", by="ana", **more)
    outcome = await act(desk.pool, waker, desk.tenant, [BillId(bill.id)], wish)
    await desk.work()
    return outcome


async def test_a_new_rule_tells_old_and_new_date_version_and_why(desk: Desk) -> None:
    await desk.rule(issue_when="guarantee_ended", guarantee_days=7)
    bill = await desk.sold(paid_at=PAID.isoformat())
    await desk.work()
    before = (await desk.sale(bill)).issue_at
    assert before is not None

    await new_rule(desk, issue_when="guarantee_ended", guarantee_days=30)

    after = before + timedelta(days=23)
    (line,) = await lines(desk, bill)
    assert line == (
        f"regra: v2 → v3; data de emissão: {before.astimezone(BRASILIA):%d/%m/%Y às %H:%M} →"
        f" {after.astimezone(BRASILIA):%d/%m/%Y às %H:%M}; por uma regra nova"
    )


async def test_a_changed_bill_tells_its_amount_and_nothing_is_told_twice(desk: Desk) -> None:
    await desk.rule(issue_when="guarantee_ended", guarantee_days=30)
    bill = await desk.sold(paid_at=PAID.isoformat())
    await desk.work()

    operations.edit_bill(desk.account, bill_id=bill.id, amount="150.00", line_amounts=["150.00"])
    for _ in range(2):
        desk.sandbox.clock.advance(60)
        await desk.heard(BillId(bill.id))
        await desk.work()

    assert await lines(desk, bill) == [
        "valor: R$ 179,90 → R$ 150,00; porque a fatura mudou na Vindi"
    ]


async def test_a_sale_sent_earlier_by_a_new_rule_says_so_before_it_is_requested(
    desk: Desk,
) -> None:
    await desk.rule(issue_when="guarantee_ended", guarantee_days=30)
    bill = await desk.sold(paid_at=PAID.isoformat())
    await desk.work()

    await new_rule(desk, issue_when="bill_paid")

    (line,) = await lines(desk, bill)
    assert line.startswith("regra: v2 → v3; data de emissão: ")
    assert line.endswith("; por uma regra nova")
    assert len(await lines(desk, bill, "nota_requested")) == 1


async def test_the_amount_a_person_chose_is_what_the_nota_is_for(desk: Desk) -> None:
    bills = [await desk.sold() for _ in range(3)]
    for bill in bills:
        operations.edit_bill(desk.account, bill_id=bill.id, amount="150.00")
    await desk.work()
    assert {(await desk.sale(bill)).code for bill in bills} == {"amount_mismatch"}

    refused = await asked(desk, bills[0], "issue")
    for bill, amount in zip(bills, ("lines", "bill", "16050"), strict=True):
        await asked(desk, bill, "release", amount=amount)

    assert refused.accepted == 0
    assert [(await desk.nota(bill)).amount for bill in bills] == [17_990, 15_000, 16_050]
    sent = [nota.body["valorTotal"] for bill in bills for nota in desk.notas_of(bill)]
    assert [round(float(amount) * 100) for amount in sent] == [17_990, 15_000, 16_050]
    await desk.heard(*(BillId(bill.id) for bill in bills))
    await desk.work()
    assert {(await desk.sale(bill)).attention for bill in bills} == {None}


async def test_a_choice_is_not_used_for_other_sums_than_those_seen(desk: Desk) -> None:
    bill = await desk.sold()
    operations.edit_bill(desk.account, bill_id=bill.id, amount="150.00")
    await desk.work()
    async with desk.pool.acquire() as conn:
        await conn.execute("UPDATE sales SET amount_choice = 'bill', amount_about = detail")
    operations.edit_bill(desk.account, bill_id=bill.id, amount="10.00")
    desk.sandbox.clock.advance(60)

    await desk.heard(BillId(bill.id))
    await desk.work()

    assert (await desk.sale(bill)).code == "amount_mismatch"
    assert desk.notas_of(bill) == []


async def test_issued_by_hand_with_six_clicks_while_open_and_paid_later_is_one_nota_and_one_line(
    desk: Desk,
) -> None:
    bill = await desk.sold(paid=False, lines=[{"amount": "230.00"}])
    await desk.work()
    waker = Waker("redis://127.0.0.1:1")
    wish = Asked(action="issue", reason="conferido", by="ana")
    for _ in range(6):
        await act(desk.pool, waker, desk.tenant, [BillId(bill.id)], wish)
    await desk.work()
    await desk.later()
    await desk.work()
    actions: tuple[SaleAction, ...] = ("issue", "retry", "release")
    late = [await asked(desk, bill, action) for action in actions]

    operations.pay_bill(desk.account, bill_id=bill.id, events=False)
    for _ in range(3):
        await desk.heard(BillId(bill.id))
    await desk.work()

    assert [outcome.accepted for outcome in late] == [0, 0, 0]
    assert await lines(desk, bill, "issue") == ["conferido"]
    assert len(desk.notas_of(bill)) == 1
