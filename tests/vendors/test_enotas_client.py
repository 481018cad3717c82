import asyncio
import time
from collections import deque
from collections.abc import Awaitable
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from aiohttp import ClientSession, web

from shared.domain.cancellations import (
    ACCOUNT,
    BY_PORTAL,
    CERTIFICATE,
    CITY_REFUSED,
    DEADLINE,
    IN_PROGRESS,
    NOT_FOUND,
    OUTAGE,
    UNEXPLAINED,
)
from shared.domain.errors import TransientError
from shared.domain.ids import IssuerNotaId
from shared.issuer.enotas.client import EnotasIssuer
from shared.issuer.errors import (
    IssuerBusy,
    IssuerCompanyUnknown,
    IssuerForbidden,
    IssuerKeyRefused,
    IssuerUnavailable,
)
from shared.issuer.interface import (
    CancelAccepted,
    CancelRejected,
    Issued,
    Issuer,
    NotReady,
    Pending,
    Phase,
    Rejected,
    Snapshot,
    Unknown,
)
from tests.support.scripted_server import Answerer, Asked, ScriptedServer, answer, hang_up
from tests.vendors.bodies import KEY, NOTA_ID, a_draft, a_nota
from tests.vendors.conftest import COMPANY, an_issuer, left_of

ACCEPTED = answer({"nfeId": NOTA_ID})
REFUSED = answer([{"codigo": "X", "mensagem": "CPF do cliente inválido"}], status=400)
ABSENT = answer("", status=404)
NOTAS = f"/v1/empresas/{COMPANY}/nfes"


async def submit(
    issuer: Issuer, *, look_first: bool = False
) -> Pending | Issued | Rejected | Unknown:
    return await issuer.submit(KEY, a_draft(), environment="Producao", look_first=look_first)


def methods(server: ScriptedServer) -> list[str]:
    return [asked.method for asked in server.asked]


async def test_a_nota_is_asked_for_with_the_key_as_the_panel_shows_it(
    issuer: EnotasIssuer, server: ScriptedServer
) -> None:
    server.will(ACCEPTED)

    assert await submit(issuer) == Pending(issuer_id=IssuerNotaId(NOTA_ID))

    asked = server.asked[0]
    assert (asked.method, asked.path) == ("POST", NOTAS)
    assert asked.headers["Authorization"] == "Basic bm90YS1rZXk6"
    assert asked.headers["Accept"] == "application/json"
    assert asked.headers["Content-Type"] == "application/json"
    assert asked.json["idExterno"] == KEY


@pytest.mark.parametrize(
    "lost",
    [
        hang_up,
        answer("", status=500),
        answer("", status=502),
        answer("", status=503, headers={"Retry-After": "7"}),
        answer("", status=408),
        answer("", status=302, headers={"Location": "/elsewhere"}),
        answer("<erro/>"),
        answer({"other": 1}),
        answer([]),
    ],
)
async def test_a_lost_answer_is_told_and_never_repeated(
    issuer: EnotasIssuer, server: ScriptedServer, lost: web.Response
) -> None:
    server.will(lost)

    outcome = await submit(issuer)

    assert isinstance(outcome, Unknown)
    assert methods(server) == ["POST"]


async def test_a_busy_city_hall_s_wait_is_passed_on(
    issuer: EnotasIssuer, server: ScriptedServer
) -> None:
    server.will(answer("", status=503, headers={"Retry-After": "7"}))

    assert await submit(issuer) == Unknown(why="status 503", retry_after=timedelta(seconds=7))


async def test_a_silent_issuer_leaves_the_outcome_unknown(
    session: ClientSession, server: ScriptedServer
) -> None:
    silence = asyncio.Event()

    async def keep_silent(asked: Asked) -> web.StreamResponse:
        await silence.wait()
        return answer({})

    server.will(keep_silent)

    assert await submit(an_issuer(session, server.url, timeout=0.1)) == Unknown(why="time-out")
    silence.set()


