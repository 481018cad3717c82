"""What is said of a bill outlives its nota's own steps at the issuer."""

from services.sandbox.vindi import operations
from services.sandbox.vindi.records import Bill
from shared.domain.ids import BillId
from shared.domain.sale import SaleStatus
from tests.services.emitter.conftest import Desk


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


async def _heard(desk: Desk, bill: Bill) -> None:
    await desk.heard(BillId(bill.id))
    await desk.work()
