"""Whatever happens between two notas of one bill, or after both, ends in a name and none twice."""

from typing import Any

import pytest

from services.emitter.dispatch import Dispatcher
from services.sandbox.enotas.records import Outcome
from services.sandbox.vindi import operations
from services.sandbox.vindi.records import Bill
from shared.db.closing import closing_locks_store
from shared.db.outbox import outbox_wakes
from shared.db.sales import customer_holds_store
from shared.db.tenants import tenants_store
from shared.domain.ids import BillId
from tests.services.emitter.conftest import Desk
from tests.services.emitter.test_bill_undone import (
    Change,
    a_part_given_back,
    canceled,
    disputed,
    given_back,
    moved,
)
from tests.services.emitter.test_parts import (
    SERVICES,
    ask,
    decides,
    is_clean,
    parts,
    sell_mixed,
    settle,
    sold_mixed,
    states,
)
from tests.services.reconciler.closing.conftest import Books, books, reasons
from tests.services.reconciler.closing.test_locked_months import lock_month

__all__ = ["books"]  # fixture


async def one_pass(desk: Desk) -> None:
    """The first part is with the issuer, the second was not sent."""
    dispatcher = Dispatcher(tools=desk.tools, worker="one pass")
    await dispatcher.dispatch_once(lambda: None)
    await dispatcher.drain()


def shown(sale: Any) -> tuple[str, str | None, str | None]:
    return sale.status, sale.code, sale.attention


def valid(desk: Desk, bill: Bill) -> int:
    return sum(1 for one in states(desk, bill).values() if one == "Autorizada")


def come_to_nothing(desk: Desk, bill: Bill) -> None:
    operations.edit_bill(
        desk.account, bill_id=bill.id, amount="0.00", line_amounts=["0.00", "0.00"]
    )


def swapped(desk: Desk, bill: Bill) -> None:
    operations.edit_bill(desk.account, bill_id=bill.id, line_amounts=["79.90", "100.00"])


def changed(desk: Desk, bill: Bill) -> None:
    operations.edit_bill(
        desk.account, bill_id=bill.id, amount="150.00", line_amounts=["100.00", "50.00"]
    )


def line_added(desk: Desk, bill: Bill) -> None:
    operations.edit_bill(desk.account, bill_id=bill.id, amount="300.00")


BETWEEN: list[tuple[Change, dict[str, Any], tuple[str, str | None, str | None], int]] = [
    (given_back, {}, ("cancelled", "refunded", None), 0),
    (canceled, {}, ("cancelled", "bill_canceled", None), 0),
    (a_part_given_back, {}, ("held", "partially_refunded", None), 1),
    (
        a_part_given_back,
        {"refunds": {"partial": "cancel"}},
        ("cancelled", "partially_refunded", None),
        0,
    ),
    (disputed, {"refunds": {"chargeback": "hold"}}, ("held", "payment_undone", None), 1),
    (moved, {}, ("held", "bill_moved_after_issue", None), 1),
    (changed, {}, ("held", "parts_disagree", None), 1),
    (swapped, {}, ("held", "parts_disagree", None), 1),
    (come_to_nothing, {}, ("held", "parts_disagree", None), 1),
    (line_added, {}, ("held", "amount_mismatch", None), 1),
]


@pytest.mark.parametrize(("change", "rule", "ends", "standing"), BETWEEN)
async def test_what_happens_between_two_notas_of_a_bill_has_a_name(
    desk: Desk,
    change: Change,
    rule: dict[str, Any],
    ends: tuple[str, str | None, str | None],
    standing: int,
) -> None:
    await desk.rule(**SERVICES, **rule)
    bill = await sold_mixed(desk, "100.00", "79.90")
    await one_pass(desk)

    change(desk, bill)
    await desk.heard(BillId(bill.id))
    await settle(desk, rounds=4)

    assert shown(await desk.sale(bill)) == ends
    assert (len(states(desk, bill)), valid(desk, bill)) == (1, standing)
    assert is_clean(desk)


AFTER: list[tuple[Change, tuple[str, str | None, str | None], int]] = [
    (canceled, ("cancelled", "bill_canceled", None), 0),
    (a_part_given_back, ("issued", None, "partially_refunded"), 2),
    (moved, ("issued", None, "bill_moved_after_issue"), 2),
    (changed, ("issued", None, "bill_changed_after_issue"), 2),
    (come_to_nothing, ("issued", None, "bill_changed_after_issue"), 2),
]


