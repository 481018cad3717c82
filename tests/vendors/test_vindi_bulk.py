import re
from collections.abc import Set as AbstractSet
from typing import Any

import pytest
from aiohttp import web

from shared.domain.ids import BillId, ChargeId, CustomerId
from shared.vindi.bulk import Bulk
from shared.vindi.client import Read, Unreadable, Untold, VindiClient
from shared.vindi.errors import VindiBusy, VindiUnavailable
from tests.support.scripted_server import Answerer, Asked, ScriptedServer, answer
from tests.vendors.bodies import a_bill, a_customer, a_refund
from tests.vendors.conftest import ACCOUNT


def _unavailable(row: Untold) -> bool:
    return isinstance(row.error, VindiUnavailable)


def a_vindi_with(rows: dict[int, dict[str, Any]], *, name: str = "bill") -> Answerer:
    """Serves records one by one and by `id=1 OR id=2`, two a page at most when asked for it."""

    def serve(asked: Asked) -> web.Response:
        single = re.search(r"/(\d+)$", asked.path)
        if single:
            row = rows.get(int(single[1]))
            return answer({name: row}) if row else answer({"errors": []}, status=404)
        wanted = {int(number) for number in re.findall(r"id=(\d+)", asked.query["query"])}
        chosen = [row for number, row in rows.items() if number in wanted]
        return answer({f"{name}s": chosen}, headers={"Total": str(len(chosen))})

    return serve


async def test_a_renewal_day_costs_one_request_for_fifty_bills(
    vindi: VindiClient, server: ScriptedServer
) -> None:
    server.otherwise = a_vindi_with({number: a_bill(number) for number in range(1, 121)})

    found = await Bulk().refresh_bills(vindi, [BillId(number) for number in range(1, 121)])

    assert len(found) == 120
    assert all(isinstance(row, Read) for row in found.values())
    assert len(server.asked) == 3


async def test_one_bill_is_read_alone(vindi: VindiClient, server: ScriptedServer) -> None:
    server.otherwise = a_vindi_with({7: a_bill(7)})

    await Bulk().refresh_bills(vindi, [BillId(7), BillId(7)])

    assert [asked.path for asked in server.asked] == ["/api/v1/bills/7"]


async def test_a_bill_that_did_not_come_back_is_read_alone(
    vindi: VindiClient, server: ScriptedServer
) -> None:
    server.otherwise = a_vindi_with({1: a_bill(1), 2: a_bill(2, status="new")})

    found = await Bulk().refresh_bills(vindi, [BillId(1), BillId(2), BillId(3)])

    assert isinstance(found[BillId(1)], Read)
    assert isinstance(found[BillId(2)], Unreadable)
    assert found[BillId(3)] is None
    assert [asked.path for asked in server.asked[1:]] == ["/api/v1/bills/3"]


async def test_a_page_cut_short_is_followed_by_the_next(
    vindi: VindiClient, server: ScriptedServer
) -> None:
    def cut(*ids: int) -> web.Response:
        rows = [a_bill(number) for number in ids]
        return answer({"bills": rows}, headers={"Per-Page": "2", "Total": "3"})

    server.will(cut(1, 2), cut(3))

    found = await Bulk().refresh_bills(vindi, [BillId(1), BillId(2), BillId(3)])

    assert all(isinstance(row, Read) for row in found.values())
    assert len(server.asked) == 2


async def test_an_account_that_ignores_the_filter_is_read_one_by_one_from_then_on(
    vindi: VindiClient, server: ScriptedServer
) -> None:
    bulk = Bulk()
    everything = answer({"bills": [a_bill(9), a_bill(1)]}, headers={"Total": "900"})
    server.will(everything)
    server.otherwise = a_vindi_with({1: a_bill(1), 2: a_bill(2)})

    first = await bulk.refresh_bills(vindi, [BillId(1), BillId(2)])
    again = await bulk.refresh_bills(vindi, [BillId(1), BillId(2)])

    assert set(first) == set(again) == {1, 2}
    assert not bulk.honours_lists(ACCOUNT)
    assert sum("query" in asked.query for asked in server.asked) == 1


async def test_an_account_that_refuses_the_filter_is_read_one_by_one(
    vindi: VindiClient, server: ScriptedServer
) -> None:
    server.will(answer({"errors": []}, status=422))
    server.otherwise = a_vindi_with({1: a_customer(1), 2: a_customer(2)}, name="customer")

    found = await Bulk().refresh_customers(vindi, [CustomerId(1), CustomerId(2)])

    assert all(isinstance(row, Read) for row in found.values())