async def test_what_provably_never_left_is_no_lost_answer(session: ClientSession) -> None:
    with pytest.raises(IssuerUnavailable):
        await submit(an_issuer(session, "http://127.0.0.1:9"))


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, IssuerKeyRefused), (403, IssuerForbidden), (404, IssuerCompanyUnknown)],
)
async def test_a_refused_key_or_company_stops_the_tenant_not_the_nota(
    issuer: EnotasIssuer, server: ScriptedServer, status: int, error: type[Exception]
) -> None:
    server.will(answer([{"codigo": "1", "mensagem": "não"}], status=status))

    with pytest.raises(error):
        await submit(issuer)


async def test_too_many_requests_pause_the_key(
    issuer: EnotasIssuer, server: ScriptedServer
) -> None:
    server.will(answer("", status=429, headers={"Retry-After": "60"}))
    whole, began = timedelta(seconds=60), time.monotonic()

    with pytest.raises(IssuerBusy):
        await submit(issuer)
    with pytest.raises(IssuerBusy) as caught:
        await submit(issuer)

    assert left_of(whole, began) <= caught.value.retry_after <= whole
    assert len(server.asked) == 1


async def test_a_refused_body_is_told_with_its_class(
    issuer: EnotasIssuer, server: ScriptedServer
) -> None:
    server.will(REFUSED, ABSENT)

    outcome = await submit(issuer)

    assert isinstance(outcome, Rejected)
    assert (outcome.known.denial, outcome.findings[0].code) == ("denied_document", "X")
    assert server.asked[1].path == f"{NOTAS}/porIdExterno/{KEY}"


@pytest.mark.parametrize(
    ("status", "kind"),
    [("Autorizada", Issued), ("EmProcessoDeAutorizacao", Pending), ("Cancelada", Pending)],
)
@pytest.mark.parametrize("refusal", [400, 409, 422])
async def test_a_refused_repetition_adopts_the_nota_that_exists(
    issuer: EnotasIssuer, server: ScriptedServer, status: str, kind: type, refusal: int
) -> None:
    server.will(answer([{"codigo": "DUP"}], status=refusal), answer(a_nota(status)))

    assert isinstance(await submit(issuer), kind)


@pytest.mark.parametrize("text", ["Já existe", "Conflict", "Motivo 17."])
async def test_a_conflict_says_that_a_nota_is_there_though_none_is_shown(
    issuer: EnotasIssuer, server: ScriptedServer, text: str
) -> None:
    server.will(answer([{"codigo": "X", "mensagem": text}], status=409), ABSENT)

    rejected = await submit(issuer)

    assert isinstance(rejected, Rejected)
    assert rejected.known.denial == "denied_numbering"


async def test_a_refused_resend_of_a_denied_nota_is_a_refusal_of_what_it_says(
    issuer: EnotasIssuer, server: ScriptedServer
) -> None:
    server.will(REFUSED, answer(a_nota("Negada", dataUltimaAlteracao="2026-04-10T15:01:00Z")))

    assert isinstance(await submit(issuer), Rejected)


async def test_a_nota_denied_after_the_request_was_taken_by_it(
    issuer: EnotasIssuer, server: ScriptedServer
) -> None:
    now = datetime(2026, 4, 10, 15, 0, 30, tzinfo=UTC)
    refused = answer([], status=400, headers={"Date": format_datetime(now, usegmt=True)})
    server.will(refused, answer(a_nota("Negada", dataUltimaAlteracao="2026-04-10T15:01:00Z")))

    assert await submit(issuer) == Pending(issuer_id=IssuerNotaId(NOTA_ID))


async def test_a_refusal_that_cannot_be_looked_up_stays_unknown(
    issuer: EnotasIssuer, server: ScriptedServer
) -> None:
    server.will(REFUSED, answer("", status=500))

    assert isinstance(await submit(issuer), Unknown)


@pytest.mark.parametrize("status", ["Autorizada", "AguardandoAutorizacao", "Cancelada", "Nova"])
async def test_a_later_attempt_sends_nothing_when_the_nota_is_there(
    issuer: EnotasIssuer, server: ScriptedServer, status: str
) -> None:
    server.will(answer(a_nota(status)))

    await submit(issuer, look_first=True)

    assert methods(server) == ["GET"]


