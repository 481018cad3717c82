"""One nota of a divided sale is taken back or issued anew; whatever is lost, the others stand."""

from typing import Any

import pytest

from services.sandbox.vindi import operations
from services.sandbox.vindi.records import Bill
from shared.commands.actions import ActionRefused, Asked, act
from shared.db.sales import sales_read
from shared.domain.actions import SaleAction
from shared.domain.ids import BillId
from shared.domain.moment import VINDI_ZONE
from shared.run.waker import Waker
from tests.services.emitter.conftest import Desk
from tests.services.emitter.test_issuers_word import told
from tests.services.emitter.test_parts import (
    SERVICES,
    decides,
    dies,
    is_clean,
    parts,
    settle,
    sold_mixed,
    states,
)
from tests.services.reconciler.closing.conftest import Books, books, reasons

__all__ = ["books"]

WAKER = Waker("redis://nobody.invalid")


async def ask_part(
    desk: Desk, bill: Bill, action: SaleAction, part: int | None
) -> ActionRefused | None:
    asked = Asked(action=action, reason="engano", by="ana", part=part)
    outcome = await act(desk.pool, WAKER, desk.tenant, [BillId(bill.id)], asked)
    return next(iter(outcome.refused), None)


async def known(desk: Desk, bill: Bill) -> list[tuple[int, int, str]]:
    return [(one.part, one.revision, one.status) for one in await parts(desk, bill)]


async def two_issued(desk: Desk, *amounts: str, **details: Any) -> Bill:
    await desk.rule(**SERVICES)
    bill = await sold_mixed(desk, *(amounts or ("40.00", "60.00")), **details)
    await settle(desk)
    assert (await desk.sale(bill)).status == "issued"
    return bill


async def test_one_of_two_is_cancelled_and_the_other_stands(books: Books) -> None:
    desk = books.desk
    bill = await two_issued(desk, paid_at=books.start.timestamp())

    assert await ask_part(desk, bill, "cancel", 1) is None
    await settle(desk)

    assert await known(desk, bill) == [(1, 1, "cancelled"), (2, 1, "issued")]
    sale = await desk.sale(bill)
    assert (sale.status, sale.code, sale.wish) == ("issued", "canceled_by_person", None)
    assert sorted(states(desk, bill).values()) == ["Autorizada", "Cancelada"]
    closing = await books.close()
    assert closing.figures.notas.amount == 6_000
    assert reasons(closing) == {("canceled_by_person", "issued"): (1, 4_000)}
    assert closing.balanced
    assert is_clean(desk)


async def test_the_timeline_says_which_one_and_who_asked(desk: Desk) -> None:
    bill = await two_issued(desk)
    await ask_part(desk, bill, "cancel", 2)
    await ask_part(desk, bill, "cancel", 2)  # the same click again
    await settle(desk)

    async with desk.pool.acquire() as conn:
        story = await sales_read.story(conn, desk.tenant, BillId(bill.id), VINDI_ZONE)
    assert story is not None
    lines = [(one.what, one.why) for one in story.timeline if one.by in ("ana", "emitter")]
    assert lines.count(("cancel", "nota 2: engano")) == 1
    assert ("cancel_requested", "nota 2 de 2: canceled_by_person") in lines


async def test_it_is_issued_anew_under_a_revision_of_its_own(books: Books) -> None:
    desk = books.desk
    bill = await two_issued(desk, paid_at=books.start.timestamp())
    await ask_part(desk, bill, "cancel", 1)
    await settle(desk)

    assert await ask_part(desk, bill, "issue", 1) is None
    await settle(desk)

    assert await known(desk, bill) == [(1, 2, "issued"), (2, 1, "issued")]
    assert sorted(states(desk, bill)) == [f"{bill.id}x1-1", f"{bill.id}x1-2", f"{bill.id}x2-1"]
    sale = await desk.sale(bill)
    assert (sale.status, sale.code) == ("issued", None)
    closing = await books.close()
    assert (closing.figures.notas.amount, reasons(closing)) == (10_000, {})
    assert closing.balanced
    assert is_clean(desk)


async def test_a_part_cancelled_at_the_issuer_is_not_made_anew_with_another(desk: Desk) -> None:
    bill = await two_issued(desk)
    await ask_part(desk, bill, "cancel", 1)
    await settle(desk)
    await ask_part(desk, bill, "issue", 1)
    await settle(desk)

    (second,) = [one for one in desk.notas_of(bill) if "x2-" in one.external_id]
    desk.sandbox.clock.advance(5)
    desk.sandbox.enotas.machine.force(desk.company, second, "Cancelada")
    await told(desk, bill)
    await desk.heard(BillId(bill.id))
    await settle(desk)

    assert await known(desk, bill) == [(1, 2, "issued"), (2, 1, "cancelled")]
    assert len(desk.notas_of(bill)) == 3


async def test_the_whole_is_issued_anew_after_it_was_taken_back_one_by_one(desk: Desk) -> None:
    bill = await two_issued(desk)
    for part in (1, 2):
        assert await ask_part(desk, bill, "cancel", part) is None
        await settle(desk)
    assert (await desk.sale(bill)).status == "cancelled"

    assert await ask_part(desk, bill, "issue", None) is None
    await settle(desk)

    assert await known(desk, bill) == [(1, 2, "issued"), (2, 2, "issued")]
    assert (await desk.sale(bill)).status == "issued"
    assert is_clean(desk)