async def test_an_outage_is_not_read_as_absence(vindi: VindiClient, server: ScriptedServer) -> None:
    server.will(answer("", status=502))

    found = await Bulk().refresh_bills(vindi, [BillId(1), BillId(2)])

    assert [type(row) for row in found.values()] == [Untold, Untold]
    assert all(isinstance(row, Untold) and _unavailable(row) for row in found.values())


async def test_every_refund_of_a_charge_is_found(
    vindi: VindiClient, server: ScriptedServer
) -> None:
    rows = [a_refund(1, 10), a_refund(2, 10), a_refund(3, 11, status="rejected")]
    server.will(answer({"transactions": rows}, headers={"Total": "3"}))

    found = await Bulk().refunds_of_charges(vindi, [ChargeId(10), ChargeId(11), ChargeId(12)])

    refunds = found[ChargeId(10)]
    assert isinstance(refunds, tuple)
    assert [refund.transaction_id for refund in refunds] == [1, 2]
    assert found[ChargeId(11)] == found[ChargeId(12)] == ()
    assert server.asked[0].query["query"] == (
        "transaction_type=refund AND (charge_id=10 OR charge_id=11 OR charge_id=12)"
    )


async def test_a_refund_that_cannot_be_read_speaks_for_its_charge_alone(
    vindi: VindiClient, server: ScriptedServer
) -> None:
    rows = [a_refund(1, 10, amount="?"), a_refund(2, 11)]
    server.will(answer({"transactions": rows}, headers={"Total": "2"}))

    found = await Bulk().refunds_of_charges(vindi, [ChargeId(10), ChargeId(11)])

    assert isinstance(found[ChargeId(10)], Unreadable)
    assert isinstance(found[ChargeId(11)], tuple)


@pytest.mark.parametrize("rows", [[], [a_refund(1, 10)], [a_refund(1, 10), a_refund(1, 10)]])
async def test_a_list_that_leaves_a_refund_out_does_not_deny_it(
    vindi: VindiClient, server: ScriptedServer, rows: list[dict[str, Any]]
) -> None:
    server.will(answer({"transactions": rows}, headers={"Total": "2"}))

    found = await Bulk().refunds_of_charges(vindi, [ChargeId(10), ChargeId(11)])

    assert set(found) == {10, 11}
    assert all(isinstance(row, Untold) and _unavailable(row) for row in found.values())


async def test_refunds_are_asked_charge_by_charge_where_the_filter_is_refused(
    vindi: VindiClient, server: ScriptedServer
) -> None:
    def one_at_a_time(asked: Asked) -> web.Response:
        charges = re.findall(r"charge_id=(\d+)", asked.query["query"])
        if len(charges) > 1:
            return answer({"errors": []}, status=422)
        rows = [a_refund(int(charges[0]) + 100, int(charges[0]))]
        return answer({"transactions": rows}, headers={"Total": "1"})

    server.otherwise = one_at_a_time

    found = await Bulk().refunds_of_charges(vindi, [ChargeId(1), ChargeId(2)])

    assert [len(refunds) for refunds in found.values() if isinstance(refunds, tuple)] == [1, 1]


def a_vindi_that_reads_alone(
    *,
    refused: AbstractSet[int] = frozenset(),
    down: AbstractSet[int] = frozenset(),
    most: int = 10**6,
) -> Answerer:
    """Ignores lists of ids; refuses some bills, gives no answer for others; ends after `most`."""
    told = 0

    def serve(asked: Asked) -> web.Response:
        nonlocal told
        single = re.search(r"/(\d+)$", asked.path)
        if single is None:
            return answer({"bills": [a_bill(999)]}, headers={"Total": "900"})
        number = int(single[1])
        told += 1
        if told > most:
            return answer({"errors": []}, status=429, headers={"Retry-After": "40"})
        if number in refused:
            return answer({"errors": [{"id": "invalid_parameter"}]}, status=422)
        return answer("", status=502) if number in down else answer({"bill": a_bill(number)})

    return serve


async def test_an_id_that_is_refused_in_lists_keeps_no_other_from_being_told_by_them(
    vindi: VindiClient, server: ScriptedServer
) -> None:
    """A single made-up event must not have an account read one by one for hours."""

    def refuses_the_17th(asked: Asked) -> web.Response:
        single = re.search(r"/(\d+)$", asked.path)
        ids = [int(n) for n in re.findall(r"id=(\d+)", asked.query.get("query", ""))]
        if 17 in ids or (single and single[1] == "17"):
            return answer({"errors": [{"id": "invalid_parameter"}]}, status=422)
        if single:
            return answer({"bill": a_bill(int(single[1]))})
        return answer({"bills": [a_bill(n) for n in ids]}, headers={"Total": str(len(ids))})

    server.otherwise = refuses_the_17th
    bulk = Bulk()

    found = await bulk.refresh_bills(vindi, [BillId(number) for number in range(1, 51)])

    assert isinstance(found.pop(BillId(17)), Unreadable)
    assert all(isinstance(row, Read) for row in found.values())
    assert bulk.honours_lists(vindi.account)
    assert len(server.asked) < 20