@pytest.mark.parametrize("found", [ABSENT, answer(a_nota("Negada"))])
async def test_a_later_attempt_sends_when_there_is_nothing_or_a_denied_nota(
    issuer: EnotasIssuer, server: ScriptedServer, found: web.Response
) -> None:
    server.will(found, ACCEPTED)

    assert isinstance(await submit(issuer, look_first=True), Pending)
    assert methods(server) == ["GET", "POST"]


async def test_a_look_up_that_fails_sends_nothing(
    issuer: EnotasIssuer, server: ScriptedServer
) -> None:
    server.will(answer("", status=500))

    with pytest.raises(IssuerUnavailable):
        await submit(issuer, look_first=True)

    assert methods(server) == ["GET"]


async def test_a_nota_is_found_by_our_key_and_by_theirs(
    issuer: EnotasIssuer, server: ScriptedServer
) -> None:
    server.will(answer(a_nota()), answer(a_nota(id=NOTA_ID.upper())), ABSENT, ABSENT)

    found = await issuer.find(KEY)
    got = await issuer.get(IssuerNotaId(NOTA_ID))

    assert found is not None
    assert got is not None
    assert found.phase is got.phase is Phase.ISSUED
    assert await issuer.find(KEY) is None
    assert await issuer.get(IssuerNotaId(NOTA_ID)) is None


@pytest.mark.parametrize(
    "wrong",
    [
        answer(a_nota(idExterno="p-other-1-1")),
        answer("<html/>"),
        answer([], status=400),
        answer("", status=500),
    ],
)
async def test_a_doubtful_answer_is_never_read_as_absence(
    issuer: EnotasIssuer, server: ScriptedServer, wrong: web.Response
) -> None:
    server.will(wrong)

    with pytest.raises(IssuerUnavailable):
        await issuer.find(KEY)


async def test_a_cancellation_is_taken(issuer: EnotasIssuer, server: ScriptedServer) -> None:
    server.will(ACCEPTED)

    assert await issuer.cancel(KEY) == CancelAccepted()
    assert (server.asked[0].method, server.asked[0].body) == ("DELETE", b"")


@pytest.mark.parametrize("status", ["SolicitandoCancelamento", "Cancelada"])
async def test_a_refused_cancellation_of_a_cancelled_nota_was_granted_before(
    issuer: EnotasIssuer, server: ScriptedServer, status: str
) -> None:
    server.will(REFUSED, answer(a_nota(status)))

    assert await issuer.cancel(KEY) == CancelAccepted()


async def test_a_refused_cancellation_leaves_the_nota_valid(
    issuer: EnotasIssuer, server: ScriptedServer
) -> None:
    server.will(REFUSED, answer(a_nota("Autorizada")))

    outcome = await issuer.cancel(KEY)

    assert isinstance(outcome, CancelRejected)
    assert (outcome.phase, outcome.findings[0].code) == (Phase.ISSUED, "X")


@pytest.mark.parametrize("lost", [hang_up, answer("", status=500), answer("?")])
async def test_a_lost_answer_to_a_cancellation_is_told(
    issuer: EnotasIssuer, server: ScriptedServer, lost: web.Response
) -> None:
    server.will(lost)

    assert isinstance(await issuer.cancel(KEY), Unknown)
    assert methods(server) == ["DELETE"]


async def test_documents_are_checked_for_what_they_are(
    issuer: EnotasIssuer, server: ScriptedServer
) -> None:
    server.will(answer(b"%PDF-1.7 ..."), answer("<nfe>á</nfe>"), answer(b'"<nfe/>"'))

    assert await issuer.documents(KEY, "pdf") == b"%PDF-1.7 ..."
    assert await issuer.documents(KEY, "xml") == "<nfe>á</nfe>".encode()
    assert await issuer.documents(KEY, "xml") == b"<nfe/>"
    assert server.asked[0].path == f"{NOTAS}/porIdExterno/{KEY}/pdf"


