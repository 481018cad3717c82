"""A bill of several services: one nota for each, whatever gets lost on the way."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from services.emitter.dispatch import Dispatcher
from services.sandbox.enotas.records import Outcome
from services.sandbox.vindi import operations
from services.sandbox.vindi.records import Bill
from shared.commands.actions import Asked, act
from shared.db.outbox import outbox_store
from shared.db.sales import notas_store
from shared.db.sales.notas_store import KnownNota
from shared.domain.actions import SaleAction
from shared.domain.ids import BillId
from shared.run.waker import Waker
from tests.services.emitter.conftest import Desk
from tests.services.reconciler.closing.conftest import Books, books, reasons

__all__ = ["books"]

SERVICES: dict[str, Any] = {
    "service": {"lc116": "1.07"},
    "services_by_product_code": {"EBOOK": {"lc116": "1.09"}, "CURSO": {"lc116": "8.02"}},
}


async def sold_mixed(desk: Desk, *amounts: str, **details: Any) -> Bill:
    """A paid bill of a plan, an e-book and a course, as many of them as there are amounts."""
    bill = sell_mixed(desk, *amounts, **details)
    await desk.heard(BillId(bill.id))
    return bill


def sell_mixed(desk: Desk, *amounts: str, **details: Any) -> Bill:
    known = {one.code: one.id for one in desk.account.products.rows.values()}
    for code in ("EBOOK", "CURSO"):
        if code not in known:
            known[code] = operations.create_product(desk.account, code=code).id
    codes = ("PLANO", "EBOOK", "CURSO")
    lines = [
        {"product_id": known[code], "amount": amount}
        for code, amount in zip(codes, amounts, strict=False)
    ]
    return desk.sell(lines=lines, **details)


async def parts(desk: Desk, bill: Bill) -> list[KnownNota]:
    async with desk.pool.acquire() as conn:
        found = await notas_store.load_newest(conn, desk.tenant, [BillId(bill.id)])
    return found.get(BillId(bill.id), [])


async def settle(desk: Desk, rounds: int = 2) -> None:
    for _ in range(rounds):
        await desk.work()
        await desk.later()
    await desk.work()


async def dies(desk: Desk, turns: int) -> None:
    """A worker begins a pass and is killed after so many turns; its leases run out."""
    dying = Dispatcher(tools=desk.tools, worker="dies")
    claiming = asyncio.create_task(dying.dispatch_once(lambda: None))
    for _ in range(turns):
        await asyncio.sleep(0)
    tasks = [claiming, *dying._tasks]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, *dying._tasks, return_exceptions=True)
    async with desk.pool.acquire() as conn:
        await conn.execute("UPDATE outbox SET lease_until = now() WHERE state = 'leased'")
        await outbox_store.free_expired_any_tenant(conn)


async def ask(desk: Desk, bill: Bill, action: SaleAction) -> None:
    asked = Asked(action=action, reason="teste", by="pessoa")
    waker = Waker("redis://nobody.invalid")
    outcome = await act(desk.pool, waker, desk.tenant, [BillId(bill.id)], asked)
    assert not outcome.refused


def decides(desk: Desk, bill: Bill, part: int, kind: str, **details: Any) -> None:
    key = f"p-{desk.tenant}-{bill.id}x{part}-1"
    desk.sandbox.enotas.decide(desk.company, key, Outcome(kind=kind, **details))


def states(desk: Desk, bill: Bill) -> dict[str, str]:
    return {nota.external_id.split("-", 2)[2]: nota.status for nota in desk.notas_of(bill)}


def is_clean(desk: Desk) -> bool:
    report = desk.sandbox.enotas.invariants.report()
    return bool(report["ok"])


async def test_two_services_are_two_notas_that_add_up(desk: Desk) -> None:
    await desk.rule(**SERVICES)
    bill = await sold_mixed(desk, "100.00", "79.90")

    await settle(desk)

    sale, notas = await desk.sale(bill), await parts(desk, bill)
    assert (sale.status, sale.amount) == ("issued", 17_990)
    assert [(one.part, one.amount, one.status) for one in notas] == [
        (1, 10_000, "issued"),
        (2, 7_990, "issued"),
    ]
    assert [one.external_id for one in notas] == [
        f"p-{desk.tenant}-{bill.id}x1-1",
        f"p-{desk.tenant}-{bill.id}x2-1",
    ]
    services = [one.body["servico"]["itemListaServicoLC116"] for one in desk.notas_of(bill)]
    assert services == ["1.07", "1.09"]
    assert is_clean(desk)


async def test_three_services_of_many_sales_are_three_notas_each(desk: Desk) -> None:
    await desk.rule(**SERVICES)
    bills = [await sold_mixed(desk, "10.00", "20.00", "30.00") for _ in range(4)]
    plain = await desk.sold()

    await settle(desk)

    assert {(await desk.sale(bill)).status for bill in (*bills, plain)} == {"issued"}
    assert [len(desk.notas_of(bill)) for bill in (*bills, plain)] == [3, 3, 3, 3, 1]
    assert is_clean(desk)


async def test_switched_off_a_mixed_bill_is_held_and_switched_on_it_goes(desk: Desk) -> None:
    await desk.rule(**SERVICES, mixed_services="hold")
    bill = await sold_mixed(desk, "100.00", "79.90")
    await desk.work()
    held = await desk.sale(bill)

    await desk.rule(**SERVICES)
    await desk.heard(BillId(bill.id))
    await settle(desk)

    assert (held.status, held.code) == ("held", "mixed_services")
    assert (await desk.sale(bill)).status == "issued"
    assert len(desk.notas_of(bill)) == 2


@pytest.mark.parametrize(("when", "then"), [("before", "uncertain"), ("after", "issuing")])
async def test_a_lost_answer_about_the_second_part_is_looked_up(
    desk: Desk, when: str, then: str
) -> None:
    await desk.rule(**SERVICES)
    bill = await sold_mixed(desk, "100.00", "79.90")
    desk.company.weather.add(kind="hang_up", when=when, every=2, method="POST", count=1)

    await desk.work()
    doubtful = await desk.sale(bill)
    await settle(desk, rounds=6)

    assert doubtful.status == then
    assert states(desk, bill) == {f"{bill.id}x1-1": "Autorizada", f"{bill.id}x2-1": "Autorizada"}
    assert (await desk.sale(bill)).status == "issued"
    assert is_clean(desk)


@pytest.mark.parametrize("turns", range(0, 600, 40))
async def test_a_worker_that_dies_anywhere_between_parts_loses_and_doubles_none(
    desk: Desk, turns: int
) -> None:
    await desk.rule(**SERVICES)
    bill = await sold_mixed(desk, "100.00", "79.90")

    for _ in range(3):
        await dies(desk, turns)
    await settle(desk, rounds=6)

    assert (await desk.sale(bill)).status == "issued"
    assert states(desk, bill) == {f"{bill.id}x1-1": "Autorizada", f"{bill.id}x2-1": "Autorizada"}
    assert is_clean(desk)


async def test_a_full_refund_cancels_both(desk: Desk) -> None:
    await desk.rule(**SERVICES)
    bill = await sold_mixed(desk, "100.00", "79.90")
    await settle(desk)

    operations.refund(desk.account, bill_id=bill.id, events=False)
    await desk.heard(BillId(bill.id))
    await desk.work()
    cancelling = await desk.sale(bill)
    await settle(desk)

    assert (cancelling.status, cancelling.code) == ("cancelling", "refunded")
    sale = await desk.sale(bill)
    assert (sale.status, sale.code, sale.amount) == ("cancelled", "refunded", 17_990)
    assert set(states(desk, bill).values()) == {"Cancelada"}
    assert is_clean(desk)


async def test_a_refund_before_the_second_part_cancels_the_first_and_sends_no_more(
    desk: Desk,
) -> None:
    await desk.rule(**SERVICES)
    bill = await sold_mixed(desk, "100.00", "79.90")
    dispatcher = Dispatcher(tools=desk.tools, worker="one pass")
    await dispatcher.dispatch_once(lambda: None)
    await dispatcher.drain()

    operations.refund(desk.account, bill_id=bill.id, events=False)
    await desk.heard(BillId(bill.id))
    await settle(desk, rounds=3)

    sale = await desk.sale(bill)
    assert (sale.status, sale.code) == ("cancelled", "refunded")
    assert states(desk, bill) == {f"{bill.id}x1-1": "Cancelada"}


async def test_after_a_cancelled_sale_a_person_has_every_part_issued_anew(desk: Desk) -> None:
    await desk.rule(**SERVICES)
    bill = await sold_mixed(desk, "100.00", "79.90")
    await settle(desk)
    await ask(desk, bill, "cancel")
    await settle(desk)
    cancelled = await desk.sale(bill)

    await ask(desk, bill, "issue")
    await settle(desk)

    assert (cancelled.status, cancelled.code) == ("cancelled", "canceled_by_person")
    assert (await desk.sale(bill)).status == "issued"
    assert states(desk, bill) == {
        f"{bill.id}x1-1": "Cancelada",
        f"{bill.id}x2-1": "Cancelada",
        f"{bill.id}x1-2": "Autorizada",
        f"{bill.id}x2-2": "Autorizada",
    }
    assert is_clean(desk)


async def test_a_denial_of_one_part_is_mended_and_that_part_sent_again(desk: Desk) -> None:
    await desk.rule(**SERVICES)
    bill = await sold_mixed(desk, "100.00", "79.90")
    decides(desk, bill, 2, "deny_once", denial="certificate")
    await settle(desk)
    denied = await desk.sale(bill)

    await ask(desk, bill, "retry")
    await settle(desk)

    assert (denied.status, denied.code) == ("denied", "denied_certificate")
    assert denied.attention == "denied_certificate"
    assert (await desk.sale(bill)).status == "issued"
    assert [one.sends for one in await parts(desk, bill)] == [1, 2]
    assert is_clean(desk)


async def test_a_mended_service_of_the_rule_goes_with_the_part_that_was_denied(desk: Desk) -> None:
    await desk.rule(**SERVICES)
    bill = await sold_mixed(desk, "100.00", "79.90")
    decides(desk, bill, 2, "deny_once", denial="service")
    await settle(desk)

    mended = {**SERVICES, "services_by_product_code": {"EBOOK": {"lc116": "17.01"}}}
    await desk.rule(**mended)
    await ask(desk, bill, "retry")
    await settle(desk)

    services = [one.body["servico"]["itemListaServicoLC116"] for one in desk.notas_of(bill)]
    assert services == ["1.07", "17.01"]
    assert (await desk.sale(bill)).status == "issued"


async def test_a_person_cancels_a_sale_of_which_one_part_was_denied(desk: Desk) -> None:
    await desk.rule(**SERVICES)
    bill = await sold_mixed(desk, "100.00", "79.90")
    decides(desk, bill, 2, "deny", denial="address")
    await settle(desk)

    await ask(desk, bill, "cancel")
    await settle(desk)
    cancelled = await desk.sale(bill)
    await ask(desk, bill, "issue")
    await settle(desk)

    assert (cancelled.status, cancelled.code) == ("cancelled", "canceled_by_person")
    assert states(desk, bill) == {
        f"{bill.id}x1-1": "Cancelada",
        f"{bill.id}x1-2": "Autorizada",
        f"{bill.id}x2-1": "Negada",
    }
    assert is_clean(desk)


async def test_a_city_that_refuses_to_cancel_one_part_leaves_it_standing(desk: Desk) -> None:
    await desk.rule(**SERVICES)
    bill = await sold_mixed(desk, "100.00", "79.90")
    decides(desk, bill, 1, "cancel_refused")
    await settle(desk)

    operations.refund(desk.account, bill_id=bill.id, events=False)
    await desk.heard(BillId(bill.id))
    await settle(desk, rounds=3)

    sale = await desk.sale(bill)
    assert (sale.status, sale.attention) == ("cancel_refused", "cancel_deadline")
    assert [one.status for one in await parts(desk, bill)] == ["cancel_refused", "cancelled"]


async def test_a_refused_key_between_parts_holds_the_rest_and_follows_the_first(desk: Desk) -> None:
    await desk.rule(**SERVICES)
    bill = await sold_mixed(desk, "100.00", "79.90")
    dispatcher = Dispatcher(tools=desk.tools, worker="one pass")
    await dispatcher.dispatch_once(lambda: None)
    await dispatcher.drain()
    desk.sandbox.enotas.keys[desk.company.key].revoked = True
    await settle(desk)
    held = await desk.sale(bill)

    desk.sandbox.enotas.keys[desk.company.key].revoked = False
    async with desk.pool.acquire() as conn:
        await conn.execute("UPDATE issuer_connections SET state = 'ok'")
    await desk.heard(BillId(bill.id))
    await settle(desk, rounds=3)

    assert (held.status, held.code) == ("held", "issuer_key_refused")
    assert (await desk.sale(bill)).status == "issued"
    assert len(desk.notas_of(bill)) == 2
    assert is_clean(desk)


@pytest.mark.parametrize("trouble", ["vindi_key_refused", "bill_not_found"])
async def test_vindi_out_of_reach_between_parts_holds_the_rest_and_follows_the_first(
    desk: Desk, trouble: str
) -> None:
    await desk.rule(**SERVICES)
    bill = await sold_mixed(desk, "100.00", "79.90")
    dispatcher = Dispatcher(tools=desk.tools, worker="one pass")
    await dispatcher.dispatch_once(lambda: None)
    await dispatcher.drain()
    if trouble == "vindi_key_refused":
        desk.account.keys[0].revoked = True
    else:
        desk.account.bills.rows.pop(bill.id)
    await desk.heard(BillId(bill.id))
    await settle(desk, rounds=6)

    sale = await desk.sale(bill)
    assert (sale.status, sale.code) == ("held", trouble)
    assert states(desk, bill) == {f"{bill.id}x1-1": "Autorizada"}
    assert [one.status for one in await parts(desk, bill)] == ["issued"]


async def test_a_brake_between_parts_holds_the_second(desk: Desk) -> None:
    await desk.rule(**SERVICES)
    async with desk.pool.acquire() as conn:
        await conn.execute(
            "INSERT INTO tenant_brakes (tenant_id, notas_a_day) VALUES ($1, 1)", desk.tenant
        )
    bill = await sold_mixed(desk, "100.00", "79.90")
    await settle(desk, rounds=3)
    held = await desk.sale(bill)

    await ask(desk, bill, "issue")
    await settle(desk)

    assert (held.status, held.code) == ("held", "brake_daily_count")
    assert [one.part for one in await parts(desk, bill)] == [1, 2]
    assert (await desk.sale(bill)).status == "issued"


async def test_a_bill_that_changes_between_parts_is_a_question(desk: Desk) -> None:
    await desk.rule(**SERVICES)
    bill = await sold_mixed(desk, "100.00", "79.90")
    dispatcher = Dispatcher(tools=desk.tools, worker="one pass")
    await dispatcher.dispatch_once(lambda: None)
    await dispatcher.drain()
    operations.edit_bill(
        desk.account, bill_id=bill.id, amount="150.00", line_amounts=["100.00", "50.00"]
    )
    await desk.heard(BillId(bill.id))
    await settle(desk, rounds=3)

    sale = await desk.sale(bill)
    assert (sale.status, sale.code) == ("held", "parts_disagree")
    assert states(desk, bill) == {f"{bill.id}x1-1": "Autorizada"}


async def test_a_busy_issuer_at_the_second_part_loses_nothing_of_the_first(desk: Desk) -> None:
    await desk.rule(**SERVICES)
    bill = await sold_mixed(desk, "100.00", "79.90")
    desk.company.weather.add(
        status=429, every=2, when="before", method="POST", count=1, retry_after="1"
    )

    await desk.work()
    await desk.later(timedelta(minutes=5))
    await settle(desk, rounds=4)

    assert (await desk.sale(bill)).status == "issued"
    assert len(desk.notas_of(bill)) == 2
    assert is_clean(desk)


async def test_the_closing_balances_with_a_part_that_is_denied(books: Books) -> None:
    desk = books.desk
    await desk.rule(**SERVICES)
    at = books.start.timestamp()
    whole = await sold_mixed(desk, "100.00", "79.90", paid_at=at)
    half = await sold_mixed(desk, "50.00", "25.00", paid_at=at)
    decides(desk, half, 2, "deny", denial="certificate")
    await books.settle()

    closing = await books.close()

    assert (await desk.sale(whole)).status == "issued"
    assert closing.balanced
    assert closing.figures.notas.amount == 17_990 + 5_000
    assert reasons(closing) == {("denied_certificate", "denied"): (1, 2_500)}


async def test_the_closing_balances_while_one_part_is_cancelled_and_the_other_refuses(
    books: Books,
) -> None:
    desk = books.desk
    await desk.rule(**SERVICES)
    bill = await sold_mixed(desk, "100.00", "79.90", paid_at=books.start.timestamp())
    decides(desk, bill, 1, "cancel_refused")
    await books.settle()
    operations.refund(desk.account, bill_id=bill.id, events=False)
    await desk.heard(BillId(bill.id))
    await books.settle()

    closing = await books.close()

    assert closing.balanced
    assert closing.figures.notas.amount == 10_000
    assert reasons(closing) == {("refunded", "cancel_refused"): (1, 7_990)}