async def test_an_account_that_refuses_all_lists_is_asked_for_few(
    vindi: VindiClient, server: ScriptedServer
) -> None:
    def refuses_lists(asked: Asked) -> web.Response:
        single = re.search(r"/(\d+)$", asked.path)
        if single is None:
            return answer({"errors": [{"id": "invalid_parameter"}]}, status=422)
        return answer({"bill": a_bill(int(single[1]))})

    server.otherwise = refuses_lists
    bulk = Bulk()

    found = await bulk.refresh_bills(vindi, [BillId(number) for number in range(1, 51)])

    assert all(isinstance(row, Read) for row in found.values())
    assert not bulk.honours_lists(vindi.account)
    assert len(server.asked) == 1 + 2 + 50


async def test_a_bill_that_is_refused_or_not_answered_is_its_own_trouble(
    vindi: VindiClient, server: ScriptedServer
) -> None:
    server.otherwise = a_vindi_that_reads_alone(refused={3}, down={5})

    found = await Bulk().refresh_bills(vindi, [BillId(number) for number in range(1, 8)])

    refused, lost = found.pop(BillId(3)), found.pop(BillId(5))
    assert isinstance(refused, Unreadable)
    assert (refused.refused, refused.raw) == (True, {"errors": [{"id": "invalid_parameter"}]})
    assert isinstance(lost, Untold)
    assert all(isinstance(row, Read) for row in found.values())


async def test_what_was_read_before_the_budget_ended_is_told_and_nothing_more_is_asked(
    vindi: VindiClient, server: ScriptedServer
) -> None:
    server.otherwise = a_vindi_that_reads_alone(most=8)

    found = await Bulk().refresh_bills(vindi, [BillId(number) for number in range(1, 41)])

    assert sum(isinstance(row, Read) for row in found.values()) == 8
    unread = [row for row in found.values() if isinstance(row, Untold)]
    assert len(unread) == 32
    assert all(isinstance(row.error, VindiBusy) for row in unread)
    assert len(server.asked) <= 1 + 8 + 4


async def test_only_so_many_are_read_alone_as_are_allowed_those_named_first_before_the_others(
    vindi: VindiClient, server: ScriptedServer
) -> None:
    server.otherwise = a_vindi_that_reads_alone()

    found = await Bulk().refresh_bills(vindi, map(BillId, (9, 7, 5, 3)), alone=2)

    assert [number for number, row in found.items() if isinstance(row, Read)] == [9, 7]
    assert [row for row in found.values() if isinstance(row, Untold)] == [Untold(), Untold()]


async def test_pages_that_repeat_end_a_list_of_ids_and_the_rest_is_read_alone(
    vindi: VindiClient, server: ScriptedServer
) -> None:
    def serve(asked: Asked) -> web.Response:
        single = re.search(r"/(\d+)$", asked.path)
        if single:
            return answer({"bill": a_bill(int(single[1]))})
        return answer({"bills": [a_bill(1), a_bill(2)]}, headers={"Per-Page": "2"})

    server.otherwise = serve

    found = await Bulk().refresh_bills(vindi, [BillId(1), BillId(2), BillId(3)])

    assert all(isinstance(row, Read) for row in found.values())
    assert len(server.asked) == 3


async def test_a_list_without_a_total_costs_no_second_page_once_all_ids_are_there(
    vindi: VindiClient, server: ScriptedServer
) -> None:
    server.otherwise = lambda _: answer({"bills": [a_bill(1), a_bill(2)]})

    await Bulk().refresh_bills(vindi, [BillId(1), BillId(2)])

    assert len(server.asked) == 1


def all_refunds(
    count: int, *, total: bool = True, also: list[dict[str, Any]] | None = None
) -> Answerer:
    """An account that ignores `charge_id`: refund 100 + n is of charge n."""
    rows = [a_refund(100 + number, number) for number in range(1, count + 1)] + (also or [])

    def serve(asked: Asked) -> web.Response:
        page = int(asked.query["page"])
        shown = rows[(page - 1) * 50 : page * 50]
        headers = {"Total": str(len(rows)), "Per-Page": "50"} if total else {"Per-Page": "50"}
        return answer({"transactions": shown}, headers=headers)

    return serve