async def test_a_document_too_early_is_not_ready_and_a_wrong_one_is_none(
    issuer: EnotasIssuer, server: ScriptedServer
) -> None:
    server.will(ABSENT, answer([], status=400), answer("<html/>"))

    assert await issuer.documents(KEY, "pdf") == NotReady()
    assert await issuer.documents(KEY, "xml") == NotReady()
    with pytest.raises(IssuerUnavailable):
        await issuer.documents(KEY, "pdf")


async def test_a_connection_shows_its_company_and_what_it_lacks(
    issuer: EnotasIssuer, server: ScriptedServer
) -> None:
    company = {"id": COMPANY.lower(), "razaoSocial": "Loja Ltda", "cnpj": "11222333000181"}
    server.will(answer(company), answer([{"mensagem": "Falta o certificado digital."}]))

    connection = await issuer.check_connection()

    assert (connection.company_name, connection.cnpj) == ("Loja Ltda", "11222333000181")
    assert connection.missing == ("Falta o certificado digital.",)


async def test_a_complete_company_lacks_nothing_and_an_unknown_one_is_told(
    issuer: EnotasIssuer, server: ScriptedServer
) -> None:
    server.will(answer({"razaoSocial": "Loja Ltda"}), answer([]), ABSENT)

    assert (await issuer.check_connection()).missing == ()
    with pytest.raises(IssuerCompanyUnknown):
        await issuer.check_connection()


async def test_notas_of_a_day_are_listed_once_each(
    issuer: EnotasIssuer, server: ScriptedServer
) -> None:
    first, second = a_nota(), a_nota(id="another", idExterno="p-x-2-1")
    third = a_nota(id="third", idExterno="p-x-3-1")
    server.will(
        answer({"totalRecords": 3, "data": [first, second]}),
        answer({"totalRecords": 3, "data": [second, third]}),
    )

    listed = [nota async for nota in issuer.list_created(date(2026, 4, 1), date(2026, 4, 2))]

    assert [nota.issuer_id for nota in listed] == [NOTA_ID, "another", "third"]
    assert [asked.query["pageNumber"] for asked in server.asked] == ["0", "1"]
    assert server.asked[0].query["filter"] == (
        "dataCriacao ge '2026-04-01T00:00:00Z' and dataCriacao le '2026-04-02T23:59:59Z'"
    )


async def test_the_key_shows_in_no_error(session: ClientSession, server: ScriptedServer) -> None:
    server.will(answer("", status=401))

    with pytest.raises(IssuerKeyRefused) as caught:
        await submit(an_issuer(session, server.url))

    assert "bm90YS1rZXk6" not in repr(caught.value)
    with pytest.raises(ValueError, match="https"):
        an_issuer(session, "http://api.example")


HTML = "<html><h1>Acesso bloqueado</h1></html>"


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_page_of_something_on_the_way_is_not_the_issuers_word(
    issuer: EnotasIssuer, server: ScriptedServer, status: int
) -> None:
    for _ in range(6):
        server.will(answer(HTML, status=status))

    for read in (issuer.find(KEY), issuer.get(IssuerNotaId(NOTA_ID)), issuer.check_connection()):
        with pytest.raises(IssuerUnavailable):
            await read
    assert isinstance(await submit(issuer), Unknown)
    assert isinstance(await issuer.cancel(KEY), Unknown)
    with pytest.raises(IssuerUnavailable):
        await issuer.documents(KEY, "pdf")


@pytest.mark.parametrize("body", ["", [], [{"codigo": "NFE404", "mensagem": "Não encontrada."}]])
async def test_the_documented_answer_proves_absence(
    issuer: EnotasIssuer, server: ScriptedServer, body: object
) -> None:
    server.will(answer(body, status=404))

    assert await issuer.find(KEY) is None


