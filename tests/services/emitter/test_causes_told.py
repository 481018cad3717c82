"""A date, an amount, a competência or a customer that changes before a sale is sent says why."""

from datetime import UTC, datetime, timedelta

from services.sandbox.vindi import operations
from services.sandbox.vindi.records import Bill
from shared.db.outbox import outbox_wakes
from shared.domain.ids import BillId
from tests.services.emitter.conftest import Desk, a_buyer
from tests.services.emitter.stopping.test_duplicates import services_of
from tests.services.emitter.test_changes import asked, lines, new_rule

PAID = (datetime.now(UTC) - timedelta(days=2)).replace(microsecond=0)


async def in_guarantee(desk: Desk, days: int = 7, paid_at: datetime = PAID) -> Bill:
    await desk.rule(issue_when="guarantee_ended", guarantee_days=days)
    bill = await desk.sold(paid_at=paid_at.isoformat())
    await desk.work()
    assert (await desk.sale(bill)).status == "in_guarantee"
    return bill


async def test_another_zone_is_named_as_what_moved_the_end_of_a_guarantee(desk: Desk) -> None:
    bill = await in_guarantee(desk)

    set_up = services_of(desk).set_up
    await set_up.change_tenant(
        desk.tenant, name=None, plan=None, timezone="America/Rio_Branco", by="ana"
    )
    await desk.work()

    (line,) = await lines(desk, bill)
    assert line.startswith("data de emissão: ")
    assert line.endswith("; porque o fuso horário da empresa mudou")


async def test_a_bill_that_passes_to_another_customer_says_so_by_their_numbers(desk: Desk) -> None:
    bill = await in_guarantee(desk)
    first = bill.customer_id
    other = operations.create_customer(desk.account, **{**a_buyer(), "name": "Outra Pessoa"})
    bill.customer_id = other.id
    desk.sandbox.clock.advance(60)
    desk.account.changed("bills", bill)

    await desk.heard(BillId(bill.id))
    await desk.work()

    assert await lines(desk, bill) == [
        f"cliente da Vindi: nº {first} → nº {other.id}; porque a fatura mudou na Vindi"
    ]


async def test_a_sale_that_passes_keeps_nothing_of_the_customer_before(desk: Desk) -> None:
    """Also where Vindi does not tell of the new one: then nothing is known of that one."""
    bill = await in_guarantee(desk)
    first = bill.customer_id
    other = operations.create_customer(desk.account, **{**a_buyer(), "name": "Outra Pessoa"})
    bill.customer_id = other.id
    desk.sandbox.clock.advance(60)
    desk.account.changed("bills", bill)
    desk.account.faults.refused_filters = {"id"}
    desk.account.weather.add(status=422, path_has=f"/customers/{other.id}")
    await desk.rule(issue_when="bill_paid")

    await desk.heard(BillId(bill.id))
    await desk.work()

    row = await desk.pool.fetchrow(
        "SELECT status, customer_id, customer_name, customer, document_word FROM sales"
    )
    assert row is not None
    assert tuple(row) == ("held", other.id, "Outra Pessoa", None, None)
    assert await lines(desk, bill) == [
        f"cliente da Vindi: nº {first} → nº {other.id}; porque a fatura mudou na Vindi"
    ]


async def test_one_that_passes_once_its_nota_was_cancelled_says_so_too(desk: Desk) -> None:
    await desk.rule(issue_when="bill_paid")
    bill = await desk.sold()
    await desk.work()
    await desk.later()
    await desk.work()
    await asked(desk, bill, "cancel")
    for _ in range(3):
        await desk.later()
        await desk.work()
    first = bill.customer_id
    other = operations.create_customer(desk.account, **{**a_buyer(), "name": "Outra Pessoa"})
    bill.customer_id = other.id
    desk.sandbox.clock.advance(60)
    desk.account.changed("bills", bill)

    await desk.heard(BillId(bill.id))
    await desk.work()

    assert (await desk.sale(bill)).status == "cancelled"
    assert await lines(desk, bill) == [
        f"cliente da Vindi: nº {first} → nº {other.id}; porque a fatura mudou na Vindi"
    ]


async def test_a_backfill_is_named_as_what_moved_the_competencia(desk: Desk) -> None:
    bill = await in_guarantee(desk, days=30, paid_at=PAID - timedelta(days=25))
    await desk.pool.execute("UPDATE sales SET backfill = 'original'")
    async with desk.pool.acquire() as conn, conn.transaction():
        await outbox_wakes.wake_unsent(conn, desk.tenant)

    await desk.work()

    (line,) = await lines(desk, bill)
    assert line.startswith("competência: ")
    assert line.endswith("; por uma importação de vendas passadas")


async def test_the_amount_a_person_chose_is_not_told_as_a_change_at_vindi(desk: Desk) -> None:
    bill = await desk.sold()
    operations.edit_bill(desk.account, bill_id=bill.id, amount="150.00")
    await desk.work()

    await asked(desk, bill, "release", amount="lines")

    assert await lines(desk, bill) == ["valor: R$ 150,00 → R$ 179,90; por escolha de uma pessoa"]


async def test_a_competencia_that_time_has_closed_says_that_its_term_is_over(desk: Desk) -> None:
    old = (datetime.now(UTC) - timedelta(days=40)).replace(microsecond=0)
    late = {"keep_until_day": 1, "then": "hold"}
    await desk.rule(issue_when="bill_paid", late_competencia=late)
    bill = await desk.sold(paid_at=old.isoformat())
    await desk.work()
    assert (await desk.sale(bill)).code == "competencia_month_closed"

    await new_rule(desk, issue_when="bill_paid", late_competencia={**late, "then": "today"})

    (line,) = await lines(desk, bill)
    assert "; competência: " in line
    assert line.endswith("; por uma regra nova")


async def test_an_activation_that_moves_back_says_why_what_was_left_out_is_sent(
    desk: Desk,
) -> None:
    bill = await desk.sold(paid_at=PAID.isoformat())
    await desk.pool.execute("UPDATE tenants SET active_from = now() + interval '1 day'")
    await desk.work()
    assert (await desk.sale(bill)).code == "before_activation"

    since = PAID - timedelta(days=1)
    await desk.pool.execute("UPDATE tenants SET active_from = $1", since)
    async with desk.pool.acquire() as conn, conn.transaction():
        await outbox_wakes.wake_left(conn, desk.tenant, ["before_activation"], since)
    await desk.work()

    assert await lines(desk, bill) == [
        "venda: de antes da ativação → a emitir; porque a ativação mudou"
    ]
    assert len(desk.notas_of(bill)) == 1