@pytest.mark.parametrize("total", [True, False])
async def test_where_charge_id_is_ignored_ours_are_found_among_all_refunds(
    vindi: VindiClient, server: ScriptedServer, total: bool
) -> None:
    of_no_charge = a_refund(900, 1) | {"charge": None}
    server.otherwise = all_refunds(120, total=total, also=[of_no_charge])

    found = await Bulk().refunds_of_charges(vindi, [ChargeId(7), ChargeId(119), ChargeId(500)])

    sums = {charge: len(row) for charge, row in found.items() if isinstance(row, tuple)}
    assert sums == {7: 1, 119: 1, 500: 0}
    assert "charge_ignored" in vindi.oddities


@pytest.mark.parametrize("refused", ["transaction_type", "charge_id"])
async def test_a_filter_that_is_refused_keeps_no_refund_away(
    vindi: VindiClient, server: ScriptedServer, refused: str
) -> None:
    """Of either filter: the other one finds them, and is asked first from then on."""

    def serve(one: Asked) -> web.Response:
        if refused in one.query["query"]:
            return answer({"errors": []}, status=422)
        named = {int(number) for number in re.findall(r"charge_id=(\d+)", one.query["query"])}
        rows = [
            a_refund(100 + number, number) for number in (1, 2, 3) if number in named or not named
        ]
        paid = [a_refund(900, 1) | {"transaction_type": "capture"}] if named else []
        told = [*rows, *paid]
        return answer({"transactions": told}, headers={"Total": str(len(told))})

    server.otherwise = serve
    bulk = Bulk()

    for charge in (1, 2):
        found = await bulk.refunds_of_charges(vindi, [ChargeId(charge)])
        [refunds] = found.values()
        assert isinstance(refunds, tuple)
        assert [refund.transaction_id for refund in refunds] == [100 + charge]
    server.asked.clear()
    both = await bulk.refunds_of_charges(vindi, [ChargeId(1), ChargeId(3)])

    assert [len(refunds) for refunds in both.values() if isinstance(refunds, tuple)] == [1, 1]
    assert len(server.asked) == 1


async def test_refunds_that_cannot_be_told_apart_hold_their_own_charges_only(
    vindi: VindiClient, server: ScriptedServer
) -> None:
    server.otherwise = all_refunds(1100)

    found = await Bulk().refunds_of_charges(vindi, [ChargeId(1), ChargeId(2)])

    assert all(isinstance(row, Unreadable) and row.refused for row in found.values())
    assert len(server.asked) == 3


def breaking_with(bad: int, count: int) -> Answerer:
    """An account that answers 500 to whatever would show one of its bills."""
    serve = a_vindi_with({number: a_bill(number) for number in range(1, count + 1)})

    def broken(asked: Asked) -> web.Response:
        ids = re.findall(r"\d+", asked.query.get("query", "") or asked.path.rpartition("/")[2])
        if str(bad) in ids:
            return answer({"errors": []}, status=500)
        found = serve(asked)
        assert isinstance(found, web.Response)
        return found

    return broken


@pytest.mark.parametrize("bad", [1, 23, 50])
async def test_a_bill_that_breaks_its_list_is_found_by_ever_smaller_lists(
    vindi: VindiClient, server: ScriptedServer, bad: int
) -> None:
    server.otherwise = breaking_with(bad, 50)
    bulk, wanted = Bulk(), [BillId(number) for number in range(1, 51)]

    first = await bulk.refresh_bills(vindi, wanted)
    asked_once = len(server.asked)
    second = await bulk.refresh_bills(vindi, wanted)

    assert all(isinstance(row, Untold) for row in first.values())
    assert asked_once == 1
    assert {number for number, row in second.items() if not isinstance(row, Read)} == {bad}
    assert len(server.asked) - asked_once <= 15
    assert bulk.honours_lists(ACCOUNT)


async def test_where_vindi_is_away_no_list_is_divided_for_long(
    vindi: VindiClient, server: ScriptedServer
) -> None:
    server.otherwise = lambda _: answer({"errors": []}, status=500)
    bulk, wanted = Bulk(), [BillId(number) for number in range(1, 51)]

    for _ in range(4):
        await bulk.refresh_bills(vindi, wanted)

    assert len(server.asked) <= 1 + 3 * 3
    assert bulk.honours_lists(ACCOUNT)
    assert not bulk.tells(ACCOUNT)