async def test_only_one_of_a_sale_that_was_cancelled_is_issued_anew(desk: Desk) -> None:
    bill = await two_issued(desk)
    await ask_part(desk, bill, "cancel", None)
    await settle(desk)
    assert (await desk.sale(bill)).status == "cancelled"

    assert await ask_part(desk, bill, "issue", 2) is None
    await settle(desk)

    assert await known(desk, bill) == [(1, 1, "cancelled"), (2, 2, "issued")]
    assert (await desk.sale(bill)).status == "issued"


async def test_one_under_way_is_cancelled_once_it_is_issued(desk: Desk) -> None:
    await desk.rule(**SERVICES)
    bill = await sold_mixed(desk, "40.00", "60.00")
    await desk.work()
    assert [status for *_, status in await known(desk, bill)] == ["pending", "pending"]

    assert await ask_part(desk, bill, "cancel", 1) is None
    await settle(desk, rounds=4)

    assert await known(desk, bill) == [(1, 1, "cancelled"), (2, 1, "issued")]
    assert is_clean(desk)


async def test_a_denied_one_is_sent_again_alone(desk: Desk) -> None:
    await desk.rule(**SERVICES)
    bill = await sold_mixed(desk, "40.00", "60.00")
    for part in (1, 2):
        decides(desk, bill, part, "deny_once", denial="service")
    await settle(desk)
    assert [status for *_, status in await known(desk, bill)] == ["denied", "denied"]

    assert await ask_part(desk, bill, "retry", 2) is None
    await settle(desk)

    assert await known(desk, bill) == [(1, 1, "denied"), (2, 1, "issued")]
    assert (await desk.sale(bill)).status == "denied"


async def test_a_refusal_of_the_city_is_asked_again_for_that_one(desk: Desk) -> None:
    bill = await two_issued(desk)
    desk.company.faults.cancel_refusals = ["Prazo para cancelamento expirado."]
    await ask_part(desk, bill, "cancel", 1)
    await settle(desk)
    assert await known(desk, bill) == [(1, 1, "cancel_refused"), (2, 1, "issued")]
    assert (await desk.sale(bill)).status == "cancel_refused"
    desk.company.faults.cancel_refusals = []

    assert await ask_part(desk, bill, "retry", None) is None  # of the sale: it means that one
    await settle(desk)

    assert await known(desk, bill) == [(1, 1, "cancelled"), (2, 1, "issued")]


@pytest.mark.parametrize("turns", [2, 5, 10, 20, 40, 80])
async def test_a_worker_that_dies_cancels_one_and_issues_one_all_the_same(
    desk: Desk, turns: int
) -> None:
    bill = await two_issued(desk)
    await ask_part(desk, bill, "cancel", 1)
    await dies(desk, turns)
    await settle(desk, rounds=3)
    assert await known(desk, bill) == [(1, 1, "cancelled"), (2, 1, "issued")]

    await ask_part(desk, bill, "issue", 1)
    await dies(desk, turns)
    await settle(desk, rounds=3)

    assert await known(desk, bill) == [(1, 2, "issued"), (2, 1, "issued")]
    assert sorted(states(desk, bill).values()) == ["Autorizada", "Autorizada", "Cancelada"]
    assert is_clean(desk)


async def test_a_lost_answer_about_one_issued_anew_is_looked_up(desk: Desk) -> None:
    bill = await two_issued(desk)
    await ask_part(desk, bill, "cancel", 2)
    await settle(desk)
    key = f"p-{desk.tenant}-{bill.id}x2-2"
    desk.company.weather.add(kind="hang_up", when="after", every=1, method="POST", count=1)
    await ask_part(desk, bill, "issue", 2)
    await settle(desk, rounds=4)

    assert await known(desk, bill) == [(1, 1, "issued"), (2, 2, "issued")]
    assert [one.external_id for one in desk.notas_of(bill)].count(key) == 1
    assert is_clean(desk)


async def test_a_refund_cancels_what_still_stands(desk: Desk) -> None:
    bill = await two_issued(desk)
    await ask_part(desk, bill, "cancel", 1)
    await settle(desk)
    operations.refund(desk.account, bill_id=bill.id, events=False)
    await desk.heard(BillId(bill.id))
    await settle(desk)

    assert [status for *_, status in await known(desk, bill)] == ["cancelled", "cancelled"]
    assert (await desk.sale(bill)).status == "cancelled"


async def test_what_cannot_be_done_with_a_part_is_refused(desk: Desk) -> None:
    bill = await two_issued(desk)
    single = await desk.sold()
    await settle(desk)

    refused = [
        await ask_part(desk, bill, "cancel", 3),
        await ask_part(desk, single, "cancel", 1),
        await ask_part(desk, bill, "issue", 1),
        await ask_part(desk, bill, "retry", 1),
    ]
    assert [one and one.code for one in refused] == [
        "no_such_part",
        "no_such_part",
        "nota_exists",
        "nothing_to_retry",
    ]
    await ask_part(desk, bill, "cancel", 1)
    await settle(desk)
    again = await ask_part(desk, bill, "cancel", 1)
    assert again is not None
    assert again.code == "already_cancelled"
