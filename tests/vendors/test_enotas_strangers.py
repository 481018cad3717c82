"""Answers of somebody else, or that nobody would mean: none decides what becomes of a nota."""

from datetime import date

import pytest
from aiohttp import web

from shared.domain.ids import IssuerNotaId
from shared.issuer.enotas.client import EnotasIssuer
from shared.issuer.errors import NO_ID, NOT_THEIRS, IssuerUnavailable
from shared.issuer.interface import Phase, Rejected, Unknown
from tests.support.scripted_server import Asked, ScriptedServer, answer
from tests.vendors.bodies import KEY, NOTA_ID, a_nota
from tests.vendors.test_enotas_client import ABSENT, submit

DAY = date(2026, 4, 1)
PORTAL = "<!-- x --><!DOCTYPE HTML><html><body>Entre com sua conta</body></html>"


@pytest.mark.parametrize("status", [200, 302, 400, 405, 406, 407, 409, 410, 413, 422, 451])
async def test_a_page_with_whatever_status_decides_nothing(
    issuer: EnotasIssuer, server: ScriptedServer, status: int
) -> None:
    server.otherwise = lambda _: answer(PORTAL, status=status)

    for read in (issuer.find(KEY), issuer.get(IssuerNotaId(NOTA_ID)), issuer.check_connection()):
        with pytest.raises(IssuerUnavailable) as caught:
            await read
        assert caught.value.why == NOT_THEIRS
    for outcome in (await submit(issuer), await issuer.cancel(KEY)):
        assert outcome == Unknown(why=NOT_THEIRS)


@pytest.mark.parametrize("status", [404, 405, 406, 410, 451])
@pytest.mark.parametrize(
    "body",
    [
        {"message": "no Route matched with those values"},
        {"Message": "No HTTP resource was found that matches the request URI."},
        {"error": "Not Found", "status": 404},
        b'"Not Found"',
        b"null",
        b"0",
        "Not Found",
    ],
)
async def test_json_of_a_gateway_on_the_way_is_not_the_issuers_word(
    issuer: EnotasIssuer, server: ScriptedServer, status: int, body: object
) -> None:
    server.otherwise = lambda _: answer(body, status=status)

    with pytest.raises(IssuerUnavailable):
        await issuer.find(KEY)
    assert await submit(issuer) == Unknown(why=NOT_THEIRS)
    assert await issuer.cancel(KEY) == Unknown(why=NOT_THEIRS)


@pytest.mark.parametrize("status", [405, 406, 410, 451])
async def test_nothing_at_all_is_the_issuers_word_where_it_answers_so_alone(
    issuer: EnotasIssuer, server: ScriptedServer, status: int
) -> None:
    """A key, a profile, or a nota that it does not have may be refused with nothing."""
    server.otherwise = lambda _: answer(b"", status=status)

    with pytest.raises(IssuerUnavailable):
        await issuer.find(KEY)
    assert await submit(issuer) == Unknown(why=NOT_THEIRS)
    assert await issuer.cancel(KEY) == Unknown(why=NOT_THEIRS)


async def test_a_page_where_the_registration_is_criticised_lacks_nothing(
    issuer: EnotasIssuer, server: ScriptedServer
) -> None:
    server.will(answer({"razaoSocial": "Escola\x00 Exemplo", "cnpj": 7}), answer("manutenção"))

    connection = await issuer.check_connection()

    assert (connection.company_name, connection.cnpj) == ("Escola Exemplo", "7")
    assert connection.missing == ()


@pytest.mark.parametrize("number", ["\x00", "  ", "x" * 201, True, [], {"id": 1}])
async def test_an_id_that_cannot_be_stored_is_no_id(
    issuer: EnotasIssuer, server: ScriptedServer, number: object
) -> None:
    server.will(answer({"nfeId": number}))

    assert await submit(issuer) == Unknown(why=NO_ID)


@pytest.mark.parametrize("body", [["a\x00b"], [{"x\x00": "y" * 10**6}], ["m"] * 10**5])
async def test_a_refusal_as_long_or_as_odd_as_it_likes_is_bounded(
    issuer: EnotasIssuer, server: ScriptedServer, body: object
) -> None:
    server.will(answer(body, status=400), ABSENT)

    outcome = await submit(issuer)

    assert isinstance(outcome, Rejected)
    texts = [one.message for one in outcome.findings]
    assert sum(map(len, texts)) <= 20_000
    assert not any("\x00" in text for text in texts)


@pytest.mark.parametrize("depth", [300, 2_000, 100_000])
async def test_a_reason_nested_without_end_is_read_as_it_is(
    issuer: EnotasIssuer, server: ScriptedServer, depth: int
) -> None:
    reason = '{"a":' * depth
    server.will(answer(a_nota("Negada", motivoStatus=reason)))

    found = await issuer.find(KEY)

    assert found is not None
    assert found.phase is Phase.DENIED


@pytest.mark.parametrize("total", [-1, -(2**31), "100", None, 1.5])
async def test_a_list_that_does_not_say_how_long_it_is_is_no_list(
    issuer: EnotasIssuer, server: ScriptedServer, total: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.issuer.enotas.lists.PAGE_WAITS", (0.0, 0.0))
    server.otherwise = lambda _: answer({"totalRecords": total, "data": [a_nota()]})

    with pytest.raises(IssuerUnavailable):
        _ = [one async for one in issuer.list_created(DAY, DAY)]


async def test_a_total_of_one_page_alone_does_not_end_the_list(
    issuer: EnotasIssuer, server: ScriptedServer
) -> None:
    rows = [a_nota(id=f"n{number}", idExterno=f"p-x-{number}-1") for number in range(180)]

    def page(asked: Asked) -> web.Response:
        number, size = int(asked.query["pageNumber"]), int(asked.query["pageSize"])
        shown = rows[number * size : (number + 1) * size]
        return answer({"totalRecords": len(shown), "data": shown})

    server.otherwise = page

    assert len([one async for one in issuer.list_created(DAY, DAY)]) == 180


async def test_a_list_that_says_it_is_empty_and_is_not_is_never_whole(
    issuer: EnotasIssuer, server: ScriptedServer
) -> None:
    server.otherwise = lambda _: answer({"totalRecords": 0, "data": [a_nota()]})

    with pytest.raises(IssuerUnavailable):
        _ = [one async for one in issuer.list_created(DAY, DAY)]
