"""A lost answer, and a person who looked at the city hall's portal."""

import pytest

from services.sandbox.vindi.records import Bill
from shared.commands.statements import Statement, state_nota
from shared.domain.actions import Refusal
from shared.domain.ids import BillId
from shared.run.waker import Waker
from tests.services.emitter.conftest import Desk

A_WAKER = Waker("redis://127.0.0.1:1")  # remembers a ring; nobody sends it here


async def state(
    desk: Desk, bill: Bill, *, exists: bool, number: str | None = None
) -> Refusal | None:
    statement = Statement(exists=exists, number=number, reason="visto no portal", by="ana")
    return await state_nota(desk.pool, A_WAKER, desk.tenant, BillId(bill.id), statement)


async def an_uncertain_sale(desk: Desk) -> Bill:
    desk.company.weather.add(status=500, when="before", method="POST", count=1)
    bill = await desk.sold()
    await desk.work()
    assert (await desk.sale(bill)).status == "uncertain"
    return bill


async def test_a_nota_somebody_saw_is_issued_with_its_number(desk: Desk) -> None:
    bill = await an_uncertain_sale(desk)

    refusal = await state(desk, bill, exists=True, number="20261234")
    await desk.work()

    sale = await desk.sale(bill)
    assert refusal is None
    assert (sale.status, sale.attention) == ("issued", "stated_by_person")
    assert (await desk.nota(bill)).status == "issued"
    assert desk.company.notas == {}


async def test_a_nota_nobody_can_find_is_sent_again_under_its_id_after_a_last_look(
    desk: Desk,
) -> None:
    bill = await an_uncertain_sale(desk)
    before = len(desk.sandbox.enotas.journal)

    await state(desk, bill, exists=False)
    await desk.work()
    asked = [call.method for call in desk.sandbox.enotas.journal][before:]
    await desk.later()
    await desk.work()

    assert asked[0] == "GET"
    assert asked.count("POST") == 1
    assert (await desk.sale(bill)).status == "issued"
    assert [nota.external_id for nota in desk.notas_of(bill)] == [f"p-{desk.tenant}-{bill.id}-1"]
    assert desk.sandbox.enotas.invariants.report()["ok"]


async def test_a_statement_against_the_issuers_own_answer_changes_nothing(desk: Desk) -> None:
    """Somebody overlooked it: the last look finds the nota, and none is sent."""
    desk.company.weather.add(status=500, when="after", method="POST", count=1)
    bill = await desk.sold()
    desk.company.weather.add(status=500, method="GET", count=1)
    await desk.work()
    assert (await desk.sale(bill)).status == "uncertain"

    await state(desk, bill, exists=False)
    await desk.work()
    await desk.later()
    await desk.work()

    assert (await desk.sale(bill)).status == "issued"
    assert len(desk.notas_of(bill)) == 1
    assert desk.sandbox.enotas.invariants.report()["ok"]


async def test_a_sale_that_is_not_in_doubt_takes_no_statement(desk: Desk) -> None:
    bill = await desk.sold()
    await desk.work()
    await desk.later()
    await desk.work()

    assert await state(desk, bill, exists=True) == Refusal(code="nothing_to_state")
    with pytest.raises(LookupError):
        await state_nota(
            desk.pool,
            A_WAKER,
            desk.tenant,
            BillId(999_999),
            Statement(exists=True, number=None, reason="x", by="ana"),
        )
