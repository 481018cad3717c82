"""Connections changed and changed back within seconds, while answers are lost or under way."""

from typing import Literal

import pytest

from services.sandbox.enotas.records import Company
from services.sandbox.vindi import operations
from shared.domain.ids import BillId
from tests.services.emitter.conftest import Desk
from tests.services.emitter.parts_undone import one_pass
from tests.services.emitter.test_connections import (
    another_company,
    go_live,
    move,
    until_rest,
    valid,
)
from tests.services.emitter.test_parts import ask

When = Literal["before", "after"]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("works_between", [False, True])
async def test_a_lost_answer_is_one_nota_though_the_company_changed_there_and_back(
    desk: Desk, when: When, works_between: bool
) -> None:
    desk.company.weather.add(kind="hang_up", when=when, method="POST", count=1)
    bill = await desk.sold()
    await one_pass(desk)
    new = another_company(desk)

    await move(desk, new)
    if works_between:
        await until_rest(desk)
    await move(desk, desk.company)
    await desk.work()
    await until_rest(desk)

    assert (await desk.sale(bill)).status == "issued"
    assert len(valid(desk.company, new)) == 1
    assert desk.sandbox.enotas.invariants.report()["ok"]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("works_between", [False, True])
async def test_a_lost_answer_is_one_nota_though_notas_were_tests_for_a_moment(
    desk: Desk, when: When, works_between: bool
) -> None:
    desk.company.weather.add(kind="hang_up", when=when, method="POST", count=1)
    bill = await desk.sold()
    await one_pass(desk)

    await move(desk, desk.company, "Homologacao")
    if works_between:
        await until_rest(desk)
    await go_live(desk, issue=True)
    await desk.work()
    await until_rest(desk)

    assert (await desk.sale(bill)).status == "issued"
    assert len(valid(desk.company)) == 1
    assert desk.sandbox.enotas.invariants.report()["ok"]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("works", ["never", "as test", "always"])
async def test_a_lost_answer_is_one_nota_though_company_and_environment_flip_twice(
    desk: Desk, when: When, works: str
) -> None:
    """The former company's key is refused meanwhile, and is good again at the end."""
    desk.company.weather.add(kind="hang_up", when=when, method="POST", count=1)
    bill = await desk.sold()
    await one_pass(desk)
    new = another_company(desk)

    for _ in range(2):
        await move(desk, desk.company, "Homologacao")
        if works != "never":
            await desk.work()
        await move(desk, new)
        desk.sandbox.enotas.keys[desk.company.key].revoked = True
        if works == "always":
            await until_rest(desk)
        await renewed(desk, desk.company)
        await go_live(desk, issue=True)
    await desk.heard(BillId(bill.id))
    for _ in range(3):
        await desk.work()
        await until_rest(desk)

    assert (await desk.sale(bill)).status == "issued"
    assert len(valid(desk.company, new)) == 1
    assert desk.sandbox.enotas.invariants.report()["ok"]


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_key_that_is_replaced_while_intents_stand_asks_for_one_nota(
    desk: Desk, when: When
) -> None:
    desk.company.weather.add(kind="hang_up", when=when, method="POST", count=1)
    bill = await desk.sold()
    await one_pass(desk)
    old = desk.company.key
    desk.sandbox.enotas.keys[old].revoked = True
    await until_rest(desk)

    await renewed(desk, desk.company)
    await desk.heard(BillId(bill.id))
    await desk.work()
    await until_rest(desk)

    assert (await desk.sale(bill)).status == "issued"
    assert len(valid(desk.company)) == 1


async def renewed(desk: Desk, company: Company) -> None:
    desk.sandbox.enotas.keys[company.key].revoked = False
    await move(desk, company)


@pytest.mark.parametrize("state", ["sending", "pending", "cancelling", "unwanted", "refunded"])
@pytest.mark.parametrize("issue", [False, True])
async def test_going_live_in_the_middle_of_a_test_ends_in_one_real_nota_or_none(
    desk: Desk, state: str, issue: bool
) -> None:
    await move(desk, desk.company, "Homologacao")
    if state == "sending":
        desk.company.weather.add(kind="hang_up", when="after", method="POST", count=1)
    bill = await desk.sold()
    await one_pass(desk)
    if state in ("cancelling", "refunded"):
        await until_rest(desk)
    if state in ("cancelling", "unwanted"):  # unwanted: while it is still being issued
        await ask(desk, bill, "cancel")
        await one_pass(desk)
    if state == "refunded":
        operations.refund(desk.account, bill_id=bill.id, events=False)

    await go_live(desk, issue=issue)
    await desk.heard(BillId(bill.id))
    await desk.work()
    await until_rest(desk)

    sale = await desk.sale(bill)
    found = valid(desk.company)
    if state == "refunded":
        assert (sale.status, sale.code, found) == ("skipped", "refunded", [])
    elif state in ("cancelling", "unwanted"):
        assert found == []  # a person cancelled it: whether it is owed is for a person to say
        assert sale.status in ("cancelled", "skipped", "held")
    elif issue:
        assert (sale.status, found) == ("issued", [f"p-{desk.tenant}-{bill.id}-2"])
    else:
        assert (sale.status, sale.code, found) == ("held", "issued_as_test", [])
