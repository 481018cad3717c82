import asyncio
import time
from datetime import timedelta

import pytest
from aiohttp import ClientSession, web

from shared.net.http import server_time
from shared.vindi.client import BILLS, Read, Unreadable, VindiClient
from shared.vindi.errors import (
    VindiAccountBlocked,
    VindiBusy,
    VindiKeyRefused,
    VindiPagesRepeat,
    VindiProfileTooNarrow,
    VindiRequestRefused,
    VindiUnavailable,
)
from shared.vindi.query import where
from tests.support.scripted_server import Asked, ScriptedServer, answer, hang_up
from tests.vendors.bodies import a_bill
from tests.vendors.conftest import a_vindi_client, left_of


async def test_a_bill_is_read_with_the_account_s_key(
    vindi: VindiClient, server: ScriptedServer
) -> None:
    server.will(answer({"bill": a_bill()}))

    found = await vindi.read_one(BILLS, a_bill()["id"])

    assert isinstance(found, Read)
    assert found.raw["url"].startswith("https://")
    asked = server.asked[0]
    assert (asked.method, asked.path) == ("GET", "/api/v1/bills/900001")
    assert asked.headers["Authorization"] == "Basic a2V5LW9mLWEtdGVzdDo="
    assert asked.headers["Accept"] == "application/json"


@pytest.mark.parametrize(
    "body", [{"errors": [{"id": "not_found"}]}, {"id": "not_found", "message": "?"}]
)
async def test_a_bill_that_is_not_there_is_none(
    vindi: VindiClient, server: ScriptedServer, body: object
) -> None:
    server.will(answer(body, status=404))

    assert await vindi.read_one(BILLS, a_bill()["id"]) is None


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, VindiKeyRefused),
        (402, VindiAccountBlocked),
        (403, VindiProfileTooNarrow),
        (422, VindiRequestRefused),
        (302, VindiUnavailable),
        (500, VindiUnavailable),
        (503, VindiUnavailable),
    ],
)
@pytest.mark.parametrize(
    "body", [{"errors": [{"id": "x", "message": "y"}]}, {"id": "forbidden", "message": "y"}]
)
async def test_each_refusal_says_what_to_do_next(
    vindi: VindiClient,
    server: ScriptedServer,
    status: int,
    error: type[Exception],
    body: object,
) -> None:
    server.will(answer(body, status=status, headers={"Location": "http://127.0.0.1:1/"}))

    with pytest.raises(error):
        await vindi.read_one(BILLS, a_bill()["id"])

    assert len(server.asked) == 1


SOMEBODY_ELSES = [
    "<html>Request Rejected</html>",
    "",
    b"Access denied",
    {"message": "Forbidden"},
    [],
]


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 406, 422])
@pytest.mark.parametrize("body", SOMEBODY_ELSES)
async def test_a_refusal_in_somebody_elses_words_says_nothing_of_keys_or_bills(
    vindi: VindiClient, server: ScriptedServer, status: int, body: object
) -> None:
    server.otherwise = lambda _: answer(body, status=status)

    with pytest.raises(VindiUnavailable):
        await vindi.read_one(BILLS, a_bill()["id"])
    with pytest.raises(VindiUnavailable):
        await vindi.read_page(BILLS, None)
    assert (await vindi.check_key()).outcome == "unreachable"


@pytest.mark.parametrize("body", [{"status": "login"}, {"customer": {}}, [], "<html>", 7])
async def test_a_portals_answer_is_no_bill(
    vindi: VindiClient, server: ScriptedServer, body: object
) -> None:
    server.will(answer(body))

    with pytest.raises(VindiUnavailable):
        await vindi.read_one(BILLS, a_bill()["id"])


