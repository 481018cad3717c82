import base64
from dataclasses import replace

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from services.sandbox.documents import cpf_of, document_is_bad
from services.sandbox.enotas.denials import DENIALS
from services.sandbox.enotas.invariants import business_object
from services.sandbox.enotas.records import Outcome
from services.sandbox.run import Sandbox

from .conftest import Issuer, Receiver

WHOLE_WAY = 70


async def test_a_nota_goes_through_the_states_to_its_pdf(issuer: Issuer) -> None:
    reply = await issuer.post()

    assert set(reply.body) == {"nfeId"}
    seen = []
    for _ in range(15):
        seen.append(await issuer.status())
        issuer.sandbox.clock.advance(5)
    assert list(dict.fromkeys(seen)) == [
        "AguardandoAutorizacao", "SolicitandoAutorizacao", "AutorizacaoSolicitada",
        "EmProcessoDeAutorizacao", "AutorizadaAguardandoGeracaoPDF", "Autorizada",
    ]  # fmt: skip


async def test_a_clock_moved_far_ahead_leaves_the_states_at_their_own_times(
    issuer: Issuer,
) -> None:
    await issuer.post()

    issuer.sandbox.clock.advance(86_400)

    nota = (await issuer.find()).body
    assert nota["status"] == "Autorizada"
    assert nota["dataUltimaAlteracao"] == "2026-04-10T15:01:05Z"


async def test_pdf_and_xml_exist_once_the_nota_is_authorised(issuer: Issuer) -> None:
    await issuer.post()
    assert (await issuer.find(tail="/pdf")).status == 404

    issuer.sandbox.clock.advance(WHOLE_WAY)

    pdf, xml = await issuer.find(tail="/pdf"), await issuer.find(tail="/xml")
    assert pdf.body.startswith(b"%PDF-")
    assert isinstance(xml.body, str)
    assert xml.body.startswith("<?xml")
    issuer.company.faults.raw_xml = True
    assert (await issuer.find(tail="/xml")).body.startswith(b"<?xml")


@pytest.mark.parametrize("denial", sorted(DENIALS))
async def test_a_trigger_denies_with_a_text_of_its_class(issuer: Issuer, denial: str) -> None:
    await issuer.post(description=f"Aula [sim:negar:{denial}]")
    issuer.sandbox.clock.advance(WHOLE_WAY)

    nota = (await issuer.find()).body

    assert nota["status"] == "Negada"
    assert nota["motivoStatus"] in DENIALS[denial]
    assert "numero" not in nota
    assert "linkDownloadPDF" not in nota


async def test_a_denied_nota_is_sent_again_under_its_id(issuer: Issuer) -> None:
    first = await issuer.post(description="[sim:negar-uma-vez:address]")
    issuer.sandbox.clock.advance(WHOLE_WAY)
    assert await issuer.status() == "Negada"

    again = await issuer.post(description="[sim:negar-uma-vez:address]")
    issuer.sandbox.clock.advance(WHOLE_WAY)

    assert again.body == first.body
    assert await issuer.status() == "Autorizada"
    assert issuer.sandbox.enotas.invariants.report()["ok"]


async def test_bad_documents_and_future_dates_are_denied_later_not_at_once(
    issuer: Issuer,
) -> None:
    bad = await issuer.post(idExterno="a-1", cliente={"cpfCnpj": "12345678900"})
    future = await issuer.post(idExterno="b-1", dataCompetencia="2026-04-11T15:00:00Z")
    issuer.sandbox.clock.advance(WHOLE_WAY)

    assert (bad.status, future.status) == (200, 200)
    assert [await issuer.status("a-1"), await issuer.status("b-1")] == ["Negada", "Negada"]


async def test_a_body_without_the_essentials_is_refused_at_once(issuer: Issuer) -> None:
    for changes in ({"valorTotal": None}, {"description": ""}, {"ambienteEmissao": "producao"}):
        reply = await issuer.post(**changes)
        assert (reply.status, reply.body[0]["codigo"]) == (400, "REQ")
    assert (await issuer.find()).status == 404


