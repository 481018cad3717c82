"""What a nota will lack is said during the guarantee, while there is time to mend it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.sandbox.vindi.records import Bill
from shared.db.sales import sales_read
from shared.db.sales.sales_read import SaleStory
from shared.domain.ids import BillId
from shared.domain.moment import VINDI_ZONE
from tests.services.emitter.conftest import TENANT, Desk
from tests.services.reconciler.conftest import Watch
from tests.services.reconciler.test_customers import LONG_AGO, complete, decided, yesterday


async def in_guarantee(watch: Watch, **customer: Any) -> Bill:
    await watch.desk.rule(issue_when="guarantee_ended", guarantee_days=7)
    bill = watch.desk.sell(customer={"created_at": yesterday(), **customer})
    await watch.pass_once()
    await watch.desk.work()
    return bill


async def story(desk: Desk, bill: Bill) -> SaleStory:
    async with desk.pool.acquire() as conn:
        found = await sales_read.story(conn, TENANT, BillId(bill.id), VINDI_ZONE)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("customer", "code", "said"),
    [
        ({"address": {}}, "customer_address_incomplete", "O endereço do cliente está incompleto."),
        ({"registry_code": None}, "customer_document_missing", "Falta o CPF ou CNPJ do cliente."),
        ({"registry_code": "111"}, "customer_document_invalid", "O CPF ou CNPJ do cliente é"),
    ],
)
async def test_what_the_customer_lacks_is_said_during_the_guarantee(
    watch: Watch, customer: dict[str, Any], code: str, said: str
) -> None:
    bill = await in_guarantee(watch, **customer)

    told = await story(watch.desk, bill)

    sale, message = told.sale, told.sale.message
    assert (sale.status, sale.reason) == ("in_guarantee", code)
    assert message is not None
    assert message.text.startswith(said)
    assert message.text.endswith("até o fim da garantia, a nota fica pendente.")
    assert [line.why for line in told.timeline if line.what == "attention"] == [code]


async def test_an_address_says_what_of_it_is_missing(watch: Watch) -> None:
    bill = await in_guarantee(watch, address={})

    assert "; falta: rua, bairro, cidade" in (await watch.desk.sale(bill)).detail


async def test_a_customer_that_is_complete_is_read_once_and_nothing_is_said(watch: Watch) -> None:
    bill = await in_guarantee(watch)
    asked = customers_read(watch)
    await watch.desk.heard(BillId(bill.id))
    await watch.desk.work()

    sale = await watch.desk.sale(bill)
    assert (sale.status, sale.attention) == ("in_guarantee", None)
    assert customers_read(watch) == asked == 1


async def test_what_is_mended_in_time_is_said_no_more(watch: Watch) -> None:
    bill = await in_guarantee(watch, address={})
    due = await due_at(watch, bill)
    await decided(watch, LONG_AGO)
    complete(watch, bill)

    await watch.pass_once()
    await watch.desk.work()

    sale = await watch.desk.sale(bill)
    assert (sale.status, sale.attention) == ("in_guarantee", None)
    assert await due_at(watch, bill) == due


async def test_what_is_not_mended_is_held_at_the_end(watch: Watch) -> None:
    await watch.desk.rule(issue_when="guarantee_ended", guarantee_days=7)
    paid = datetime.now(UTC) - timedelta(days=3)
    bill = await watch.desk.sold(customer={"address": {}}, paid_at=paid.timestamp())
    await watch.desk.work()
    before = await watch.desk.sale(bill)

    await watch.desk.rule(issue_when="guarantee_ended", guarantee_days=1)
    await watch.desk.heard(BillId(bill.id))
    await watch.desk.work()

    assert (before.status, before.attention) == ("in_guarantee", "customer_address_incomplete")
    sale = await watch.desk.sale(bill)
    assert (sale.status, sale.code, sale.attention) == ("held", "customer_address_incomplete", None)
    assert watch.desk.notas_of(bill) == []


async def test_a_customer_who_cannot_be_read_now_delays_no_guarantee_and_is_asked_again(
    watch: Watch,
) -> None:
    watch.desk.account.weather.add(status=503, path_has="/customers")
    bill = await in_guarantee(watch, address={})
    waits = await watch.desk.sale(bill)
    again = await due_at(watch, bill)

    watch.desk.account.weather.clear()
    async with watch.desk.pool.acquire() as conn:
        await conn.execute("UPDATE outbox SET due_at = now()")
    await watch.desk.work()

    assert (waits.status, waits.attention) == ("in_guarantee", None)
    assert waits.issue_at is not None
    assert again < waits.issue_at
    sale = await watch.desk.sale(bill)
    assert (sale.status, sale.attention) == ("in_guarantee", "customer_address_incomplete")
    assert await due_at(watch, bill) == sale.issue_at


async def due_at(watch: Watch, bill: Bill) -> datetime:
    at: datetime = await watch.desk.pool.fetchval(
        "SELECT due_at FROM outbox WHERE bill_id = $1", bill.id
    )
    return at


def customers_read(watch: Watch) -> int:
    return sum("/customers" in entry.path for entry in watch.desk.account.journal)