async def test_a_list_that_does_not_say_how_long_it_is_ends_with_an_empty_page(
    vindi: VindiClient, server: ScriptedServer
) -> None:
    server.will(
        answer({"bills": [a_bill(1)]}), answer({"bills": [a_bill(2)]}), answer({"bills": []})
    )

    pages = [page async for page in vindi.iter_pages(BILLS, None)]

    assert [len(page.rows) for page in pages] == [1, 1, 0]
    assert vindi.oddities == {"no_total"}


async def test_a_list_whose_pages_repeat_ends(vindi: VindiClient, server: ScriptedServer) -> None:
    server.otherwise = lambda _: answer({"bills": [a_bill(1), a_bill(2)]})

    pages = [page async for page in vindi.iter_pages(BILLS, None)]

    assert len(pages) == len(server.asked) == 2
    assert vindi.oddities == {"no_total", "pages_repeat"}


async def test_of_a_list_whose_full_pages_repeat_nobody_knows_the_rest(
    vindi: VindiClient, server: ScriptedServer
) -> None:
    server.otherwise = lambda _: answer(
        {"bills": [a_bill(1), a_bill(2)]}, headers={"Per-Page": "2"}
    )

    with pytest.raises(VindiPagesRepeat):
        _ = [page async for page in vindi.iter_pages(BILLS, None)]
    assert len(server.asked) == 2


async def test_a_page_of_html_is_no_answer(vindi: VindiClient, server: ScriptedServer) -> None:
    server.will(answer("<html>manutenção</html>"))

    with pytest.raises(VindiUnavailable):
        await vindi.read_one(BILLS, a_bill()["id"])


async def test_too_many_requests_stop_the_account_for_as_long_as_vindi_says(
    vindi: VindiClient, server: ScriptedServer
) -> None:
    server.will(answer("", status=429, headers={"Retry-After": "40"}))
    whole, began = timedelta(seconds=40), time.monotonic()

    with pytest.raises(VindiBusy) as first:
        await vindi.read_one(BILLS, a_bill()["id"])
    with pytest.raises(VindiBusy) as second:
        await vindi.read_one(BILLS, a_bill()["id"])

    assert first.value.retry_after == whole
    assert left_of(whole, began) <= second.value.retry_after <= whole
    assert len(server.asked) == 1


async def test_a_silent_vindi_is_unavailable(
    session: ClientSession, server: ScriptedServer
) -> None:
    silence = asyncio.Event()

    async def keep_silent(asked: Asked) -> web.StreamResponse:
        await silence.wait()
        return answer({})

    server.will(keep_silent)
    vindi = a_vindi_client(session, server, timeout=0.1)

    with pytest.raises(VindiUnavailable):
        await vindi.read_one(BILLS, a_bill()["id"])
    silence.set()


async def test_a_broken_connection_is_tried_once_more(
    vindi: VindiClient, server: ScriptedServer
) -> None:
    server.will(hang_up, answer({"bill": a_bill()}))

    assert isinstance(await vindi.read_one(BILLS, a_bill()["id"]), Read)
    assert len(server.asked) == 2


async def test_an_address_where_nobody_listens_is_unavailable(session: ClientSession) -> None:
    vindi = a_vindi_client(session, ScriptedServer(url="http://127.0.0.1:9"))

    with pytest.raises(VindiUnavailable):
        await vindi.read_one(BILLS, a_bill()["id"])


async def test_the_key_never_leaves_this_machine_without_tls(session: ClientSession) -> None:
    with pytest.raises(ValueError, match="https"):
        a_vindi_client(session, ScriptedServer(url="http://vindi.example"))


async def test_a_list_is_walked_by_what_vindi_says_of_its_pages(
    vindi: VindiClient, server: ScriptedServer
) -> None:
    def page(*ids: int) -> web.Response:
        rows = [a_bill(number) for number in ids]
        return answer({"bills": rows}, headers={"Per-Page": "2", "Total": "5"})

    server.will(page(1, 2), page(3, 4), page(5))

    pages = [page async for page in vindi.iter_pages(BILLS, where("status", "=", "paid"))]

    assert [[row.raw["id"] for row in page.rows] for page in pages] == [[1, 2], [3, 4], [5]]
    assert [asked.query["page"] for asked in server.asked] == ["1", "2", "3"]
    assert server.asked[0].query["query"] == "status=paid"
    assert server.asked[0].query["sort_by"] == "created_at"