async def test_a_stuck_nota_stays_and_an_outage_ends(issuer: Issuer) -> None:
    await issuer.post(idExterno="a-1", description="[sim:travar]")
    await issuer.post(idExterno="b-1", description="[sim:fora-do-ar:3]")

    issuer.sandbox.clock.advance(2 * 3600)
    assert await issuer.status("b-1") == "EmProcessoDeAutorizacao"
    issuer.sandbox.clock.advance(2 * 3600)

    assert await issuer.status("b-1") == "Autorizada"
    assert await issuer.status("a-1") == "EmProcessoDeAutorizacao"


async def test_a_city_that_is_down_holds_notas_and_denies_them_after_two_days(
    issuer: Issuer,
) -> None:
    issuer.company.faults.city_outage = "hold"
    await issuer.post()
    issuer.sandbox.clock.advance(47 * 3600)
    assert await issuer.status() == "EmProcessoDeAutorizacao"

    issuer.sandbox.clock.advance(2 * 3600)

    nota = (await issuer.find()).body
    assert (nota["status"], nota["motivoStatus"] in DENIALS["outage"]) == ("Negada", True)


async def test_an_expired_certificate_denies_everything_until_a_new_one_comes(
    issuer: Issuer,
) -> None:
    issuer.company.faults.certificate_expired = True
    await issuer.post()
    issuer.sandbox.clock.advance(WHOLE_WAY)
    assert (await issuer.find()).body["motivoStatus"] in DENIALS["certificate"]

    await issuer.call("POST", "/certificadoDigital")
    await issuer.post()
    issuer.sandbox.clock.advance(WHOLE_WAY)

    assert await issuer.status() == "Autorizada"


async def test_a_nota_is_cancelled_and_its_pdf_stamped(issuer: Issuer) -> None:
    await issuer.post()
    assert (await issuer.cancel()).status == 400
    issuer.sandbox.enotas.invariants.clear()
    issuer.sandbox.clock.advance(WHOLE_WAY)

    assert (await issuer.cancel()).status == 200
    assert await issuer.status() == "AguardandoCancelamento"
    issuer.sandbox.clock.advance(WHOLE_WAY)

    nota = (await issuer.find()).body
    assert (nota["status"], "dataCancelamento" in nota) == ("Cancelada", True)
    assert b"CANCELADA" in (await issuer.find(tail="/pdf")).body


async def test_a_refused_cancellation_leaves_the_nota_valid(issuer: Issuer) -> None:
    await issuer.post(description="[sim:cancelamento-negado]")
    issuer.sandbox.clock.advance(WHOLE_WAY)
    await issuer.cancel()
    issuer.sandbox.clock.advance(WHOLE_WAY)

    nota = (await issuer.find()).body

    assert (nota["status"], "numero" in nota) == ("CancelamentoNegado", True)
    issuer.company.city = "2927408"
    assert (await issuer.cancel()).status == 400


async def test_scripted_outcomes_and_the_instant_mode(issuer: Issuer) -> None:
    issuer.company.faults.instant = True
    issuer.sandbox.enotas.decide(issuer.company, "b-1", Outcome(kind="deny", denial="city"))

    await issuer.post(idExterno="a-1")
    await issuer.post(idExterno="b-1")

    assert [await issuer.status("a-1"), await issuer.status("b-1")] == ["Autorizada", "Negada"]


async def test_a_repeated_id_in_progress_or_done_makes_no_second_nota(issuer: Issuer) -> None:
    first = await issuer.post()
    repeated = await issuer.post()
    issuer.company.faults.duplicate_in_progress = "same"
    same = await issuer.post()
    issuer.sandbox.clock.advance(WHOLE_WAY)
    done = await issuer.post()

    assert (repeated.status, repeated.body[0]["codigo"]) == (400, "DUP-PROG")
    assert same.body == first.body
    assert (done.status, done.body[0]["codigo"]) == (400, "DUP-DONE")
    assert len(issuer.company.notas) == 1
    assert issuer.sandbox.enotas.invariants.counts == {
        "post_while_in_progress": 2, "post_of_issued": 1,
    }  # fmt: skip


async def test_the_worst_case_makes_a_second_nota_and_is_reported(issuer: Issuer) -> None:
    issuer.company.faults.change({"instant": True, "duplicate_done": "second"})

    first, second = await issuer.post(), await issuer.post()

    assert first.body != second.body
    assert issuer.sandbox.enotas.invariants.counts["two_authorised"] == 1


