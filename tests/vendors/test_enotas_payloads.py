import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from shared.domain.ids import ExternalId
from shared.domain.nota import IssuerEnvironment, Service
from shared.issuer.enotas.payloads import (
    encode,
    read_findings,
    read_list,
    read_missing,
    read_snapshot,
    read_xml,
    render_nota,
)
from shared.issuer.interface import Phase
from tests.vendors.bodies import KEY, a_draft, a_nota


def rendered(**changed: Any) -> dict[str, Any]:
    draft = replace(a_draft(), **changed)
    body: dict[str, Any] = json.loads(encode(render_nota(KEY, draft, "Producao")))
    return body


def test_a_test_nota_is_mailed_to_nobody_whatever_the_rule_says() -> None:
    draft = replace(a_draft(), send_email=True)

    mailed = {
        environment: render_nota(KEY, draft, environment)["enviarPorEmail"]
        for environment in get_args(IssuerEnvironment)
    }

    assert mailed == {"Homologacao": False, "Producao": True}


def test_a_nota_says_what_was_drafted() -> None:
    assert rendered() == {
        "tipo": "NFS-e",
        "idExterno": KEY,
        "ambienteEmissao": "Producao",
        "enviarPorEmail": True,
        "dataCompetencia": "2026-04-10T15:00:00Z",
        "cliente": {
            "tipoPessoa": "F",
            "nome": "Aurora Exemplo",
            "email": "aurora@example.org",
            "cpfCnpj": "12345678909",
            "telefone": "41999990000",
            "endereco": {
                "pais": "Brasil",
                "uf": "PR",
                "cidade": "4106902",
                "logradouro": "Rua de Exemplo",
                "numero": "S/N",
                "bairro": "Centro",
                "cep": "80010000",
            },
        },
        "servico": {
            "descricao": "Assinatura mensal do plano Exemplo",
            "aliquotaIss": 5.0,
            "issRetidoFonte": False,
            "codigoServicoMunicipio": "10901",
            "itemListaServicoLC116": "1.09",
        },
        "valorTotal": 99.9,
    }


def test_fields_of_the_tax_reform_are_sent_only_when_set() -> None:
    service = Service(nbs="123456789", ibs_cbs_class="000001")

    assert rendered(service=service)["servico"] == {
        "descricao": "Assinatura mensal do plano Exemplo",
        "issRetidoFonte": False,
        "codigoNBS": "123456789",
        "ibsCbs": {"classificacaoTributaria": "000001"},
    }


def test_what_a_policy_leaves_out_is_absent_and_long_texts_are_cut() -> None:
    tomador = replace(
        a_draft().tomador,
        name="N" * 90,
        document=None,
        address=None,
        email=None,
        phone="123",
    )

    assert rendered(tomador=tomador)["cliente"] == {"tipoPessoa": "F", "nome": "N" * 75}


@given(st.integers(1, 10**14))
def test_an_amount_is_written_exactly(cents: int) -> None:
    text = encode({"valorTotal": render_nota(KEY, a_draft(cents), "Producao")["valorTotal"]})

    written = json.loads(text, parse_float=Decimal)["valorTotal"]
    assert Decimal(written) == Decimal(cents) / 100
    assert b"e" not in text.split(b":")[1]


@pytest.mark.parametrize(
    ("status", "phase"),
    [
        ("AguardandoAutorizacao", Phase.PENDING),
        ("AutorizadaAguardandoGeracaoPDF", Phase.ISSUED),
        ("AUTORIZADA", Phase.ISSUED),
        ("negada", Phase.DENIED),
        ("EmProcessoDeCancelamento", Phase.CANCELLING),
        ("CanceladaAguardandoAtualizacaoPDF", Phase.CANCELLED),
        ("Cancelada", Phase.CANCELLED),
        ("CancelamentoNegado", Phase.CANCEL_REFUSED),
        ("EmAnalise", Phase.UNKNOWN_STATUS),
    ],
)
def test_a_status_is_read_whatever_its_capitals(status: str, phase: Phase) -> None:
    snapshot = read_snapshot(a_nota(status))

    assert (snapshot.phase, snapshot.raw_status) == (phase, status)


def test_a_nota_is_read_with_what_it_has() -> None:
    nota = {name.upper(): value for name, value in a_nota(numero=123).items()}

    snapshot = read_snapshot(nota)

    assert (snapshot.number, snapshot.amount, snapshot.external_id) == ("123", 9990, KEY)
    assert snapshot.changed_at == datetime(2026, 4, 10, 15, 1, 0, 123456, tzinfo=UTC)
    assert (snapshot.has_pdf, snapshot.has_xml, snapshot.issued_at) == (True, True, None)


def test_a_denied_nota_shows_its_reason_as_a_person_reads_it() -> None:
    reason = json.dumps({"mensagemErro": "CEP <b>inválido</b>.\r\nCorreção:", "acaoCorrecao": 4})

    snapshot = read_snapshot(a_nota("Negada", motivoStatus=reason))

    assert snapshot.reason == "CEP inválido .\nCorreção:"
    assert not snapshot.has_pdf


