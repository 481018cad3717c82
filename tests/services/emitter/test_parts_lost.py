"""Several notas of one bill while answers, workers and the issuer itself get lost."""

import pytest

from shared.domain.ids import BillId
from tests.services.emitter.conftest import Desk
from tests.services.emitter.parts_undone import one_pass, swapped, valid
from tests.services.emitter.stopping.test_outage import time_passes
from tests.services.emitter.test_bill_undone import given_back
from tests.services.emitter.test_parts import (
    SERVICES,
    ask,
    decides,
    dies,
    is_clean,
    parts,
    settle,
    sold_mixed,
    states,
)


@pytest.mark.parametrize("nth", [1, 2, 3])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_lost_answer_about_any_of_three_parts_is_looked_up(
    desk: Desk, nth: int, when: str
) -> None:
    await desk.rule(**SERVICES)
    bill = await sold_mixed(desk, "10.00", "20.00", "30.00")
    desk.company.weather.add(kind="hang_up", when=when, every=nth, method="POST", count=1)

    await settle(desk, rounds=7)

    assert (await desk.sale(bill)).status == "issued"
    assert [one.status for one in await parts(desk, bill)] == ["issued"] * 3
    assert (len(states(desk, bill)), valid(desk, bill)) == (3, 3)
    assert is_clean(desk)


@pytest.mark.parametrize("passes", range(1, 6))
async def test_a_lost_answer_and_a_refund_at_any_pass_leave_nothing_valid(
    desk: Desk, passes: int
) -> None:
    await desk.rule(**SERVICES)
    bill = await sold_mixed(desk, "10.00", "20.00", "30.00")
    desk.company.weather.add(kind="hang_up", when="after", every=2, method="POST", count=1)
    for _ in range(passes):
        await one_pass(desk)

    given_back(desk, bill)
    await desk.heard(BillId(bill.id))
    await settle(desk, rounds=8)

    sale = await desk.sale(bill)
    assert (sale.status, sale.code) == ("cancelled", "refunded")
    assert valid(desk, bill) == 0
    assert is_clean(desk)


async def test_a_key_refused_at_the_second_part_itself_holds_it_and_loses_nothing(
    desk: Desk,
) -> None:
    await desk.rule(**SERVICES)
    bill = await sold_mixed(desk, "100.00", "79.90")
    desk.company.weather.add(status=401, when="before", every=2, method="POST", count=1)
    # The second look at the company finds the same.
    desk.company.weather.add(status=401, when="before", path_has="criticardadosobrigatorios")
    await settle(desk, rounds=3)
    held = await desk.sale(bill)

    desk.company.weather.clear()
    async with desk.pool.acquire() as conn:
        await conn.execute("UPDATE issuer_connections SET state = 'ok'")
    await desk.heard(BillId(bill.id))
    await settle(desk, rounds=3)

    assert (held.status, held.code) == ("held", "issuer_key_refused")
    assert (await desk.sale(bill)).status == "issued"
    assert valid(desk, bill) == 2
    assert is_clean(desk)


async def test_a_breaker_that_opens_at_the_second_part_only_delays_it(desk: Desk) -> None:
    await desk.rule(**SERVICES)
    bill = await sold_mixed(desk, "100.00", "79.90")
    await one_pass(desk)
    storm = desk.company.weather.add(status=503, when="before", every=1)
    others = [await sold_mixed(desk, "10.00", "20.00") for _ in range(12)]
    await settle(desk, rounds=2)
    desk.company.weather.storms.remove(storm)

    for _ in range(14):
        await time_passes(desk)
        await settle(desk, rounds=1)

    assert {(await desk.sale(one)).status for one in (bill, *others)} == {"issued"}
    assert {valid(desk, one) for one in (bill, *others)} == {2}
    assert is_clean(desk)


@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_lost_answer_to_the_cancelling_of_either_part_leaves_none_valid(
    desk: Desk, nth: int, when: str
) -> None:
    await desk.rule(**SERVICES)
    bill = await sold_mixed(desk, "100.00", "79.90")
    await settle(desk)
    desk.company.weather.add(kind="hang_up", when=when, every=nth, method="DELETE", count=1)

    given_back(desk, bill)
    await desk.heard(BillId(bill.id))
    await settle(desk, rounds=8)

    sale = await desk.sale(bill)
    assert (sale.status, sale.code) == ("cancelled", "refunded")
    assert valid(desk, bill) == 0
    assert is_clean(desk)


@pytest.mark.parametrize("turns", range(0, 400, 40))
async def test_a_worker_that_dies_anywhere_while_both_are_cancelled_leaves_none_valid(
    desk: Desk, turns: int
) -> None:
    await desk.rule(**SERVICES)
    bill = await sold_mixed(desk, "100.00", "79.90")
    await settle(desk)
    given_back(desk, bill)
    await desk.heard(BillId(bill.id))

    for _ in range(2):
        await dies(desk, turns)
    await settle(desk, rounds=6)

    sale = await desk.sale(bill)
    assert (sale.status, sale.code) == ("cancelled", "refunded")
    assert valid(desk, bill) == 0
    assert is_clean(desk)


@pytest.mark.parametrize("turns", range(0, 400, 80))
async def test_a_worker_that_dies_while_a_bill_is_divided_anew_doubles_nothing(
    desk: Desk, turns: int
) -> None:
    await desk.rule(**SERVICES)
    bill = await sold_mixed(desk, "100.00", "79.90")
    for part in (1, 2):
        decides(desk, bill, part, "deny_once", denial="service")
    await settle(desk)
    swapped(desk, bill)
    await ask(desk, bill, "retry")

    for _ in range(2):
        await dies(desk, turns)
    await settle(desk, rounds=8)

    assert (await desk.sale(bill)).status == "issued"
    issued = [one for one in desk.notas_of(bill) if one.status == "Autorizada"]
    assert [round(one.body["valorTotal"] * 100) for one in issued] == [7_990, 10_000]
    assert is_clean(desk)


async def test_what_is_in_doubt_and_given_back_past_the_citys_window_is_not_sent_again(
    desk: Desk,
) -> None:
    await desk.rule(**SERVICES, refunds={"city_window": {"days_after_issue": 1}})
    bill = await sold_mixed(desk, "100.00", "79.90")
    decides(desk, bill, 2, "deny_once", denial="certificate")
    await settle(desk)
    async with desk.pool.acquire() as conn:
        await conn.execute("UPDATE notas SET issued_at = issued_at - interval '40 days'")
    desk.company.weather.add(kind="hang_up", when="before", method="POST", count=1)
    await ask(desk, bill, "retry")
    await desk.work()
    doubtful = await desk.sale(bill)

    given_back(desk, bill)
    await desk.heard(BillId(bill.id))
    await settle(desk, rounds=7)

    sale = await desk.sale(bill)
    assert doubtful.status == "uncertain"
    assert (sale.status, sale.attention) == ("issued", "cancel_window_over")
    assert [one.status for one in await parts(desk, bill)] == ["issued", "cancelled"]
    assert valid(desk, bill) == 1
    assert is_clean(desk)