async def test_one_sale_with_real_notas_at_two_companies_is_reported(issuer: Issuer) -> None:
    world = issuer.sandbox.enotas
    another = replace(issuer, company=world.create_company(key=issuer.key))
    for one in (issuer, another):
        one.company.faults.change({"instant": True})
        await one.post(idExterno="h-t-7-1", ambienteEmissao="Homologacao")
        assert world.invariants.report()["ok"]
        await one.post(idExterno=f"p-t-7-{1 if one is issuer else 2}", ambienteEmissao="Producao")

    assert world.invariants.counts == {"valid_at_two_companies": 1}


async def test_a_lost_answer_leaves_the_nota_or_not_as_the_storm_says(issuer: Issuer) -> None:
    storms = issuer.sandbox.enotas.weather
    storms.add(kind="hang_up", when="after", count=1, method="POST")
    with pytest.raises(aiohttp.ClientError):
        await issuer.post(idExterno="a-1")
    storms.add(status=500, when="before", count=1)
    lost = await issuer.post(idExterno="b-1")

    assert (await issuer.find("a-1")).status == 200
    assert lost.status == 500
    assert (await issuer.find("b-1")).status == 404


async def test_every_nth_call_can_be_spoilt(issuer: Issuer) -> None:
    issuer.company.weather.add(status=429, every=3, when="before")

    statuses = [(await issuer.call("GET")).status for _ in range(6)]

    assert statuses == [200, 200, 429, 200, 200, 429]


async def test_careless_keys_are_refused_and_reported(issuer: Issuer) -> None:
    twice = base64.b64encode(f"{issuer.key}:".encode()).decode()

    refused = await issuer.call("GET", headers={"Authorization": f"Basic {twice}"})
    in_url = await issuer.call("GET", f"?chave={issuer.key}")

    assert (refused.status, refused.body[0]["codigo"]) == (401, "AUT001")
    assert in_url.status == 200
    counts = issuer.sandbox.enotas.invariants.counts
    assert counts == {"key_encoded_twice": 1, "key_in_url": 1}


async def test_the_journal_never_holds_the_key(issuer: Issuer) -> None:
    await issuer.post()
    await issuer.call("GET", f"?chave={issuer.key}")

    assert issuer.key not in repr(issuer.sandbox.enotas.journal)


async def test_a_foreign_company_is_403_and_an_unknown_one_404(
    sandbox: Sandbox, issuer: Issuer
) -> None:
    other = sandbox.enotas.create_company(key=sandbox.enotas.create_key().key)
    own, issuer.company = issuer.company, other
    assert (await issuer.call("GET")).status == 403

    issuer.company = own
    del sandbox.enotas.companies[own.id]
    assert (await issuer.call("GET")).status == 404


async def test_an_incomplete_company_says_what_is_missing(issuer: Issuer) -> None:
    issuer.company.missing.append("Inscrição municipal")

    missing = await issuer.call("GET", "/criticardadosobrigatorios")
    refused = await issuer.post()

    assert missing.body[0]["mensagem"] == "Inscrição municipal"
    assert (refused.status, refused.body[0]["codigo"]) == (400, "002")


async def test_an_identifier_with_odd_characters_is_one_path_part(issuer: Issuer) -> None:
    await issuer.post(idExterno="a/b c%1")

    url = f"{issuer.sandbox.enotas_url}/v1/empresas/{issuer.company.id}/nfes/porIdExterno"
    headers = {"Authorization": f"Basic {issuer.key}", "Accept": "application/json"}
    encoded = URL(f"{url}/a%2Fb%20c%251", encoded=True)
    async with issuer.session.get(encoded, headers=headers) as answer:
        assert (await answer.json())["idExterno"] == "a/b c%1"


