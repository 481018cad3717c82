"""Bills of several notas that changed while some were denied, stood or were under way."""

import pytest

from services.sandbox.enotas.records import Outcome
from services.sandbox.vindi import operations
from services.sandbox.vindi.records import Bill
from shared.domain.ids import BillId
from tests.services.emitter.conftest import Desk
from tests.services.emitter.parts_undone import (
    changed,
    come_to_nothing,
    one_pass,
    shown,
    swapped,
    valid,
)
from tests.services.emitter.test_bill_undone import (
    Change,
    moved,
)
from tests.services.emitter.test_parts import (
    SERVICES,
    ask,
    decides,
    is_clean,
    parts,
    settle,
    sold_mixed,
    states,
)
from tests.services.reconciler.closing.conftest import books

__all__ = ["books"]  # fixture


async def test_a_bill_that_changed_between_parts_is_taken_back_and_divided_anew(
    desk: Desk,
) -> None:
    await desk.rule(**SERVICES)
    bill = await sold_mixed(desk, "100.00", "79.90")
    await one_pass(desk)
    swapped(desk, bill)
    await desk.heard(BillId(bill.id))
    await settle(desk, rounds=3)

    await ask(desk, bill, "cancel")
    await settle(desk, rounds=3)
    cancelled = await desk.sale(bill)
    await ask(desk, bill, "issue")
    await settle(desk, rounds=3)

    assert (cancelled.status, cancelled.code) == ("cancelled", "canceled_by_person")
    assert states(desk, bill) == {
        f"{bill.id}x1-1": "Cancelada",
        f"{bill.id}x1-2": "Autorizada",
        f"{bill.id}x2-2": "Autorizada",
    }
    assert [one.amount for one in await parts(desk, bill)] == [7_990, 10_000]
    assert (await desk.sale(bill)).status == "issued"
    assert is_clean(desk)


@pytest.mark.parametrize("change", [swapped, changed, come_to_nothing, moved])
async def test_a_denied_part_is_not_sent_again_for_a_bill_that_changed(
    desk: Desk, change: Change
) -> None:
    await desk.rule(**SERVICES)
    bill = await sold_mixed(desk, "100.00", "79.90")
    decides(desk, bill, 2, "deny_once", denial="service")
    await settle(desk)

    change(desk, bill)
    await ask(desk, bill, "retry")
    await settle(desk, rounds=3)

    code = "bill_moved_after_issue" if change is moved else "parts_disagree"
    assert shown(await desk.sale(bill)) == ("held", code, None)
    assert [one.sends for one in await parts(desk, bill)] == [1, 1]
    assert valid(desk, bill) == 1


async def test_both_parts_denied_and_the_bill_come_to_nothing_there_is_no_nota_to_make(
    desk: Desk,
) -> None:
    await desk.rule(**SERVICES)
    bill = await sold_mixed(desk, "100.00", "79.90")
    for part in (1, 2):
        decides(desk, bill, part, "deny_once", denial="service")
    await settle(desk)

    come_to_nothing(desk, bill)
    await ask(desk, bill, "retry")
    await settle(desk, rounds=3)

    assert shown(await desk.sale(bill)) == ("skipped", "zero_amount", None)
    assert valid(desk, bill) == 0


def one_service_left(desk: Desk, bill: Bill) -> None:
    operations.edit_bill(
        desk.account, bill_id=bill.id, amount="50.00", line_amounts=["0.00", "50.00"]
    )


@pytest.mark.parametrize(
    ("change", "amounts"),
    [(swapped, [7_990, 10_000]), (changed, [10_000, 5_000]), (one_service_left, [5_000])],
)
async def test_a_bill_that_changed_while_all_its_notas_were_denied_is_divided_anew(
    desk: Desk, change: Change, amounts: list[int]
) -> None:
    await desk.rule(**SERVICES)
    bill = await sold_mixed(desk, "100.00", "79.90")
    for part in (1, 2):
        decides(desk, bill, part, "deny_once", denial="service")
    await settle(desk)

    change(desk, bill)
    await ask(desk, bill, "retry")
    await settle(desk, rounds=3)

    sale = await desk.sale(bill)
    assert (*shown(sale), sale.amount) == ("issued", None, None, sum(amounts))
    issued = [one for one in desk.notas_of(bill) if one.status == "Autorizada"]
    assert [round(one.body["valorTotal"] * 100) for one in issued] == amounts
    assert is_clean(desk)


