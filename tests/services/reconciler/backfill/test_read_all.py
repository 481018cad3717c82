"""What Vindi never shows is told from what was not asked for any more."""

import re

import pytest
from aiohttp import web

from services.reconciler.backfill.read_all import read_all
from shared.domain.ids import BillId
from shared.vindi.bulk import Bulk
from shared.vindi.client import Read, Unreadable, VindiClient
from shared.vindi.errors import VindiUnavailable
from tests.support.scripted_server import Answerer, Asked, ScriptedServer, answer
from tests.vendors.bodies import a_bill
from tests.vendors.conftest import server, session, vindi

__all__ = ["server", "session", "vindi"]  # fixtures

MERCHANT = {"merchant": {"id": 1, "name": "Escola", "status": "active"}}


def broken(numbers: set[int], *, away: bool = False) -> Answerer:
    """Answers 500 for whatever would show one of these, and is away altogether if it says so."""

    def serve(asked: Asked) -> web.Response:
        if away:
            return answer({}, status=500)
        single = re.search(r"/(\d+)$", asked.path)
        if single:
            number = int(single[1])
            if number in numbers:
                return answer({}, status=500)
            return answer({"bill": a_bill(number)})
        if "query" not in asked.query:
            return answer(MERCHANT)
        wanted = {int(number) for number in re.findall(r"id=(\d+)", asked.query["query"])}
        if wanted & numbers:
            return answer({}, status=500)
        rows = [a_bill(number) for number in sorted(wanted)]
        return answer({"bills": rows}, headers={"Total": str(len(rows))})

    return serve


async def test_of_records_that_fail_the_others_are_read_the_last_time(
    vindi: VindiClient, server: ScriptedServer
) -> None:
    server.otherwise = broken({1, 2, 3, 4})
    bulk = Bulk()

    found = await read_all(
        vindi,
        lambda ids: bulk.refresh_bills(vindi, ids),
        [BillId(number) for number in range(1, 13)],
        last_time=True,
    )

    assert {number for number, row in found.items() if isinstance(row, Unreadable)} == {1, 2, 3, 4}
    assert all(isinstance(found[BillId(number)], Read) for number in range(5, 13))


async def test_nothing_is_unreadable_while_vindi_is_away(
    vindi: VindiClient, server: ScriptedServer
) -> None:
    server.otherwise = broken(set(), away=True)
    bulk = Bulk()

    with pytest.raises(VindiUnavailable):
        await read_all(
            vindi,
            lambda ids: bulk.refresh_bills(vindi, ids),
            [BillId(1), BillId(2)],
            last_time=True,
        )