async def test_the_list_filters_and_pages_from_zero(issuer: Issuer) -> None:
    issuer.company.faults.instant = True
    for number in range(5):
        await issuer.post(idExterno=f"n{number}-1")
        issuer.sandbox.clock.advance(60)
    await issuer.post(idExterno="x-1", description="[sim:negar:city]")

    denied = await issuer.call("GET", "/nfes", params={"filter": "status eq 'negada'"})
    window = "dataCriacao ge '2026-04-10T15:01:00Z' and dataCriacao le '2026-04-10 15:03:00'"
    middle = await issuer.call(
        "GET", "/nfes", params={"filter": window, "pageSize": "2", "pageNumber": "1"}
    )
    wrong = await issuer.call("GET", "/nfes", params={"filter": "cor eq 'azul'"})

    assert [nota["idExterno"] for nota in denied.body["data"]] == ["x-1"]
    assert middle.body["totalRecords"] == 3
    assert [nota["idExterno"] for nota in middle.body["data"]] == ["n3-1"]
    assert wrong.status == 400


async def test_final_states_are_told_by_webhook_with_the_accounts_header(
    issuer: Issuer, receiver: Receiver
) -> None:
    key = issuer.sandbox.enotas.keys[issuer.key]
    key.webhook_url, key.webhook_header = receiver.url, ("X-Token", "abc")
    issuer.company.faults.webhook_duplicates = 1

    posted = await issuer.post()
    issuer.sandbox.clock.advance(WHOLE_WAY)
    await issuer.sandbox.settle()

    assert len(receiver.received) == 2
    headers, body = receiver.received[0]
    assert headers["X-Token"] == "abc"
    assert body["nfeId"] == posted.body["nfeId"]
    assert (body["nfeStatus"], body["empresaId"]) == ("Autorizada", issuer.company.id.upper())


async def test_webhooks_can_be_early_forged_wrong_or_missing(
    issuer: Issuer, receiver: Receiver
) -> None:
    key = issuer.sandbox.enotas.keys[issuer.key]
    key.webhook_url, key.webhook_header = receiver.url, ("X-Token", "abc")
    issuer.company.faults.change({"webhooks": "before_answer", "webhook_wrong_header": True})
    await issuer.post()
    assert len(receiver.received) == 1
    assert receiver.received[0][0]["X-Token"] == "wrong"

    issuer.company.faults.webhooks = "off"
    issuer.sandbox.clock.advance(WHOLE_WAY)
    await issuer.sandbox.settle()
    assert len(receiver.received) == 1

    issuer.sandbox.enotas.webhooks.forge(issuer.company, "unknown", "Cancelada")
    await issuer.sandbox.settle()
    assert receiver.received[1][1]["nfeStatus"] == "Cancelada"


async def test_what_a_careful_client_never_does_is_reported(issuer: Issuer) -> None:
    issuer.company.faults.instant = True
    await issuer.post(idExterno="h-t-1-1", dataCompetencia=None)
    await issuer.post(idExterno="h-t-1-2")
    await issuer.cancel("h-t-1-1")
    await issuer.post(idExterno="h-t-1-1")
    await issuer.post(idExterno="h-t-2-1", description="[sim:negar:city]")
    await issuer.post(idExterno="h-t-2-2")
    await issuer.post(idExterno="h-t-3-1", enviarPorEmail=True)
    await issuer.post(idExterno="h-t-4-1", cliente={"nome": "Bia\x0b", "email": "bia@x.example"})

    assert issuer.sandbox.enotas.invariants.counts == {
        "competencia_missing": 1, "second_nota_asked": 1, "two_authorised": 1,
        "same_id_after_cancellation": 1, "new_id_after_denial": 1, "test_nota_mailed": 1,
        "unfit_text": 1,
    }  # fmt: skip


def test_a_business_object_is_the_identifier_without_its_revision() -> None:
    assert business_object("h-tenant-40817x2-3") == "h-tenant-40817x2"


@pytest.mark.parametrize("good", ["", "12345678909", "11222333000181", "12ABC34501DE35"])
def test_documents_with_right_check_digits_pass(good: str) -> None:
    assert not document_is_bad(good)


@given(st.integers(0, 10**9 - 1))
def test_made_up_cpfs_are_right(number: int) -> None:
    assert len(set(cpf := cpf_of(number))) == 1 or not document_is_bad(cpf)


@pytest.mark.parametrize("bad", ["12345678900", "11111111111", "11222333000182", "123", "x" * 11])
def test_documents_with_wrong_check_digits_do_not(bad: str) -> None:
    assert document_is_bad(bad)