@pytest.mark.parametrize(("change", "ends", "standing"), AFTER)
async def test_what_happens_after_both_notas_of_a_bill_has_a_name(
    desk: Desk, change: Change, ends: tuple[str, str | None, str | None], standing: int
) -> None:
    await desk.rule(**SERVICES)
    bill = await sold_mixed(desk, "100.00", "79.90")
    await settle(desk)

    change(desk, bill)
    await desk.heard(BillId(bill.id))
    await settle(desk, rounds=4)

    sale = await desk.sale(bill)
    assert shown(sale) == ends
    assert sale.amount == 17_990
    assert (len(states(desk, bill)), valid(desk, bill)) == (2, standing)
    assert is_clean(desk)


async def test_a_dispute_too_late_for_the_city_leaves_the_nota_that_stands_in_sight(
    desk: Desk,
) -> None:
    rule = {"refunds": {"chargeback": "cancel", "city_window": {"days_after_issue": 1}}}
    await desk.rule(**SERVICES, **rule)
    bill = await sold_mixed(desk, "100.00", "79.90")
    decides(desk, bill, 2, "deny", denial="certificate")
    await settle(desk)
    async with desk.pool.acquire() as conn:
        await conn.execute("UPDATE notas SET issued_at = issued_at - interval '40 days'")

    await ask(desk, bill, "retry")
    disputed(desk, bill)
    await desk.heard(BillId(bill.id))
    await settle(desk, rounds=3)

    assert shown(await desk.sale(bill)) == ("denied", "denied_certificate", "cancel_window_over")
    assert valid(desk, bill) == 1
    assert is_clean(desk)


async def test_paused_between_parts_the_rest_waits_and_goes_when_the_tenant_goes_on(
    desk: Desk,
) -> None:
    await desk.rule(**SERVICES)
    bill = await sold_mixed(desk, "100.00", "79.90")
    await one_pass(desk)
    async with desk.pool.acquire() as conn:
        await tenants_store.pause(conn, desk.tenant)
    await settle(desk, rounds=3)
    held, sent = await desk.sale(bill), len(states(desk, bill))

    async with desk.pool.acquire() as conn, conn.transaction():
        await tenants_store.activate(conn, desk.tenant)
        await outbox_wakes.wake_stopped(conn, desk.tenant, ["tenant_paused"])
    await settle(desk, rounds=3)

    assert (held.status, held.code, sent) == ("held", "tenant_paused", 1)
    assert (await desk.sale(bill)).status == "issued"
    assert valid(desk, bill) == 2
    assert is_clean(desk)


async def test_a_month_locked_between_parts_holds_the_rest_until_it_is_unlocked(
    books: Books,
) -> None:
    desk = books.desk
    await desk.rule(**SERVICES)
    bill = sell_mixed(desk, "100.00", "79.90", paid_at=books.start.timestamp())
    await desk.heard(BillId(bill.id))
    await one_pass(desk)
    async with desk.pool.acquire() as conn, conn.transaction():
        await lock_month(books, conn)
    await books.settle()
    held, closing = await desk.sale(bill), await books.close()

    async with desk.pool.acquire() as conn, conn.transaction():
        await closing_locks_store.remove(conn, desk.tenant, books.month)
        await outbox_wakes.wake_stopped(conn, desk.tenant, ["competencia_month_closed"])
    await books.settle()

    assert (held.status, held.code) == ("held", "competencia_month_closed")
    assert closing.balanced
    assert reasons(closing) == {("competencia_month_closed", "held"): (1, 7_990)}
    assert (await desk.sale(bill)).status == "issued"
    assert valid(desk, bill) == 2
    assert is_clean(desk)


@pytest.mark.parametrize(
    "rule",
    [
        {**SERVICES, "mixed_services": "hold"},
        {"service": {"lc116": "1.07"}},
        {**SERVICES, "issue_when": "manual"},
        {**SERVICES, "issue_when": "never"},
    ],
    ids=["hold", "one service", "by hand", "never"],
)
async def test_a_rule_that_changes_between_parts_finishes_the_bill_as_it_was_divided(
    desk: Desk, rule: dict[str, Any]
) -> None:
    await desk.rule(**SERVICES)
    bill = await sold_mixed(desk, "100.00", "79.90")
    await one_pass(desk)

    await desk.rule(**rule)
    await desk.heard(BillId(bill.id))
    await settle(desk, rounds=3)

    assert (await desk.sale(bill)).status == "issued"
    assert [one.amount for one in await parts(desk, bill)] == [10_000, 7_990]
    assert valid(desk, bill) == 2
    assert is_clean(desk)


