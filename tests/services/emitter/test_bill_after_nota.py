"""What is said of a bill outlives its nota's own steps at the issuer."""

import pytest

from services.sandbox.vindi import operations
from services.sandbox.vindi.records import Bill
from shared.domain.ids import BillId
from shared.domain.sale import SaleStatus
from tests.services.emitter.conftest import Desk
from tests.services.emitter.test_issuers_word import only_nota, told
from tests.services.emitter.test_parts import ask


async def test_a_part_given_back_while_issuing_is_still_said_of_the_issued_nota(
    desk: Desk,
) -> None:
    bill = await desk.sold()
    await desk.work()

    operations.refund(desk.account, bill_id=bill.id, amount="20.00", events=False)
    await _heard(desk, bill)
    await desk.later()
    await desk.work()

    sale = await desk.sale(bill)
    assert (sale.status, sale.attention) == (SaleStatus.ISSUED, "partially_refunded")


async def test_a_bill_moved_to_another_buyer_says_so_until_it_moves_back(desk: Desk) -> None:
    bill = await desk.sold()
    await desk.work()
    await desk.later()
    await desk.work()
    buyer = bill.customer_id
    other = operations.create_customer(desk.account, name="Outro Fictício")

    moved = []
    for customer in (other.id, other.id, buyer):
        bill.customer_id = customer
        await _heard(desk, bill)
        moved.append((await desk.sale(bill)).attention)

    assert moved == ["bill_moved_after_issue", "bill_moved_after_issue", None]
    assert (await desk.sale(bill)).customer_id == buyer


@pytest.mark.parametrize("how", ["refund", "person"])
async def test_one_given_back_on_its_way_that_is_denied_is_let_go(desk: Desk, how: str) -> None:
    """Nothing sends it again by itself, and nothing else would have its sale decided."""
    desk.company.faults.progress = (1, 1, 1, 100_000, 1)
    bill = await desk.sold()
    await desk.work()
    if how == "refund":
        operations.refund(desk.account, bill_id=bill.id, events=False)
        await _heard(desk, bill)
    else:
        await ask(desk, bill, "cancel")
        await desk.work()
    assert (await desk.nota(bill)).then_cancel is not None
    desk.sandbox.clock.advance(20)
    why = "O CPF do tomador é inválido."
    desk.sandbox.enotas.machine.force(desk.company, only_nota(desk, bill), "Negada", why)

    await told(desk, bill)

    assert (await desk.nota(bill)).denial == "denied_document"
    assert (await desk.sale(bill)).status == SaleStatus.SKIPPED


async def _heard(desk: Desk, bill: Bill) -> None:
    await desk.heard(BillId(bill.id))
    await desk.work()