async def test_an_empty_page_ends_a_list_whatever_the_total_says(
    vindi: VindiClient, server: ScriptedServer
) -> None:
    server.will(answer({"bills": []}, headers={"Total": "1"}))

    pages = [page async for page in vindi.iter_pages(BILLS, None)]

    assert [page.rows for page in pages] == [()]


async def test_one_unreadable_bill_does_not_cost_its_page(
    vindi: VindiClient, server: ScriptedServer
) -> None:
    server.will(answer({"bills": [a_bill(1, status="new"), a_bill(2)]}, headers={"Total": "2"}))

    page = await vindi.read_page(BILLS, None)

    bad, good = page.rows
    assert isinstance(bad, Unreadable)
    assert (bad.id, bad.problem) == (1, "status cannot be read")
    assert isinstance(good, Read)


async def test_counting_costs_one_small_request(vindi: VindiClient, server: ScriptedServer) -> None:
    server.will(answer({"bills": [a_bill()]}, headers={"Total": "731", "Per-Page": "1"}))

    assert await vindi.count(BILLS, where("status", "=", "paid")) == 731
    assert server.asked[0].query["per_page"] == "1"


def _everything(asked: Asked) -> web.Response:
    if asked.path.endswith("/merchants/current"):
        return answer({"merchant": {"id": 1, "name": "Loja", "status": "active"}})
    return answer({asked.path.rsplit("/", 1)[1]: []})


async def test_a_good_key_shows_its_account(vindi: VindiClient, server: ScriptedServer) -> None:
    server.otherwise = _everything

    check = await vindi.check_key()

    assert (check.outcome, check.issues_already) == ("ok", False)
    assert check.merchant is not None
    assert [asked.path.rsplit("/", 1)[1] for asked in server.asked] == [
        "current",
        "bills",
        "customers",
        "charges",
        "transactions",
        "products",
        "invoices",
    ]


async def test_an_account_that_issues_already_is_told_from_its_invoices(
    vindi: VindiClient, server: ScriptedServer
) -> None:
    def with_invoices(asked: Asked) -> web.Response:
        if asked.path.endswith("/invoices"):
            return answer({"invoices": [{"id": 1}]})
        return _everything(asked)

    server.otherwise = with_invoices

    assert (await vindi.check_key()).issues_already


async def test_a_narrow_profile_says_which_read_it_forbids(
    vindi: VindiClient, server: ScriptedServer
) -> None:
    def narrow(asked: Asked) -> web.Response:
        if asked.path.endswith("/transactions"):
            return answer({"errors": []}, status=403)
        return _everything(asked)

    server.otherwise = narrow

    check = await vindi.check_key()

    assert (check.outcome, check.forbidden) == ("too_narrow", "transactions")


@pytest.mark.parametrize(
    ("status", "outcome"), [(401, "refused"), (402, "account_blocked"), (500, "unreachable")]
)
async def test_a_bad_key_is_told_from_a_bad_moment(
    vindi: VindiClient, server: ScriptedServer, status: int, outcome: str
) -> None:
    server.will(answer({"errors": []}, status=status))

    assert (await vindi.check_key()).outcome == outcome


@pytest.mark.parametrize(
    "date",
    ["", "soon", "Mon, 01 Jan 1601 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT",
     "Sun, 29 Nov 2026 09:00:00 +99999999", "Sun, 29 Nov 2026 09:00:00"],
)  # fmt: skip
def test_a_clock_of_another_century_is_no_clock(date: str) -> None:
    assert server_time({"Date": date}) is None