async def test_a_bill_that_changed_while_one_nota_is_denied_and_one_stands_can_be_taken_back(
    desk: Desk,
) -> None:
    await desk.rule(**SERVICES)
    bill = await sold_mixed(desk, "100.00", "79.90")
    decides(desk, bill, 1, "deny_once", denial="service")
    await settle(desk)
    swapped(desk, bill)
    await ask(desk, bill, "retry")
    await settle(desk)
    held = await desk.sale(bill)

    await ask(desk, bill, "cancel")
    await settle(desk)

    assert (held.status, held.code) == ("held", "parts_disagree")
    assert (await desk.sale(bill)).status == "cancelled"
    assert valid(desk, bill) == 0
    assert is_clean(desk)


async def test_a_person_who_cancels_while_the_second_is_under_way_has_both_cancelled(
    desk: Desk,
) -> None:
    await desk.rule(**SERVICES)
    bill = await sold_mixed(desk, "100.00", "79.90")
    decides(desk, bill, 2, "outage", hours=0.4)
    await settle(desk, rounds=1)
    before = [one.status for one in await parts(desk, bill)]

    await ask(desk, bill, "cancel")
    await settle(desk, rounds=6)

    sale = await desk.sale(bill)
    assert before == ["issued", "pending"]
    assert (sale.status, sale.code, sale.wish) == ("cancelled", "canceled_by_person", None)
    assert valid(desk, bill) == 0
    assert is_clean(desk)


async def test_a_denied_nota_divided_anew_whose_request_did_not_leave_is_asked_for_again(
    desk: Desk,
) -> None:
    await desk.rule()
    bill = await sold_mixed(desk, "100.00", "79.90")
    key = f"p-{desk.tenant}-{bill.id}-1"
    desk.sandbox.enotas.decide(desk.company, key, Outcome(kind="deny_once", denial="service"))
    await settle(desk)
    denied = await desk.sale(bill)

    await desk.rule(**SERVICES)
    desk.company.weather.add(status=401, when="before", method="POST", count=1)
    # The second look at the company finds the same.
    desk.company.weather.add(status=401, when="before", path_has="criticardadosobrigatorios")
    await ask(desk, bill, "retry")
    await desk.work()
    held = await desk.sale(bill)

    desk.company.weather.clear()
    async with desk.pool.acquire() as conn:
        await conn.execute("UPDATE issuer_connections SET state = 'ok'")
    await desk.heard(BillId(bill.id))
    await settle(desk, rounds=3)

    assert (denied.status, held.status, held.code) == ("denied", "held", "issuer_key_refused")
    sale = await desk.sale(bill)
    assert (sale.status, sale.code, sale.amount) == ("issued", None, 17_990)
    assert valid(desk, bill) == 2
    assert is_clean(desk)


@pytest.mark.parametrize("mixed", [True, False])
async def test_vindi_out_of_reach_while_the_issuer_works_leaves_no_nota_unfollowed(
    desk: Desk, *, mixed: bool
) -> None:
    await desk.rule(**SERVICES)
    bill = await (sold_mixed(desk, "100.00", "79.90") if mixed else desk.sold())
    await desk.work()
    desk.account.keys[0].revoked = True

    await desk.heard(BillId(bill.id))
    await desk.work()
    async with desk.pool.acquire() as conn:
        # Each claim is a try: it is not asked about again and again until the issuer has ended it.
        assert await conn.fetchval("SELECT max(attempt) FROM outbox") < 10
    await settle(desk, rounds=4)

    assert (await desk.sale(bill)).status == "issued"
    assert {one.status for one in await parts(desk, bill)} == {"issued"}
