"""The list of notas where the Gateway takes another question than the documented one."""

from collections.abc import Callable
from datetime import date

import pytest
from aiohttp import ClientSession, web

from shared.issuer.errors import IssuerUnavailable
from tests.support.scripted_server import Asked, ScriptedServer, answer
from tests.vendors.bodies import a_nota
from tests.vendors.conftest import an_issuer

DAYS = date(2026, 4, 1), date(2026, 4, 2)
BEFORE, SECOND, FIRST = (
    a_nota(id=number, idExterno=f"p-x-{number}-1", dataCriacao=f"2026-{day}T12:00:00Z")
    for number, day in (("9", "03-20"), ("2", "04-02"), ("1", "04-01"))
)


def _local(asked: Asked) -> bool:
    return "Z'" not in asked.query.get("filter", "")


def _other_name(asked: Asked) -> bool:
    return asked.query.get("sortBy") == "datacriacao"


def _unsorted(asked: Asked) -> bool:
    return "sortBy" not in asked.query


def _bare(asked: Asked) -> bool:
    return "sortBy" not in asked.query and "filter" not in asked.query


@pytest.mark.parametrize("status", [400, 422])
@pytest.mark.parametrize("takes", [_local, _other_name, _unsorted, _bare])
async def test_a_question_that_is_refused_is_asked_in_another_way(
    session: ClientSession,
    server: ScriptedServer,
    takes: Callable[[Asked], bool],
    status: int,
) -> None:
    def serve(asked: Asked) -> web.Response:
        if not takes(asked):
            return answer([{"codigo": "GEN001", "mensagem": "Parâmetro inválido"}], status=status)
        rows = [BEFORE, SECOND, FIRST] if _unsorted(asked) else [FIRST, SECOND]
        return answer({"totalRecords": len(rows), "data": rows})

    server.otherwise = serve
    issuer = an_issuer(session, server.url)

    oldest = [one.issuer_id async for one in issuer.list_created(*DAYS)]
    assert oldest == ["1", "2"]
    if takes in {_unsorted, _bare}:
        newest = [one.issuer_id async for one in issuer.list_created(*DAYS, newest_first=True)]
        assert newest == ["2", "1"]


async def test_a_list_that_no_question_opens_is_not_read(
    session: ClientSession, server: ScriptedServer
) -> None:
    server.otherwise = lambda _: answer([{"codigo": "1", "mensagem": "não"}], status=400)
    issuer = an_issuer(session, server.url)

    with pytest.raises(IssuerUnavailable):
        _ = [one async for one in issuer.list_created(*DAYS)]
    assert len(server.asked) == 5


@pytest.mark.parametrize("total", [None, "3"])
async def test_a_total_that_is_not_said_or_said_as_text(
    session: ClientSession, server: ScriptedServer, total: str | None
) -> None:
    rows = [a_nota(id=f"n{number}", idExterno=f"p-x-{number}-1") for number in range(3)]

    def serve(asked: Asked) -> web.Response:
        page = int(asked.query["pageNumber"])
        shown = rows[2 * page : 2 * page + 2]
        said = {} if total is None else {"totalRecords": total}
        return answer({**said, "data": shown})

    server.otherwise = serve
    issuer = an_issuer(session, server.url)

    assert [one.issuer_id async for one in issuer.list_created(*DAYS)] == ["n0", "n1", "n2"]


@pytest.mark.parametrize(
    "body", [{"data": []}, {"data": [{"a": 1}]}, {"data": None}, {"totalRecords": "x", "data": []}]
)
async def test_what_anybody_may_answer_is_no_empty_list(
    session: ClientSession, server: ScriptedServer, body: object
) -> None:
    server.otherwise = lambda _: answer(body)
    issuer = an_issuer(session, server.url)

    with pytest.raises(IssuerUnavailable):
        _ = [one async for one in issuer.list_created(*DAYS)]


async def test_without_a_total_pages_that_repeat_are_no_whole_list(
    session: ClientSession, server: ScriptedServer
) -> None:
    server.otherwise = lambda _: answer({"data": [FIRST, SECOND]})
    issuer = an_issuer(session, server.url)

    with pytest.raises(IssuerUnavailable):
        _ = [one async for one in issuer.list_created(*DAYS)]


@pytest.mark.parametrize("count", [19, 20, 25, 40, 41])
@pytest.mark.parametrize("says", ["rows of the page", "all"])
async def test_pages_that_are_capped_and_count_themselves_alone_are_read_to_the_end(
    session: ClientSession, server: ScriptedServer, count: int, says: str
) -> None:
    """Twenty rows a page whatever is asked for."""
    rows = [a_nota(id=f"n{number}", idExterno=f"p-x-{number}-1") for number in range(count)]

    def serve(asked: Asked) -> web.Response:
        size = min(int(asked.query["pageSize"]), 20)
        page = int(asked.query["pageNumber"])
        shown = rows[size * page : size * (page + 1)]
        return answer({"totalRecords": len(shown) if says != "all" else count, "data": shown})

    server.otherwise = serve
    issuer = an_issuer(session, server.url)

    assert len([one async for one in issuer.list_created(*DAYS)]) == count
    assert len(server.asked) <= count // 20 + 1
