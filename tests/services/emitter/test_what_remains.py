"""After a refund in part a person has a nota made of what remains, of the whole, or of none."""

import pytest

from services.sandbox.vindi import operations
from services.sandbox.vindi.records import Bill
from shared.commands.actions import ActionOutcome, Asked, act
from shared.db.sales import sales_read
from shared.domain.ids import BillId
from shared.run.waker import Waker
from tests.services.emitter.conftest import Desk
from tests.services.emitter.test_changes import asked
from tests.services.emitter.test_parts import SERVICES, settle, sold_mixed

REST = 14_990
A_WAKER = Waker("redis://127.0.0.1:1")  # remembers a ring; nobody sends it here


async def given_back(desk: Desk, bill: Bill, amount: str = "30.00") -> None:
    operations.refund(desk.account, bill_id=bill.id, amount=amount, events=False)
    await desk.heard(BillId(bill.id))
    await desk.work()


async def heard_again(desk: Desk, bill: Bill) -> None:
    """Its nota is authorised, and its bill is read once more."""
    await desk.later()
    await desk.work()
    await desk.heard(BillId(bill.id))
    await desk.work()


async def wished(desk: Desk, bill: Bill, amount: str | None) -> ActionOutcome:
    """What a person asks for, before any worker looks at it."""
    wish = Asked(action="issue", reason="conferido", by="ana", amount=amount)
    return await act(desk.pool, A_WAKER, desk.tenant, [BillId(bill.id)], wish)


@pytest.mark.parametrize(
    ("amount", "cents"), [("remaining", REST), ("12345", 12_345), ("bill", 17_990), (None, 17_990)]
)
@pytest.mark.parametrize("policy", ["hold", "cancel"])
async def test_the_nota_is_for_what_was_chosen_and_no_refund_seen_then_undoes_it(
    desk: Desk, amount: str | None, cents: int, policy: str
) -> None:
    await desk.rule(refunds={"partial": policy})
    bill = await desk.sold()
    await given_back(desk, bill)
    assert (await desk.sale(bill)).code == "partially_refunded"

    await asked(desk, bill, "issue", amount=amount)
    await heard_again(desk, bill)

    sale = await desk.sale(bill)
    assert (sale.status, sale.code, sale.attention) == ("issued", None, None)
    (nota,) = desk.notas_of(bill)
    assert round(float(nota.body["valorTotal"]) * 100) == cents


@pytest.mark.parametrize("amount", ["remaining", "bill", None])
async def test_what_was_chosen_before_more_was_given_back_is_a_question_anew(
    desk: Desk, amount: str | None
) -> None:
    bill = await desk.sold()
    await given_back(desk, bill)

    await wished(desk, bill, amount)
    await given_back(desk, bill, "10.00")

    assert (await desk.sale(bill)).code == "partially_refunded"
    assert desk.notas_of(bill) == []
    await asked(desk, bill, "issue", amount="remaining")
    assert (await desk.nota(bill)).amount == REST - 1_000


async def test_all_given_back_after_the_choice_leaves_nothing_to_issue(desk: Desk) -> None:
    bill = await desk.sold()
    await given_back(desk, bill)

    await wished(desk, bill, "remaining")
    await given_back(desk, bill, "149.90")

    assert (await desk.sale(bill)).code == "refunded"
    assert desk.notas_of(bill) == []


async def test_more_given_back_after_the_nota_of_the_rest_is_told_of_the_whole_sale(
    desk: Desk,
) -> None:
    bill = await desk.sold()
    await given_back(desk, bill)
    await asked(desk, bill, "issue", amount="remaining")
    await heard_again(desk, bill)

    await given_back(desk, bill, "10.00")

    async with desk.pool.acquire() as conn:
        sale = await sales_read.get(conn, desk.tenant, BillId(bill.id))
    assert sale is not None
    assert sale.message is not None
    assert sale.attention == "partially_refunded"
    assert "R$ 40,00 de R$ 179,90" in sale.message.text
    assert "restam R$ 139,90" in sale.message.text


async def test_a_nota_of_the_whole_is_cancelled_and_one_of_the_rest_takes_its_place(
    desk: Desk,
) -> None:
    bill = await desk.sold()
    await heard_again(desk, bill)
    await given_back(desk, bill)
    assert (await desk.sale(bill)).attention == "partially_refunded"

    await asked(desk, bill, "cancel")
    await settle(desk, rounds=3)
    assert (await desk.sale(bill)).status == "cancelled"
    await asked(desk, bill, "issue", amount="remaining")
    await heard_again(desk, bill)

    sale, nota = await desk.sale(bill), await desk.nota(bill)
    assert (sale.status, sale.attention) == ("issued", None)
    assert (nota.revision, nota.amount) == (2, REST)
    assert sum(one.status == "Autorizada" for one in desk.notas_of(bill)) == 1


async def test_a_bill_of_two_services_says_that_its_rest_cannot_be_divided(desk: Desk) -> None:
    await desk.rule(**SERVICES, mixed_services="split")
    bill = await sold_mixed(desk, "100.00", "79.90")
    await given_back(desk, bill)

    await asked(desk, bill, "issue", amount="remaining")

    sale = await desk.sale(bill)
    assert sale.code == "partially_refunded"
    assert "uma nota para cada serviço" in sale.detail
    assert desk.notas_of(bill) == []
    await asked(desk, bill, "issue", amount="bill")
    await heard_again(desk, bill)
    await heard_again(desk, bill)
    assert (await desk.sale(bill)).status == "issued"
    assert len(desk.notas_of(bill)) == 2


async def test_of_a_sale_that_nothing_was_given_back_of_no_rest_is_asked_for(desk: Desk) -> None:
    bill = await desk.sold(paid=False)
    await desk.work()

    outcome = await wished(desk, bill, "remaining")

    assert [one.code for one in outcome.refused] == ["no_amount_to_choose"]