def a_list(server: ScriptedServer, notas: int, *, cap: int, by_size_asked: bool) -> None:
    """A list that gives at most `cap` rows a page, counting pages by its own size or by ours."""
    rows = [a_nota(id=f"n{number}", idExterno=f"p-x-{number}-1") for number in range(notas)]

    def page(asked: Asked) -> web.Response:
        number, size = int(asked.query["pageNumber"]), int(asked.query["pageSize"])
        start = number * (size if by_size_asked else min(size, cap))
        return answer({"totalRecords": notas, "data": rows[start : start + min(size, cap)]})

    server.otherwise = page


@pytest.mark.parametrize("by_size_asked", [True, False])
async def test_a_list_with_shorter_pages_than_asked_for_is_read_whole(
    issuer: EnotasIssuer, server: ScriptedServer, *, by_size_asked: bool
) -> None:
    a_list(server, 180, cap=50, by_size_asked=by_size_asked)

    listed = [nota async for nota in issuer.list_created(date(2026, 4, 1), date(2026, 4, 2))]

    assert [nota.issuer_id for nota in listed] == [f"n{number}" for number in range(180)]


async def test_a_page_that_fails_is_asked_for_again_and_not_for_ever(
    issuer: EnotasIssuer, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.issuer.enotas.lists.PAGE_WAITS", (0.0, 0.0, 0.0))
    a_list(server, 180, cap=100, by_size_asked=True)
    whole = server.otherwise
    asked = 0

    def stumbling(request: Asked) -> Awaitable[web.StreamResponse] | web.StreamResponse:
        nonlocal asked
        asked += 1
        return whole(request) if whole and asked % 4 == 0 else answer({}, status=502)

    server.otherwise = stumbling
    listed = [nota async for nota in issuer.list_created(date(2026, 4, 1), date(2026, 4, 2))]
    assert len(listed) == 180

    server.otherwise = lambda _: answer({}, status=502)
    with pytest.raises(IssuerUnavailable):
        _ = [nota async for nota in issuer.list_created(date(2026, 4, 1), date(2026, 4, 2))]


async def the_list(issuer: EnotasIssuer, patience: timedelta) -> list[Snapshot]:
    days = date(2026, 4, 1), date(2026, 4, 2)
    return [nota async for nota in issuer.list_created(*days, patience=patience)]


async def test_who_has_somebody_waiting_goes_on_at_the_page_that_failed(
    issuer: EnotasIssuer, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.issuer.enotas.lists.PAGE_WAITS", (0.0,) * 8)
    monkeypatch.setattr("shared.issuer.enotas.lists.PAGE_HANGS", timedelta(seconds=0.3))
    a_list(server, 380, cap=100, by_size_asked=True)
    whole = server.otherwise
    faults: deque[Answerer | web.Response] = deque(
        [
            *(slow, answer({}, status=502), answer("<html>", status=200), hang_up, hang_up),
            answer({}, status=429, headers={"Retry-After": "1"}),
        ]
    )

    def stumbling(request: Asked) -> Awaitable[web.StreamResponse] | web.StreamResponse:
        if request.query["pageNumber"] == "0" or not faults:
            return whole(request) if whole else answer({}, status=599)
        fault = faults.popleft()
        return fault if isinstance(fault, web.Response) else fault(request)

    server.otherwise = stumbling
    began = time.monotonic()
    listed = await the_list(issuer, timedelta(seconds=60))

    assert time.monotonic() - began < 20, "a first try that hangs is given up"
    assert [nota.issuer_id for nota in listed] == [f"n{number}" for number in range(380)]
    asked = [one.query["pageNumber"] for one in server.asked]
    assert asked == sorted(asked), "no page was asked for again after one behind it"
    assert asked.count("0") == 1


async def slow(asked: Asked) -> web.StreamResponse:
    await asyncio.sleep(60)
    return answer({}, status=502)


@pytest.mark.parametrize("retry_after", [None, "40"])
async def test_patience_with_a_page_ends(
    issuer: EnotasIssuer, server: ScriptedServer, retry_after: str | None
) -> None:
    headers = {"Retry-After": retry_after} if retry_after else {}
    server.otherwise = lambda _: answer({}, status=429 if retry_after else 502, headers=headers)

    with pytest.raises(TransientError):
        await the_list(issuer, timedelta(seconds=1))
    assert len(server.asked) == (1 if retry_after else 2)


@pytest.mark.parametrize("rows", [[], [a_nota()], [{"odd": True}]])
async def test_a_list_that_never_comes_to_its_end_is_no_list(
    issuer: EnotasIssuer, server: ScriptedServer, rows: list[dict[str, object]]
) -> None:
    server.otherwise = lambda _: answer({"totalRecords": 3 * len(rows) + 3, "data": rows})
    if rows and "odd" in rows[0]:
        server.script.extend([lambda _: answer({"totalRecords": 6, "data": []})])

    with pytest.raises(IssuerUnavailable):
        _ = [nota async for nota in issuer.list_created(date(2026, 4, 1), date(2026, 4, 2))]
    assert len(server.asked) <= 3


async def test_an_endless_answer_is_not_read_to_its_end(
    issuer: EnotasIssuer, server: ScriptedServer
) -> None:
    gone = 17 * 2**20
    server.will(*[answer(b"%PDF-" + bytes(gone)), answer(b"[" + b" " * gone)])

    with pytest.raises(IssuerUnavailable):
        await issuer.documents(KEY, "pdf")
    assert await submit(issuer) == Unknown(why="too large")


@pytest.mark.parametrize(
    ("text", "status", "code"),
    [
        ("Emissão e cancelamento bloqueados: há pagamento em aberto.", "Autorizada", ACCOUNT),
        ("Aplicativo desativado.", "Autorizada", ACCOUNT),
        ("Nota fora do prazo de cancelamento do município.", "Autorizada", DEADLINE),
        ("A prefeitura não permite cancelamento por sistema.", "Autorizada", BY_PORTAL),
        ("O certificado digital está vencido.", "Autorizada", CERTIFICATE),
        ("O sistema da prefeitura está fora do ar.", "CancelamentoNegado", OUTAGE),
        ("A nota não pode ser cancelada.", "AutorizadaAguardandoGeracaoPDF", IN_PROGRESS),
        ("Nota fiscal não encontrada.", "Autorizada", NOT_FOUND),
        ("Motivo 17.", "Autorizada", CITY_REFUSED),
        ("", "Autorizada", CITY_REFUSED),
    ],
)
async def test_a_refused_cancellation_is_sorted_by_who_acts(
    issuer: EnotasIssuer, server: ScriptedServer, text: str, status: str, code: str
) -> None:
    server.will(answer([{"codigo": "X", "mensagem": text}], status=400), answer(a_nota(status)))

    refused = await issuer.cancel(KEY)

    assert isinstance(refused, CancelRejected)
    assert refused.code == code


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (404, b"", NOT_FOUND),
        (404, b"[]", NOT_FOUND),
        (404, {"mensagem": "Motivo 17."}, NOT_FOUND),
        (404, {"mensagem": "Conta bloqueada por falta de pagamento."}, ACCOUNT),
        (400, b"", UNEXPLAINED),
        (409, {}, UNEXPLAINED),
        (422, b"[]", UNEXPLAINED),
        (400, {"mensagem": "Motivo 17."}, CITY_REFUSED),
    ],
)
async def test_what_nobody_gave_a_reason_for_was_not_refused_by_the_city(
    issuer: EnotasIssuer, server: ScriptedServer, status: int, body: Any, code: str
) -> None:
    server.will(answer(body, status=status), answer(a_nota("Autorizada")))

    refused = await issuer.cancel(KEY)

    assert isinstance(refused, CancelRejected)
    assert refused.code == code


async def test_a_nota_nobody_knows_is_no_refusal_of_the_city(
    issuer: EnotasIssuer, server: ScriptedServer
) -> None:
    server.will(ABSENT, ABSENT)

    refused = await issuer.cancel(KEY)

    assert isinstance(refused, CancelRejected)
    assert (refused.phase, refused.code) == (None, NOT_FOUND)
