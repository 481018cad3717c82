"""The stand-in denies what every city denies, by checks of its own."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sandbox.enotas.checks import denied_for
from services.sandbox.enotas.records import Company
from shared.domain.decide import decide
from shared.domain.decision import Hold, Issue
from shared.domain.ids import ExternalId
from shared.domain.sale import Seller
from shared.issuer.enotas.payloads import render_nota
from tests.builders import NOW, a_customer, a_rule, a_sale, an_address, terms

CAPITALS = {"SP": "São Paulo", "RJ": "Rio de Janeiro", "DF": "Brasília", "AM": "Manaus"}
COMPANY = Company(id="c-1", key="k", name="Empresa", cnpj="11222333000181")


def a_body(document: str | None, *, withheld: bool = False, cep: str = "01001000",
           state: str = "SP") -> dict[str, Any]:  # fmt: skip
    client = {"cpfCnpj": document, "endereco": {"cep": cep, "uf": state}}
    return {"cliente": client, "servico": {"issRetidoFonte": withheld}}


@pytest.mark.parametrize(
    ("body", "denial"),
    [
        ({}, None),
        (a_body("12345678909"), None),
        (a_body("12345678900"), "document"),
        (a_body("11222333000181"), "document"),
        (a_body("11444777000161", withheld=True), None),
        (a_body("12345678909", withheld=True), "service"),
        (a_body(None, withheld=True), "document"),
        (a_body("12345678909", cep="20040002"), "address"),
        (a_body("12345678909", cep="20040002", state="RJ"), None),
        (a_body("12345678909", cep="", state="EX"), None),
        (a_body("12345678909", cep="1250100", state="EX"), None),
    ],
)
def test_what_every_city_denies_is_denied(body: dict[str, Any], denial: str | None) -> None:
    assert denied_for(COMPANY, body) == denial


@pytest.mark.parametrize(
    ("details", "service", "denial"),
    [
        ({"mei": True}, {"issRetidoFonte": True}, "service"),
        ({"mei": True}, {"issRetidoFonte": False, "aliquotaIss": 2.0}, "service"),
        ({"mei": True}, {"issRetidoFonte": False}, None),
        ({"nacional": True}, {"issRetidoFonte": True}, "service"),
        ({"nacional": True}, {"issRetidoFonte": True, "aliquotaIss": 2.0}, None),
        ({}, {"issRetidoFonte": True, "itemListaServicoLC116": "1.07"}, None),
    ],
)
def test_what_a_regime_does_not_allow_is_denied(
    details: dict[str, Any], service: dict[str, Any], denial: str | None
) -> None:
    company = Company(id="c-2", key="k", name="E", cnpj="11222333000181", details=details)
    client = {"cpfCnpj": "11444777000161", "endereco": {"cidade": company.city}}
    assert denied_for(company, {"cliente": client, "servico": service}) == denial


def test_iss_withheld_in_another_city_is_denied() -> None:
    client = {"cpfCnpj": "11444777000161", "endereco": {"cidade": "3304557"}}
    service = {"issRetidoFonte": True, "itemListaServicoLC116": "1.07"}
    assert denied_for(COMPANY, {"cliente": client, "servico": service}) == "service"


@given(
    document=st.sampled_from(
        [None, "12345678909", "11222333000181", "11444777000161", "12ABC34501DE35"]
    ),
    cep=st.integers(0, 99_999_999).map("{:08d}".format),
    state=st.sampled_from(["SP", "RJ", "DF", "AM"]),
    withheld=st.booleans(),
    policy=st.sampled_from(["hold", "issue_without"]),
)
def test_nothing_that_is_sent_is_denied_for_what_could_be_told_before(
    document: str | None, cep: str, state: str, withheld: bool, policy: str
) -> None:
    address = an_address(zip=cep, state=state, city=CAPITALS[state])
    rule = a_rule(
        customer_document_missing="issue_without",
        customer_address_incomplete=policy,
        service={"lc116": "1.07", "iss_withheld": withheld},
    )
    seller = Seller(cnpj=COMPANY.cnpj, city=COMPANY.city)
    sale = a_sale(customer=a_customer(document=document, address=address))

    decision = decide(sale, rule, terms(seller=seller), NOW)

    if isinstance(decision, Issue):
        body = render_nota(ExternalId("p-t-1-1"), decision.draft, "Producao")
        assert denied_for(COMPANY, json.loads(json.dumps(body))) is None
    else:
        assert isinstance(decision, Hold)
