"""Whatever happens between two notas of one bill, or after both, ends in a name and none twice."""

from typing import Any

import pytest

from services.sandbox.enotas.records import Outcome
from services.sandbox.vindi import operations
from shared.db.closing import closing_locks_store
from shared.db.outbox import outbox_wakes
from shared.db.sales import customer_holds_store
from shared.db.tenants import tenants_store
from shared.domain.ids import BillId
from tests.services.emitter.conftest import Desk
from tests.services.emitter.parts_undone import (
    changed,
    come_to_nothing,
    line_added,
    one_pass,
    shown,
    swapped,
    valid,
)
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