@pytest.mark.parametrize(
    "unset", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.9999999Z", "1899-12-30"]
)
def test_a_time_that_nobody_set_is_none_and_never_an_error(unset: str) -> None:
    times = dict.fromkeys(
        ("dataCriacao", "dataUltimaAlteracao", "dataAutorizacao", "dataCompetenciaRps"), unset
    )

    snapshot = read_snapshot(a_nota(**times, valorTotal=1e16))

    assert (snapshot.created_at, snapshot.changed_at, snapshot.issued_at) == (None, None, None)
    assert (snapshot.competencia, snapshot.amount) == (None, None)


def test_texts_of_a_nota_have_an_end() -> None:
    snapshot = read_snapshot(a_nota("Negada", motivoStatus="x" * 1_000_000, numero="9" * 50_000))

    assert len(snapshot.reason or "") <= 10_000
    assert len(snapshot.number or "") <= 10_000
    with pytest.raises(ValueError, match="not a nota"):
        read_snapshot(a_nota(id="7" * 300))


@pytest.mark.parametrize("body", [None, [], {}, {"id": "1"}, {"status": "Negada"}, "x"])
def test_what_is_no_nota_is_refused(body: object) -> None:
    with pytest.raises(ValueError, match="not a"):
        read_snapshot(body)


def test_a_page_of_notas_leaves_out_what_it_cannot_read() -> None:
    page = read_list({"totalRecords": 2, "data": [a_nota(), {"odd": True}]})

    assert (len(page.snapshots), page.rows, page.total) == (1, 2, 2)


@pytest.mark.parametrize(
    "status", ["AutorizadaAguardandoGeracaoPDF", "CanceladaAguardandoAtualizacaoPDF"]
)
def test_a_nota_whose_pdf_is_still_to_be_made_shows_none(status: str) -> None:
    snapshot = read_snapshot(a_nota(status, numero="77"))

    assert (snapshot.number, snapshot.has_pdf, snapshot.has_xml) == ("77", False, False)


@pytest.mark.parametrize(
    "page",
    [
        b"<html><body>Entrar</body></html>",
        b"<!DOCTYPE html><html></html>",
        b'<?xml version="1.0"?><!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0"><html/>',
        b'"<html>Entrar</html>"',
        b"  <!-- portal -->\n<HTML>",
        b"Entrar",
        b"",
    ],
)
def test_a_login_page_is_no_xml(page: bytes) -> None:
    with pytest.raises(ValueError, match="not XML"):
        read_xml(page)


@pytest.mark.parametrize(
    "document",
    [b"<nfe/>", b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- x --><CompNfse>1</CompNfse>'],
)
def test_a_document_may_begin_as_xml_does(document: bytes) -> None:
    assert read_xml(document) == document


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b'[{"codigo":"002","mensagem":"Faltam dados."}]', [("002", "Faltam dados.")]),
        (b'{"mensagem":"Faltam dados."}', [("", "Faltam dados.")]),
        (b'"Faltam dados."', [("", "Faltam dados.")]),
        (b"<html><h1>Erro</h1></html>", [("", "Erro")]),
        (b"", []),
        (b"[]", []),
        (b"null", []),
        (b"\xff\x00", [("", "\ufffd")]),
    ],
)
def test_a_refusal_is_read_in_every_form(body: bytes, found: list[tuple[str, str]]) -> None:
    assert [(finding.code, finding.message) for finding in read_findings(body)] == found


def test_what_a_company_lacks_is_read_as_text() -> None:
    assert read_missing(b'["certificado", {"codigo": "1", "mensagem": "senha"}]') == (
        "certificado",
        "senha",
    )


@pytest.mark.parametrize(
    ("body", "missing"),
    [
        (b"", ()),
        (b"null", ()),
        (b"{}", ()),
        (b'{"criticas": [], "possuiCriticas": false, "total": 0}', ()),
        (b'{"dados": {"faltam": [[], {}, null, ""]}}', ()),
        (b'{"criticas": [], "possuiCriticas": false, "versao": "2", "novo": {"id": 1}}', ()),
        (b'{"empresa": "Loja", "pendencias": []}', ()),
        (b'{"mensagem": "Senha"}', ("Senha",)),
        (b'{"criticas": ["Senha"]}', ('{"criticas": ["Senha"]}',)),
        (b'{"possuiCriticas": true}', ('{"possuiCriticas": true}',)),
    ],
)
def test_what_says_nothing_of_a_company_lacks_nothing(
    body: bytes, missing: tuple[str, ...]
) -> None:
    assert read_missing(body) == missing


def test_an_xml_comes_bare_or_as_a_json_string() -> None:
    assert read_xml(b"<nfe/>") == read_xml(b'"<nfe/>"') == b"<nfe/>"
    with pytest.raises(ValueError, match="XML"):
        read_xml(b'"later"')


def test_keys_are_written_as_they_are() -> None:
    assert render_nota(ExternalId("h-t1-2x1-3"), a_draft(), "Homologacao")["idExterno"] == (
        "h-t1-2x1-3"
    )
