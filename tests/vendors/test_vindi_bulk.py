import re
from typing import Any

import pytest
from aiohttp import web

from shared.domain.ids import BillId, ChargeId, CustomerId
from shared.vindi.bulk import Bulk
from shared.vindi.client import Read, Unreadable, VindiClient
from shared.vindi.errors import VindiUnavailable
from tests.support.scripted_server import Answerer, Asked, ScriptedServer, answer
from tests.vendors.bodies import a_bill, a_customer, a_refund
from tests.vendors.conftest import ACCOUNT


def a_vindi_with(rows: dict[int, dict[str, Any]], *, name: str = "bill") -> Answerer:
    """Serves records one by one and by `id=1 OR id=2`, two a page at most when asked for it."""

    def serve(asked: Asked) -> web.Response:
        single = re.search(r"/(\d+)$", asked.path)
        if single:
            row = rows.get(int(single[1]))
            return answer({name: row}) if row else answer("", status=404)
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

    with pytest.raises(VindiUnavailable):
        await Bulk().refresh_bills(vindi, [BillId(1), BillId(2)])


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

    with pytest.raises(VindiUnavailable):
        await Bulk().refunds_of_charges(vindi, [ChargeId(10), ChargeId(11)])


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
