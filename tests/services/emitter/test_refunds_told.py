"""What is said of a refund: how much of what, on which day, what remains, and where the nota is."""

from datetime import date

import pytest

from services.sandbox.vindi import operations
from services.sandbox.vindi.records import Bill
from shared.db.sales import sales_read
from shared.domain.given_back import GivenBack, with_refund
from shared.domain.ids import BillId
from shared.domain.message_texts.message import Message
from shared.domain.messages import message_in
from shared.domain.moment import VINDI_ZONE, local_day
from shared.domain.money import Cents
from shared.domain.sale import SaleStatus
from shared.domain.spoken import day
from tests.services.emitter.conftest import Desk

S = SaleStatus


async def said_of(desk: Desk, bill: Bill) -> str:
    async with desk.pool.acquire() as conn:
        sale = await sales_read.get(conn, desk.tenant, BillId(bill.id))
    assert sale is not None
    assert sale.message is not None
    return sale.message.text


async def refunded_today(desk: Desk, bill: Bill, amount: str | None) -> str:
    operations.refund(desk.account, bill_id=bill.id, amount=amount, events=False)
    await desk.heard(BillId(bill.id))
    await desk.work()
    async with desk.pool.acquire() as conn:
        made = await conn.fetchval("SELECT refunded_at FROM bills WHERE bill_id = $1", bill.id)
    return day(local_day(made, VINDI_ZONE))


async def test_a_partial_refund_before_the_nota_says_how_much_remains(desk: Desk) -> None:
    bill = await desk.sold()
    on = await refunded_today(desk, bill, "30.00")

    assert await said_of(desk, bill) == (
        "Parte do pagamento foi estornada. Estornado: R$ 30,00 de R$ 179,90, em"
        f" {on}; restam R$ 149,90. Decida com o contador: escolha Emitir agora para uma nota do que"
        " resta ou do valor inteiro, ou cancele esta venda."
    )


async def test_a_partial_refund_of_an_issued_nota_says_it_too(desk: Desk) -> None:
    bill = await desk.sold()
    await desk.work()
    await desk.later()
    await desk.work()
    on = await refunded_today(desk, bill, "30.00")

    said = await said_of(desk, bill)

    assert said.startswith(
        "Parte do pagamento foi estornada depois da emissão. Estornado: R$ 30,00"
    )
    assert f"em {on}; restam R$ 149,90. Decida com o contador" in said


async def test_a_full_refund_names_amount_and_day(desk: Desk) -> None:
    bill = await desk.sold()
    on = await refunded_today(desk, bill, None)

    assert await said_of(desk, bill) == (
        "O pagamento foi estornado integralmente: não há nota a emitir."
        f" Estornado: R$ 179,90, em {on}."
    )


async def test_a_nota_still_at_the_issuer_says_what_the_rule_does_with_it(desk: Desk) -> None:
    said = {}
    for word in ("cancel", "hold"):
        await desk.rule(refunds={"full": word})
        bill = await desk.sold()
        await desk.work()
        await refunded_today(desk, bill, None)
        assert (await desk.sale(bill)).status == "issuing"
        said[word] = await said_of(desk, bill)

    assert "a nota será cancelada assim que for autorizada" in said["cancel"]
    assert "Quando ela sair, decida com o contador" in said["hold"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (GivenBack(amount=Cents(10), of=Cents(10), on=None), "Estornado: R$ 0,10."),
        (
            GivenBack(amount=Cents(20_000), of=Cents(17_990), on=date(2026, 11, 2)),
            "Estornado: R$ 200,00 de R$ 179,90, em 02/11/2026.",
        ),
    ],
)
def test_what_was_given_back_in_words(given: GivenBack, said: str) -> None:
    assert given.told() == said


def test_nothing_given_back_is_not_told() -> None:
    message = Message(text="Um. Dois.", who_acts="nobody")

    assert with_refund(message, None) == message


@pytest.mark.parametrize("status", [S.CANCELLING, S.CANCELLED])
def test_a_nota_cancelled_for_a_partial_refund_is_not_asked_about(status: SaleStatus) -> None:
    message = message_in(status, "partially_refunded")

    assert message.who_acts == "nobody"
    assert "Decida" not in message.text
