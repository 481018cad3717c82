"""With every event lost, each sale is found, and acted on once."""

import pytest

from services.sandbox.vindi import operations
from services.sandbox.vindi.records import Bill
from shared.domain.sale import SaleStatus
from tests.services.reconciler.conftest import Watch

KINDS = ("open", "paid", "cancelled", "refunded", "partly refunded")


def troubled(watch: Watch, zone: str) -> None:
    """Pages shift while they are read, are short, and fail now and then."""
    account = watch.desk.account
    account.faults.change(
        {
            "query_zone": zone,
            "per_page_cap": 25,
            "insert_between_pages": 1,
            "touch_between_pages": 2,
        }
    )
    account.weather.add(percent=5.0)


@pytest.mark.parametrize("zone", ["America/Sao_Paulo", "UTC"])
async def test_all_that_happens_to_sales_is_found_within_two_passes_each_once(
    watch: Watch, zone: str
) -> None:
    desk = watch.desk
    bills = {kind: [desk.sell(paid=kind != "open") for _ in range(15)] for kind in KINDS}
    troubled(watch, zone)
    await watch.pass_once()
    await watch.pass_once()
    await _until_final(watch)
    for bill in bills["cancelled"]:
        operations.refund(desk.account, bill_id=bill.id, cancel_bill=True)
    for bill in bills["refunded"]:
        operations.refund(desk.account, bill_id=bill.id)
    for bill in bills["partly refunded"]:
        operations.refund(desk.account, bill_id=bill.id, amount="10.00")
    paid_late = bills["open"][:10]
    for bill in paid_late:
        operations.pay_bill(desk.account, bill_id=bill.id)
    await watch.pass_once()
    await watch.pass_once()
    desk.account.weather.clear()
    await _until_final(watch)

    assert await _statuses(watch, bills["paid"]) == {(SaleStatus.ISSUED, None)}
    assert await _statuses(watch, paid_late) == {(SaleStatus.ISSUED, None)}
    assert await _statuses(watch, bills["open"][10:]) == {(SaleStatus.WAITING_PAYMENT, None)}
    assert await _statuses(watch, bills["cancelled"]) == {(SaleStatus.CANCELLED, None)}
    assert await _statuses(watch, bills["refunded"]) == {(SaleStatus.CANCELLED, None)}
    part = {(SaleStatus.ISSUED, "partially_refunded")}
    assert await _statuses(watch, bills["partly refunded"]) == part
    everything = [bill for of_kind in bills.values() for bill in of_kind]
    assert {len(desk.notas_of(bill)) for bill in everything} == {0, 1}
    assert desk.sandbox.enotas.invariants.report()["violations"] == []


async def _until_final(watch: Watch) -> None:
    for _ in range(3):
        await watch.desk.work()
        await watch.desk.later()
    await watch.desk.work()


async def _statuses(watch: Watch, bills: list[Bill]) -> set[tuple[SaleStatus, str | None]]:
    sales = [await watch.desk.sale(bill) for bill in bills]
    return {(sale.status, sale.attention) for sale in sales}