@pytest.mark.parametrize("mended", [True, False])
async def test_a_customer_mended_after_one_part_was_denied_has_that_part_sent_again(
    desk: Desk, *, mended: bool
) -> None:
    await desk.rule(**SERVICES)
    bill = await sold_mixed(desk, "100.00", "79.90")
    decides(desk, bill, 2, "deny_once", denial="address")
    await settle(desk)
    denied = await desk.sale(bill)

    customer = desk.account.customers.rows[bill.customer_id]
    desk.account.changing("customers", customer)
    if mended:
        customer.address["street"] = "Rua Mendada"
    desk.account.changed("customers", customer)
    await desk.heard(BillId(bill.id))
    await settle(desk)

    assert shown(denied) == ("denied", "denied_address", "denied_address")
    assert [one.sends for one in await parts(desk, bill)] == [1, 2 if mended else 1]
    assert (await desk.sale(bill)).status == ("issued" if mended else "denied")
    assert is_clean(desk)


async def test_a_mended_customer_is_waited_for_though_another_part_was_denied_for_something_else(
    desk: Desk,
) -> None:
    await desk.rule(**SERVICES)
    bill = await sold_mixed(desk, "100.00", "79.90")
    decides(desk, bill, 1, "deny_once", denial="service")
    decides(desk, bill, 2, "deny_once", denial="address")
    await settle(desk)

    async with desk.pool.acquire() as conn:
        waiting = await customer_holds_store.any_waiting(conn, desk.tenant)

    assert shown(await desk.sale(bill)) == ("denied", "denied_address", "denied_address")
    assert waiting


@pytest.mark.parametrize(
    ("lines", "amounts"),
    [
        (["0.01", "0.01"], [1, 1]),
        (["0.01", "0.00"], [1]),
        (["10.00", "0.00", "20.00"], [1_000, 2_000]),
        (["33.33", "33.33", "33.34"], [3_333, 3_333, 3_334]),
    ],
)
async def test_amounts_of_a_centavo_or_none_are_divided_to_the_cent(
    desk: Desk, lines: list[str], amounts: list[int]
) -> None:
    await desk.rule(**SERVICES)
    bill = await sold_mixed(desk, *lines)

    await settle(desk)

    sale, notas = await desk.sale(bill), await parts(desk, bill)
    assert (sale.status, sale.amount) == ("issued", sum(amounts))
    assert [one.amount for one in notas] == amounts
    sent = [round(one.body["valorTotal"] * 100) for one in desk.notas_of(bill)]
    assert sent == amounts
    assert is_clean(desk)


@pytest.mark.parametrize(
    ("discount", "amounts"),
    [
        ({"product": "EBOOK", "amount": "-25.00"}, [7_500]),  # below zero: carried by the plan
        ({"product": "EBOOK", "amount": "-20.00"}, [8_000]),  # nothing is left of it
        ({"product": "EBOOK", "amount": "-0.01"}, [8_000, 1_999]),
        ({"product": "OTHER", "amount": "-0.01"}, [7_999, 2_000]),
        ({"product": "OTHER", "amount": "-99.99"}, [1]),
    ],
)
async def test_a_discount_is_taken_from_the_notas_to_the_cent(
    desk: Desk, discount: dict[str, str], amounts: list[int]
) -> None:
    await desk.rule(**SERVICES)
    ids = {
        code: operations.create_product(desk.account, code=code).id for code in ("EBOOK", "OTHER")
    }
    bill = await desk.sold(
        lines=[
            {"product_id": desk.product_id, "amount": "80.00", "quantity": 4},
            {"product_id": ids["EBOOK"], "amount": "20.00"},
            {"product_id": ids[discount["product"]], "amount": discount["amount"]},
        ]
    )

    await settle(desk, rounds=3)

    sale = await desk.sale(bill)
    assert (sale.status, sale.amount) == ("issued", sum(amounts))
    sent = [round(one.body["valorTotal"] * 100) for one in desk.notas_of(bill)]
    assert sent == amounts
    assert is_clean(desk)


async def test_the_closing_names_a_sale_of_which_one_part_never_left(books: Books) -> None:
    desk = books.desk
    await desk.rule(**SERVICES)
    bill = sell_mixed(desk, "100.00", "79.90", paid_at=books.start.timestamp())
    await desk.heard(BillId(bill.id))
    desk.sandbox.enotas.decide(
        desk.company, f"p-{desk.tenant}-{bill.id}x1-1", Outcome(kind="authorise")
    )
    await one_pass(desk)
    swapped(desk, bill)
    await desk.heard(BillId(bill.id))
    await books.settle()

    closing = await books.close()

    assert closing.balanced
    assert closing.figures.notas.amount == 10_000
    assert reasons(closing) == {("parts_disagree", "held"): (1, 7_990)}


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
    await settle(desk, rounds=4)

    assert (await desk.sale(bill)).status == "issued"
    assert {one.status for one in await parts(desk, bill)} == {"issued"}
