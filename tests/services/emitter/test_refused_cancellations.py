"""Cancelling that was refused: who acts, what is tried again, and what a person may state."""

from datetime import timedelta

import pytest

from services.sandbox.vindi import operations
from services.sandbox.vindi.records import Bill
from shared.commands.actions import Asked, act
from shared.commands.statements import Statement, state_nota
from shared.domain.actions import Refusal, SaleAction
from shared.domain.ids import BillId
from shared.domain.messages import message_for
from shared.run.waker import Waker
from tests.services.emitter.conftest import Desk
from tests.services.emitter.test_issuers_word import (
    A_WAKER,
    an_issued_sale,
    only_nota,
    settled,
    told,
)

UNPAID = "Emissão e cancelamento de notas bloqueados: há pagamento em aberto na conta."


async def refunded(desk: Desk, bill: Bill) -> None:
    operations.refund(desk.account, bill_id=bill.id)
    await desk.heard(BillId(bill.id))
    await desk.work()


async def said_cancelled(desk: Desk, bill: Bill) -> Refusal | None:
    statement = Statement(exists=False, number=None, reason="visto no portal", by="ana")
    return await state_nota(desk.pool, A_WAKER, desk.tenant, BillId(bill.id), statement)


async def asked(desk: Desk, bill: Bill, action: SaleAction) -> None:
    wish = Asked(action=action, reason="vale", by="ana")
    await act(desk.pool, Waker("redis://127.0.0.1:1"), desk.tenant, [BillId(bill.id)], wish)


async def test_an_unpaid_account_at_the_issuer_is_no_refusal_of_the_city(desk: Desk) -> None:
    desk.company.faults.cancel_refusals = [UNPAID]
    bill = await an_issued_sale(desk)

    await refunded(desk, bill)

    sale = await desk.sale(bill)
    assert (sale.status, sale.attention) == ("cancel_refused", "cancel_account")
    assert message_for("cancel_account").who_acts == "tenant"
    assert "prefeitura recusou" not in message_for("cancel_account").text


@pytest.mark.parametrize(
    "text", [UNPAID, "O certificado digital está vencido.", "Prefeitura fora do ar."]
)
async def test_what_may_work_later_is_asked_for_again_by_itself(desk: Desk, text: str) -> None:
    desk.company.faults.cancel_refusals = [text]
    bill = await an_issued_sale(desk)
    await refunded(desk, bill)
    assert (await desk.sale(bill)).status == "cancel_refused"

    desk.company.faults.cancel_refusals = []
    await cancel_is_due(desk)
    await settled(desk)

    sale = await desk.sale(bill)
    assert (sale.status, sale.code) == ("cancelled", "refunded")
    assert only_nota(desk, bill).status == "Cancelada"


async def cancel_is_due(desk: Desk) -> None:
    async with desk.pool.acquire() as conn:
        await conn.execute(
            "UPDATE notas SET cancel_again_at = cancel_again_at - $1::interval", timedelta(days=9)
        )
    await desk.later()
    await desk.work()


async def test_a_refusal_of_the_city_waits_for_a_person(desk: Desk) -> None:
    desk.company.faults.cancel_refusals = ["Prazo de cancelamento encerrado."]
    bill = await an_issued_sale(desk)
    await refunded(desk, bill)
    before = len(desk.sandbox.enotas.journal)

    await cancel_is_due(desk)
    await settled(desk)

    sale = await desk.sale(bill)
    assert (sale.status, sale.attention) == ("cancel_refused", "cancel_deadline")
    assert "DELETE" not in [call.method for call in list(desk.sandbox.enotas.journal)[before:]]


async def test_one_404_is_no_final_refusal(desk: Desk) -> None:
    bill = await an_issued_sale(desk)
    nota = only_nota(desk, bill)
    del desk.company.by_external_id[nota.external_id]
    await refunded(desk, bill)
    sale = await desk.sale(bill)
    assert (sale.status, sale.attention) == ("cancel_refused", "cancel_not_found")

    desk.company.by_external_id[nota.external_id] = nota
    await cancel_is_due(desk)
    await settled(desk)

    assert (await desk.sale(bill)).status == "cancelled"


async def test_a_cancelling_made_on_the_citys_portal_can_be_stated(desk: Desk) -> None:
    desk.company.faults.cancel_unsupported = True
    bill = await an_issued_sale(desk)
    await refunded(desk, bill)
    sale = await desk.sale(bill)
    assert (sale.status, sale.attention) == ("cancel_refused", "cancel_by_portal")

    assert await said_cancelled(desk, bill) is None

    await desk.work()
    sale = await desk.sale(bill)
    assert (sale.status, sale.code) == ("cancelled", "refunded")
    assert (await desk.nota(bill)).status == "cancelled"


async def test_a_nota_stated_as_cancelled_stays_so_whatever_the_issuer_still_says(
    desk: Desk,
) -> None:
    bill = await an_issued_sale(desk)
    await said_cancelled(desk, bill)

    desk.sandbox.clock.advance(60)
    desk.sandbox.enotas.machine.force(desk.company, only_nota(desk, bill), "Autorizada")
    await told(desk, bill)

    assert (await desk.sale(bill)).status == "cancelled"


async def test_one_stated_as_cancelled_may_be_issued_anew(desk: Desk) -> None:
    bill = await an_issued_sale(desk)
    await said_cancelled(desk, bill)

    await asked(desk, bill, "issue")
    await settled(desk)

    assert (await desk.sale(bill)).status == "issued"
    assert [nota.external_id[-2:] for nota in desk.notas_of(bill)] == ["-1", "-2"]


async def test_a_cancelled_nota_takes_no_statement(desk: Desk) -> None:
    bill = await an_issued_sale(desk)
    await said_cancelled(desk, bill)

    assert await said_cancelled(desk, bill) == Refusal(code="nothing_to_state")
