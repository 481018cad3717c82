"""Each field from rule, product, customer and bill to the posted body (docs/fiscal.md)."""

import json
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from pydantic import ValidationError

from shared.domain.bill import Address
from shared.domain.decide import decide
from shared.domain.decision import Hold, Issue
from shared.domain.draft import buyer_mended
from shared.domain.fields.arithmetic import arithmetic
from shared.domain.fields.stated import CustomerFields, NotaFields
from shared.domain.fields.words import WORDS, untaken_by, untaken_of
from shared.domain.ids import ExternalId
from shared.domain.nota import NotaDraft, NotaStatus
from shared.domain.parts import Part
from shared.domain.sale import SaleFacts
from shared.issuer.enotas.client import EnotasIssuer
from shared.issuer.enotas.payloads import encode, render_nota
from tests.builders import NOW, a_bill, a_customer, a_line, a_rule, a_sale, an_address, terms

KEY = ExternalId("p-tabcdefghij-4711-1")
AMOUNT = 100_000  # R$ 1.000,00
PLAIN = {"lc116": "17.01", "iss_rate": "5.00"}

# Field of the rule, its value, the same as metadata, and where the body then says what.
FIELDS: list[tuple[str, Any, dict[str, str], dict[str, Any]]] = [
    ("withholdings", {"irrf": "1.50"}, {"nota_irrf": "1,5"}, {"servico.valorIr": 15.0}),
    ("withholdings", {"inss": "11.00"}, {"nota_inss": "11%"}, {"servico.valorInss": 110.0}),
    (
        "withholdings",
        {"pis": "0.65", "cofins": "3.00", "csll": "1.00"},
        {"nota_pis": "0,65", "nota_cofins": "3", "nota_csll": "1.0"},
        {
            "servico.valorPis": 6.5,
            "servico.valorCofins": 30.0,
            "servico.valorCsll": 10.0,
            "servico.tipoRetencaoPisCofins": "3",
        },
    ),
    (
        "pis_cofins_situation",
        "01",
        {"nota_situacao_pis_cofins": "01"},
        {"servico.situacaoTributariaPisCofins": "01", "servico.tipoRetencaoPisCofins": "0"},
    ),
    (
        "pis_cofins_withholding",
        "NaoRetido",
        {"nota_tipo_retencao_pis_cofins": "NaoRetido"},
        {"servico.tipoRetencaoPisCofins": "NaoRetido"},
    ),
    (
        "own_pis_cofins",
        {"pis_rate": "0.65", "cofins_rate": "3.00"},
        {"nota_pis_proprio": "0,65", "nota_cofins_proprio": "3,00"},
        {
            "servico.pisCofinsApuracaoPropria": {
                "baseCalculo": 1000.0,
                "aliquotaPis": 0.65,
                "valorPis": 6.5,
                "aliquotaCofins": 3.0,
                "valorCofins": 30.0,
            }
        },
    ),
    (
        "place",
        {"city": "Campinas", "state": "SP"},
        {"nota_municipio_prestacao": "Campinas/SP"},
        {
            "servico.ufPrestacaoServico": "SP",
            "servico.municipioPrestacaoServico": "3509502",
            "servico.paisPrestacaoServico": None,
        },
    ),
    (
        "place",
        {"country": "PT"},
        {"nota_pais_prestacao": "PT"},
        {
            "servico.ufPrestacaoServico": "EX",
            "servico.municipioPrestacaoServico": "9999999",
            "servico.paisPrestacaoServico": "Portugal",
        },
    ),
    ("export", True, {"nota_exportacao": "sim"}, {"servico.exportacao": True}),
    ("export", False, {"nota_exportacao": "Não"}, {"servico.exportacao": False}),
    (
        "foreign_trade",
        {"mode": "1", "relationship": "0", "currency": "220", "amount": "190.50",
         "shared_with_mdic": False},
        {"nota_modo_prestacao": "1", "nota_vinculo_prestacao": "0", "nota_moeda": "220",
         "nota_valor_moeda": "190,50", "nota_mdic": "não"},
        {
            "metadados.InfoComercioExterior": {
                "mdPrestacao": "1", "vincPrest": "0", "tpMoeda": "220", "vServMoeda": "190.50",
                "mdic": "0",
            }
        },
    ),
    ("nature", "5", {"nota_natureza": "5"}, {"naturezaOperacao": "5"}),
    (
        "special_regime",
        "6",
        {"nota_regime_especial": "6"},
        {"servico.regimeEspecialTributacao": "6"},
    ),
    ("immunity", "2", {"nota_imunidade": "2"}, {"servico.tipoImunidadeIss": "2"}),
    (
        "suspension",
        {"kind": "1", "process": "0001234-55.2026"},
        {"nota_suspensao_tipo": "1", "nota_suspensao_processo": "0001234-55.2026"},
        {"servico.exigibilidadeSuspensa": {"tipo": "1", "numeroProcesso": "0001234-55.2026"}},
    ),
    ("final_consumer", True, {"nota_consumidor_final": "sim"}, {"consumidorFinal": True}),
    ("deductions", "250.00", {"nota_deducoes": "R$ 250,00"}, {"deducoes": 250.0}),
    ("deduction_rate", "40.00", {"nota_deducao_percentual": "40"}, {"deducoes": 400.0}),
    (
        "observations",
        "Pedido da fatura {fatura}, {competencia}",
        {"nota_observacoes": "Pedido da fatura {fatura}, {competencia}"},
        {"observacoes": "Pedido da fatura 4711, 11/2026"},
    ),
    (
        "approximate_taxes",
        "13.45",
        {"nota_tributos_aproximados": "13,45"},
        {"observacoes": "Valor aproximado dos tributos: R$ 134,50 (13,45%) - Lei 12.741/2012"},
    ),
    ("rps_series", "NF", {"nota_serie_rps": "NF"}, {"serieRps": "NF", "numeroRps": None}),
    (
        "more_emails",
        ["a@cliente.example", "b@cliente.example"],
        {"nota_emails": "a@cliente.example; b@cliente.example"},
        {"dadosAdicionaisEmail.outrosDestinatarios": "a@cliente.example;b@cliente.example"},
    ),
    (
        "city_text",
        "Consultoria em gestão",
        {"nota_texto_servico": "Consultoria em gestão"},
        {"servico.descricaoServicoMunicipio": "Consultoria em gestão"},
    ),
    (
        "internal_code",
        "SRV-17",
        {"nota_codigo_interno": "SRV-17"},
        {"servico.codigoInternoServicoMunicipal": "SRV-17"},
    ),
    (
        "extras",
        {"regimeApuracaoTributosSN": "1", "cidadeprestacao.codigo": "3509502",
         "valorTotalRecebido": "{valor}"},
        {"nota_regimeApuracaoTributosSN": "1", "nota_cidadeprestacao.codigo": "3509502",
         "nota_valorTotalRecebido": "{valor}"},
        {
            "metadados": {
                "cidadeprestacao": {"codigo": "3509502"},
                "regimeApuracaoTributosSN": "1",
                "valorTotalRecebido": "1000.00",
            }
        },
    ),
    ("iss_withholding", "companies", {"nota_iss_retido": "sim"}, {"servico.issRetidoFonte": True}),
]  # fmt: skip
NAMED = [f"{name}-{number}" for number, (name, *_) in enumerate(FIELDS)]


def a_fiscal_sale(**changes: Any) -> SaleFacts:
    bill = a_bill(amount=AMOUNT, lines=(a_line(AMOUNT),), metadata=changes.pop("metadata", {}))
    return a_sale(bill, customer=a_customer(**changes))


def drafted(sale: SaleFacts, **rule: Any) -> NotaDraft:
    decision = decide(sale, a_rule(**rule), terms(), NOW)
    assert isinstance(decision, Issue), decision
    return decision.draft


def held(sale: SaleFacts, **rule: Any) -> Hold:
    decision = decide(sale, a_rule(**rule), terms(), NOW)
    assert isinstance(decision, Hold), decision
    return decision


def posted(draft: NotaDraft) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(encode(render_nota(KEY, draft, "Producao")))
    return body


def at(body: dict[str, Any], path: str) -> Any:
    found: Any = body
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found


def says(draft: NotaDraft, wanted: dict[str, Any]) -> None:
    body = posted(draft)
    assert {path: at(body, path) for path in wanted} == wanted


@pytest.mark.parametrize(("name", "value", "metadata", "wanted"), FIELDS, ids=NAMED)
def test_each_field_of_the_rule_reaches_the_issuer(
    name: str, value: Any, metadata: dict[str, str], wanted: dict[str, Any]
) -> None:
    says(drafted(a_fiscal_sale(), service={**PLAIN, name: value}), wanted)


@pytest.mark.parametrize(("name", "value", "metadata", "wanted"), FIELDS, ids=NAMED)
def test_each_field_of_a_product_reaches_the_issuer(
    name: str, value: Any, metadata: dict[str, str], wanted: dict[str, Any]
) -> None:
    rule = {"service": PLAIN, "services_by_product_code": {"PLANO": {**PLAIN, name: value}}}
    says(drafted(a_fiscal_sale(), **rule), wanted)


@pytest.mark.parametrize(("name", "value", "metadata", "wanted"), FIELDS, ids=NAMED)
def test_each_field_of_a_customer_of_the_rule_reaches_the_issuer(
    name: str, value: Any, metadata: dict[str, str], wanted: dict[str, Any]
) -> None:
    says(drafted(a_fiscal_sale(), service=PLAIN, customers={"C-9": {name: value}}), wanted)


@pytest.mark.parametrize("of", ["bill", "customer"])
@pytest.mark.parametrize(("name", "value", "metadata", "wanted"), FIELDS, ids=NAMED)
def test_each_field_of_the_metadata_reaches_the_issuer(
    name: str, value: Any, metadata: dict[str, str], wanted: dict[str, Any], of: str
) -> None:
    sale = a_fiscal_sale(metadata=metadata) if of == "bill" else a_sale(
        a_fiscal_sale().bill, customer=a_customer(metadata=metadata)
    )  # fmt: skip
    says(drafted(sale, service=PLAIN), wanted)


@pytest.mark.parametrize(("name", "value", "metadata", "wanted"), FIELDS, ids=NAMED)
def test_a_field_that_the_issuer_lacks_is_named_in_the_rule_and_on_the_nota(
    name: str, value: Any, metadata: dict[str, str], wanted: dict[str, Any]
) -> None:
    rule = a_rule(service={**PLAIN, name: value})
    if name == "iss_withholding":
        assert untaken_by(rule, frozenset()) == []
        return
    (((*place, field), word),) = untaken_by(rule, frozenset())
    assert (place, field) == (["service"], name)

    assert word in untaken_of(drafted(a_fiscal_sale(metadata=metadata), service=PLAIN), frozenset())
    assert untaken_by(rule, WORDS) == untaken_by(rule, EnotasIssuer.capabilities.fields) == []


def test_every_field_stands_in_this_table() -> None:
    tried = {name for name, *_ in FIELDS}
    elsewhere = {"show_discounts", "discount_kind", "rps_number"}
    assert set(NotaFields.model_fields) == tried | elsewhere
    assert set(CustomerFields.model_fields) - set(NotaFields.model_fields) == {
        "iss_withheld", "municipal_registration", "nif", "without_nif",
    }  # fmt: skip


def test_nothing_is_said_that_nobody_stated() -> None:
    body = posted(drafted(a_fiscal_sale(), service=PLAIN))
    assert set(body) == {
        "tipo", "idExterno", "ambienteEmissao", "enviarPorEmail", "dataCompetencia", "cliente",
        "servico", "valorTotal",
    }  # fmt: skip
    assert set(body["servico"]) == {
        "descricao", "aliquotaIss", "issRetidoFonte", "itemListaServicoLC116"
    }  # fmt: skip


def test_the_later_layer_has_the_word() -> None:
    layers: dict[str, Any] = {"service": {**PLAIN, "nature": "1"}}
    says(drafted(a_fiscal_sale(), **layers), {"naturezaOperacao": "1"})
    layers["services_by_product_code"] = {"PLANO": {**PLAIN, "nature": "2"}}
    says(drafted(a_fiscal_sale(), **layers), {"naturezaOperacao": "2"})
    layers["customers"] = {"C-9": {"nature": "3"}}
    says(drafted(a_fiscal_sale(), **layers), {"naturezaOperacao": "3"})
    customer = a_customer(metadata={"Nota_Natureza": "4"})
    bill = a_fiscal_sale().bill
    says(drafted(a_sale(bill, customer=customer), **layers), {"naturezaOperacao": "4"})
    sale = a_sale(a_fiscal_sale(metadata={"nota_natureza": "5"}).bill, customer=customer)
    says(drafted(sale, **layers), {"naturezaOperacao": "5"})


def test_a_customer_is_named_by_its_id_too() -> None:
    draft = drafted(a_fiscal_sale(code=None), service=PLAIN, customers={"9": {"nature": "3"}})
    says(draft, {"naturezaOperacao": "3"})


def test_a_product_takes_from_the_rule_what_it_does_not_state() -> None:
    rule = {
        "service": {**PLAIN, "municipal_code": "03115", "nature": "1", "special_regime": "6"},
        "services_by_product_code": {"PLANO": {"lc116": "1.07", "nature": "2"}},
    }
    says(
        drafted(a_fiscal_sale(), **rule),
        {
            "naturezaOperacao": "2",
            "servico.regimeEspecialTributacao": "6",
            # The service itself is the product's own, whole.
            "servico.itemListaServicoLC116": "1.07",
            "servico.codigoServicoMunicipio": None,
            "servico.aliquotaIss": None,
        },
    )


def test_metadata_completes_the_withholdings_of_the_rule_and_can_end_them() -> None:
    rule = {"service": {**PLAIN, "withholdings": {"irrf": "1.50"}}}
    more = drafted(a_fiscal_sale(metadata={"nota_inss": "11"}), **rule)
    says(more, {"servico.valorIr": 15.0, "servico.valorInss": 110.0})
    none = drafted(a_fiscal_sale(metadata={"nota_retencoes": "não"}), **rule)
    says(none, {"servico.valorIr": None, "servico.valorInss": None})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("nota_irrf", "abc"),
        ("nota_irrf", "150"),
        ("nota_irrf", ["1.5"]),
        ("nota_iss_retido", "talvez"),
        ("nota_municipio_prestacao", "Atlântida/SP"),
        ("nota_municipio_prestacao", "3509502x"),
        ("nota_pais_prestacao", "BR"),
        ("nota_deducoes", "mil"),
        ("nota_emails", "ana@, bia"),
        ("nota_suspensao_tipo", "1"),  # without its process
        ("nota_observacoes", "{nome}"),
        ("nota_numero_rps", "17"),
        ("nota_serie_rps", "SÉRIE GRANDE"),
        ("nota_tipo_desconto", "outro"),
        ("nota_retencoes", "sim"),
    ],
)
def test_metadata_that_cannot_be_used_holds_the_sale_and_names_its_key(
    key: str, value: Any
) -> None:
    of_bill = held(a_fiscal_sale(metadata={key: value}), service=PLAIN)
    assert of_bill.code == "metadata_invalid"
    assert of_bill.detail.startswith(f"{key}: ")

    customer = a_customer(metadata={key: value})
    of_customer = held(a_sale(a_fiscal_sale().bill, customer=customer), service=PLAIN)
    assert of_customer.code == "customer_metadata_invalid"
    assert of_customer.detail.startswith(f"{key}: ")


@pytest.mark.parametrize(
    "metadata",
    [
        {"nota_irrf": ""},
        {"nota_irrf": None},
        {"nota_irrf": "   "},
        {"nota_fiscal": "123"},
        {"nota": {"irrf": "1"}},
        {"irrf": "1.5"},
        {"_cc_email": "x@y.example"},
        {"inscricao_municipal": "ISENTO"},
        {"inscricao_municipal": ["1"]},
    ],
)
def test_metadata_that_is_none_of_ours_or_empty_says_nothing(metadata: dict[str, Any]) -> None:
    plain = drafted(a_fiscal_sale(), service=PLAIN)
    assert drafted(a_fiscal_sale(metadata=metadata), service=PLAIN) == plain
    customer = a_customer(metadata=metadata)
    assert drafted(a_sale(a_fiscal_sale().bill, customer=customer), service=PLAIN) == plain


@pytest.mark.parametrize(
    "key", ["inscricao_municipal", "nota_inscricao_municipal", "InscricaoMunicipal"]
)
def test_the_municipal_registration_of_a_buyer_who_withholds_is_sent(key: str) -> None:
    customer = a_customer(metadata={key: "1234567"})
    draft = drafted(
        a_sale(a_fiscal_sale().bill, customer=customer), service={**PLAIN, "iss_withheld": True}
    )
    says(draft, {"cliente.inscricaoMunicipal": "1234567", "servico.issRetidoFonte": True})


def test_our_own_key_for_the_registration_goes_before_the_plain_one() -> None:
    metadata = {"nota_inscricao_municipal": "7.654-3", "inscricao_municipal": "1234567"}
    customer = a_customer(metadata=metadata)
    draft = drafted(a_sale(a_fiscal_sale().bill, customer=customer), service=PLAIN)
    says(draft, {"cliente.inscricaoMunicipal": "7.654-3"})


def test_iss_is_withheld_from_seven_centavos_though_it_rounds_to_nothing() -> None:
    sale = a_sale(a_bill(amount=7, lines=(a_line(7),)))
    draft = drafted(sale, service={"lc116": "1.07", "iss_rate": "2.00", "iss_withheld": True})
    says(draft, {"valorTotal": 0.07, "servico.issRetidoFonte": True, "servico.aliquotaIss": 2.0})
    assert draft.net == 7


def test_no_tax_is_withheld_from_three_centavos_and_nothing_is_sent_for_it() -> None:
    sale = a_sale(a_bill(amount=3, lines=(a_line(3),)))
    rates = {"irrf": "1.50", "inss": "11.00", "waiver": None}
    says(
        drafted(sale, service={**PLAIN, "withholdings": rates}),
        {"servico.valorIr": None, "servico.valorInss": None, "valorTotal": 0.03},
    )


PERSON = "12345678909"
BY_POLICY: list[tuple[str, dict[str, Any], bool]] = [
    ("no", {}, False),
    ("companies", {}, True),
    ("companies", {"document": PERSON}, False),
    ("companies_of_same_city", {}, True),
    ("companies_of_same_city", {"address": an_address(city="Campinas", zip="13010000")}, False),
    ("companies_of_same_city", {"document": PERSON}, False),
    ("listed_customers", {}, False),
    ("listed_customers", {"code": "C-RETEM"}, True),
    ("listed_customers", {"code": "C-RETEM", "document": PERSON}, False),
    ("listed_customers", {"metadata": {"nota_iss_retido": "sim"}}, True),
    ("companies", {"metadata": {"nota_iss_retido": "não"}}, False),
    ("companies", {"metadata": {"nota_iss_retido": "sim"}, "document": PERSON}, False),
]


@pytest.mark.parametrize(("policy", "buyer", "withheld"), BY_POLICY)
def test_iss_is_withheld_by_policy_and_never_from_a_person(
    policy: str, buyer: dict[str, Any], withheld: bool
) -> None:
    draft = drafted(
        a_sale(a_fiscal_sale().bill, customer=a_customer(**buyer)),
        service={**PLAIN, "iss_withholding": policy},
        customers={"C-RETEM": {"iss_withheld": True}},
        seller_city={"city": "São Paulo", "state": "SP"},
    )
    says(draft, {"servico.issRetidoFonte": withheld})


def test_the_city_of_the_seller_is_asked_for_where_the_policy_needs_it() -> None:
    with pytest.raises(ValidationError, match="seller_city"):
        a_rule(service={**PLAIN, "iss_withholding": "companies_of_same_city"})


ALL = {"pis": "0.65", "cofins": "3.00", "csll": "1.00", "inss": "11.00", "irrf": "1.50"}


@pytest.mark.parametrize(
    ("amount", "rates", "wanted"),
    [
        # CSRF is waived by its sum, IRRF by itself, up to R$ 10,00 and not a centavo more.
        (21_505, ALL, {"valorPis": None, "valorCsll": None, "valorIr": None, "valorInss": 23.66}),
        (21_506, ALL, {"valorPis": None, "valorCofins": None, "valorCsll": None}),
        (21_560, ALL, {"valorPis": 1.4, "valorCofins": 6.47, "valorCsll": 2.16}),
        (66_666, ALL, {"valorIr": None}),
        (66_700, ALL, {"valorIr": None}),
        (66_701, ALL, {"valorIr": 10.01}),
        (21_505, {**ALL, "waiver": None}, {"valorPis": 1.4, "valorIr": 3.23}),
        (100_000, {**ALL, "waiver": "15.00"}, {"valorIr": None, "valorPis": 6.5}),
    ],
)
def test_small_withholdings_are_waived(
    amount: int, rates: dict[str, Any], wanted: dict[str, Any]
) -> None:
    sale = a_sale(a_bill(amount=amount, lines=(a_line(amount),)))
    body = posted(drafted(sale, service={**PLAIN, "withholdings": rates}))["servico"]
    assert {name: body.get(name) for name in wanted} == wanted


@pytest.mark.parametrize(
    ("amount", "rate", "cents"),
    [(50, "1.00", 0), (150, "1.00", 2), (250, "1.00", 2), (350, "1.00", 4), (10_050, "1.00", 100)],
)
def test_a_half_centavo_goes_to_the_even_one(amount: int, rate: str, cents: int) -> None:
    sale = a_sale(a_bill(amount=amount, lines=(a_line(amount),)))
    draft = drafted(sale, service={**PLAIN, "withholdings": {"inss": rate}})
    assert draft.withheld is not None
    assert draft.withheld.inss == cents


@pytest.mark.parametrize(
    ("rates", "kind"),
    [
        ({}, "0"),
        ({"pis": "0.65", "cofins": "3.00", "csll": "1.00"}, "3"),
        ({"pis": "0.65", "cofins": "3.00"}, "4"),
        ({"pis": "0.65"}, "5"),
        ({"cofins": "3.00"}, "6"),
        ({"cofins": "3.00", "csll": "1.00"}, "7"),
        ({"csll": "1.00"}, "8"),
        ({"pis": "0.65", "csll": "1.00"}, "9"),
    ],
)
def test_the_withholding_kind_is_that_of_what_is_withheld(rates: dict[str, str], kind: str) -> None:
    said = {"withholdings": {**rates, "waiver": None}, "pis_cofins_situation": "01"}
    says(
        drafted(a_fiscal_sale(), service={**PLAIN, **said}), {"servico.tipoRetencaoPisCofins": kind}
    )
    says(
        drafted(a_fiscal_sale(document=PERSON), service={**PLAIN, **said}),
        {"servico.tipoRetencaoPisCofins": "0", "servico.valorPis": None, "servico.valorCsll": None},
    )


def test_a_kind_that_says_otherwise_than_what_is_withheld_is_held() -> None:
    said = {"withholdings": {"csll": "1.00", "waiver": None}, "pis_cofins_withholding": "3"}
    assert held(a_fiscal_sale(), service={**PLAIN, **said}).code == "withholding_contradicts"
    said["pis_cofins_withholding"] = "omit"
    says(
        drafted(a_fiscal_sale(), service={**PLAIN, **said}), {"servico.tipoRetencaoPisCofins": None}
    )


@pytest.mark.parametrize("document", [None, PERSON])
def test_nobody_but_a_company_withholds_federal_taxes(document: str | None) -> None:
    draft = drafted(
        a_fiscal_sale(document=document),
        service={**PLAIN, "withholdings": ALL},
        customer_document_missing="issue_without",
    )
    assert draft.net == draft.amount


LINES = (
    a_line(100_000),
    a_line(-5_000, id=2),
    a_line(-5_000, id=3, product_id=None, product_code=None),
)


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        (
            "unconditional",
            {"descontos": 100.0, "descontoCondicionado": None, "servico.valorIr": 13.5},
        ),
        (
            "conditional",
            {"descontos": None, "descontoCondicionado": 100.0, "servico.valorIr": 15.0},
        ),
    ],
)
def test_discounts_are_shown_where_the_tenant_wants_them(kind: str, wanted: dict[str, Any]) -> None:
    sale = a_sale(a_bill(amount=90_000, lines=LINES))
    service = {**PLAIN, "withholdings": {"irrf": "1.50"}, "show_discounts": True}
    draft = drafted(sale, service={**service, "discount_kind": kind})
    says(draft, {"valorTotal": 1000.0, **wanted})
    assert draft.amount == 90_000

    says(drafted(sale, service=PLAIN), {"valorTotal": 900.0, "descontos": None})


def test_a_bill_can_ask_for_its_discounts_to_be_shown() -> None:
    metadata = {"nota_mostrar_descontos": "sim", "nota_tipo_desconto": "condicionado"}
    sale = a_sale(a_bill(amount=90_000, lines=LINES, metadata=metadata))
    says(drafted(sale, service=PLAIN), {"valorTotal": 1000.0, "descontoCondicionado": 100.0})


def test_a_product_discounted_away_is_in_neither_sum() -> None:
    gone = (a_line(5_000, id=4, product_id=8), a_line(-5_000, id=5, product_id=8))
    sale = a_sale(a_bill(amount=90_000, lines=(*LINES, *gone)))
    draft = drafted(sale, service={**PLAIN, "show_discounts": True})
    says(draft, {"valorTotal": 1000.0, "descontos": 100.0})


def test_deductions_above_the_price_are_held() -> None:
    found = held(a_fiscal_sale(), service={**PLAIN, "deductions": "1000.01"})
    assert found.code == "nota_values_impossible"
    assert found.detail == "deduções de R$ 1000,01, acima da base de R$ 1000,00"


def test_copies_go_to_nobody_where_the_nota_is_not_mailed() -> None:
    service = {**PLAIN, "more_emails": ["a@cliente.example"]}
    draft = drafted(a_fiscal_sale(), service=service)
    assert "dadosAdicionaisEmail" not in render_nota(KEY, draft, "Homologacao")
    silent = drafted(a_fiscal_sale(), service=service, send_email=False)
    assert "dadosAdicionaisEmail" not in posted(silent)


LISBON = Address(
    street="Rua Augusta", number="10", city="Lisboa", state="Lisboa", zip="1100048", country="PT"
)


def test_a_buyer_abroad_is_told_as_the_national_layout_wants_it() -> None:
    sale = a_fiscal_sale(address=LISBON, document=None, metadata={})
    customer = a_customer(address=LISBON, document=None, metadata={"nota_nif": "PT501964843"})
    says(
        drafted(a_sale(sale.bill, customer=customer), service=PLAIN, customer_foreign="issue"),
        {
            "cliente.tipoPessoa": "F",
            "cliente.cpfCnpj": None,
            "cliente.endereco.uf": "EX",
            "cliente.endereco.cidade": "Lisboa",
            "cliente.endereco.pais": "Portugal",
            "cliente.endereco.cep": "1100048",
            "metadados": {"nif": "PT501964843", "codigoPais": "PT", "provincia": "Lisboa"},
        },
    )


@pytest.mark.parametrize(
    ("customer", "rule", "said"),
    [
        ({"document": "PT501964843"}, {}, {"nif": "PT501964843", "naoNif": None}),
        ({"metadata": {"nota_sem_nif": "2"}}, {}, {"nif": None, "naoNif": "2"}),
        ({}, {"customer_foreign_without_nif": "1"}, {"nif": None, "naoNif": "1"}),
    ],
)
def test_a_buyer_abroad_has_a_number_or_a_reason(
    customer: dict[str, Any], rule: dict[str, Any], said: dict[str, Any]
) -> None:
    buyer = a_customer(**{"address": LISBON, "document": None, **customer})
    draft = drafted(
        a_sale(a_fiscal_sale().bill, customer=buyer),
        service=PLAIN, customer_foreign="issue", customer_foreign_kind="E", **rule,
    )  # fmt: skip
    says(draft, {f"metadados.{name}": text for name, text in said.items()})
    says(draft, {"cliente.tipoPessoa": "E"})


def test_a_buyer_abroad_with_too_little_is_held_with_what_lacks() -> None:
    buyer = a_customer(address=Address(city="Lisboa", country="PT"), document=None)
    found = held(a_sale(a_fiscal_sale().bill, customer=buyer), customer_foreign="issue")
    assert (found.code, found.detail) == ("customer_foreign_incomplete", "street, zip, nif")


def test_a_buyer_abroad_withholds_nothing() -> None:
    buyer = a_customer(address=LISBON)  # with a CNPJ, and yet abroad
    draft = drafted(
        a_sale(a_fiscal_sale().bill, customer=buyer),
        service={**PLAIN, "withholdings": ALL, "iss_withholding": "companies"},
        customer_foreign="issue",
    )
    assert draft.net == draft.amount


def test_the_timeline_tells_the_arithmetic() -> None:
    sale = a_sale(a_bill(amount=90_000, lines=LINES))
    draft = drafted(
        sale,
        service={
            **PLAIN,
            "withholdings": {"irrf": "1.00", "inss": "11.00", "csll": "1.00"},
            "iss_withholding": "companies",
            "show_discounts": True,
            "deduction_rate": "10.00",
            "nature": "1",
        },
    )
    assert arithmetic(draft) == (
        "valor R$ 1000,00; desconto incondicionado R$ 100,00; base R$ 900,00; deduções R$ 90,00;"
        " base do ISS R$ 810,00; CSLL 1,00%: dispensado (PIS, COFINS e CSLL ≤ R$ 10,00);"
        " INSS 11,00% retido: R$ 99,00; IRRF 1,00%: dispensado (≤ R$ 10,00); ISS 5,00% retido:"
        " R$ 40,50; líquido R$ 760,50; tipo de retenção PIS/COFINS 0; natureza da operação 1"
    )
    assert arithmetic(drafted(a_fiscal_sale(), service=PLAIN)) == ""


def test_the_number_of_an_rps_is_left_to_the_issuer() -> None:
    with pytest.raises(ValidationError, match="número do RPS é dado pelo emissor"):
        a_rule(service={"rps_number": 17})


@pytest.mark.parametrize(
    "wrong",
    [
        {"withholdings": {"irrf": "1,5"}},
        {"withholdings": {"ir": "1.5"}},
        {"deductions": "1.00", "deduction_rate": "1.00"},
        {"iss_withheld": True, "iss_withholding": "companies"},
        {"extras": {"outroNome": "1"}},
        {"extras": {"cidadeprestacao": "1", "cidadeprestacao.codigo": "2"}},
        {"extras": {"cidadeprestacao": 1}},
        {"place": {"city": "Curitiba", "state": "SP"}},
        {"place": {"city": "Curitiba", "state": "PR", "country": "PT"}},
        {"place": {}},
        {"more_emails": ["ana@"]},
        {"observations": "{nada}"},
        {"suspension": {"kind": "1"}},
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        a_rule(service=wrong)


def test_a_rule_is_stored_as_it_was_put() -> None:
    told = {"extras": {"cidadeprestacao": "1"}, "place": {"city": "Curitiba", "state": "PR"}}
    rule = a_rule(service=told, customers={"C-9": {"iss_withheld": True}})
    drafted(a_fiscal_sale(), service=told)
    stored = rule.model_dump(mode="json", by_alias=True)
    assert stored["service"]["extras"] == {"cidadeprestacao": "1"}
    assert a_rule(**stored) == rule


TWO = (a_line(60_000, product_code="A"), a_line(40_000, id=2, product_id=8, product_code="B"))


def the_parts(sale: SaleFacts, **rule: Any) -> list[NotaDraft]:
    """The notas of a bill, each as it is drafted in its turn."""
    first = decide(sale, a_rule(**rule), terms(), NOW)
    assert isinstance(first, Issue), first
    drafts = [first.draft]
    shares = first.division or ()
    for share in shares[1:]:
        parts = [Part(share=one, status=NotaStatus.ISSUED, revision=1) for one in shares]
        parts[share.part - 1] = Part(share=share)
        later = replace(sale, parts=tuple(parts), competencia=first.competencia)
        decision = decide(later, a_rule(**rule), terms(), NOW)
        assert isinstance(decision, Issue), decision
        drafts.append(decision.draft)
    return drafts


def test_products_with_their_own_withholdings_have_notas_of_their_own() -> None:
    rule = {
        "service": PLAIN,
        "services_by_product_code": {"B": {**PLAIN, "withholdings": {"irrf": "4.00"}}},
    }
    drafts = the_parts(a_sale(a_bill(amount=100_000, lines=TWO)), **rule)
    assert [at(posted(one), "valorTotal") for one in drafts] == [600.0, 400.0]
    assert [at(posted(one), "servico.valorIr") for one in drafts] == [None, 16.0]


def test_products_that_come_to_the_same_with_the_rule_share_a_nota() -> None:
    rule = {
        "service": {**PLAIN, "nature": "1"},
        "services_by_product_code": {"B": PLAIN, "A": {**PLAIN, "nature": "1"}},
    }
    (draft,) = the_parts(a_sale(a_bill(amount=100_000, lines=TWO)), **rule)
    says(draft, {"valorTotal": 1000.0, "naturezaOperacao": "1"})


def test_the_waiver_looks_at_all_notas_of_one_payment() -> None:
    rates = {"withholdings": {"irrf": "1.50"}}
    rule = {
        "service": {**PLAIN, **rates},
        "services_by_product_code": {"B": {**PLAIN, "lc116": "1.07"}},
    }
    # 600 and 400 come to 9.00 and 6.00: each alone would be waived, the payment owes 15.00.
    drafts = the_parts(a_sale(a_bill(amount=100_000, lines=TWO)), **rule)
    assert [at(posted(one), "servico.valorIr") for one in drafts] == [9.0, 6.0]


def test_the_notas_of_a_bill_share_its_discount() -> None:
    lines = (*TWO, a_line(-10_000, id=3, product_id=None, product_code=None))
    rule = {
        "service": {**PLAIN, "show_discounts": True},
        "services_by_product_code": {"B": {**PLAIN, "lc116": "1.07"}},
    }
    drafts = the_parts(a_sale(a_bill(amount=90_000, lines=lines)), **rule)
    assert [one.amount for one in drafts] == [54_000, 36_000]
    assert [at(posted(one), "valorTotal") for one in drafts] == [600.0, 400.0]
    assert [at(posted(one), "descontos") for one in drafts] == [60.0, 40.0]


def test_an_amount_in_reais_is_not_guessed_to_be_of_one_of_several_notas() -> None:
    bill = a_bill(amount=100_000, lines=TWO, metadata={"nota_deducoes": "100"})
    rule = {"service": PLAIN, "services_by_product_code": {"B": {"lc116": "1.07"}}}
    assert held(a_sale(bill), **rule).code == "nota_values_impossible"


def test_a_nota_denied_for_its_buyer_is_not_sent_again_for_what_metadata_says_as_before() -> None:
    bill = replace(a_fiscal_sale().bill, metadata={"nota_inscricao_municipal": "123"})
    sent = drafted(a_sale(bill), service=PLAIN).tomador
    rule = a_rule(service=PLAIN)
    assert not buyer_mended(a_sale(bill), rule, sent)
    other = replace(bill, metadata={"nota_inscricao_municipal": "124"})
    assert buyer_mended(a_sale(other), rule, sent)
    bad = replace(bill, metadata={"nota_irrf": "?"})
    assert not buyer_mended(a_sale(bad), rule, sent)


@given(
    amount=st.integers(1, 10**9),
    rates=st.dictionaries(
        st.sampled_from(["pis", "cofins", "csll", "inss", "irrf"]),
        st.integers(0, 1500).map(lambda rate: f"{rate / 100:.2f}"),
    ),
)
def test_whatever_is_withheld_each_tax_is_its_rate_to_the_centavo(
    amount: int, rates: dict[str, str]
) -> None:
    sale = a_sale(a_bill(amount=amount, lines=(a_line(amount),)))
    draft = drafted(sale, service={**PLAIN, "withholdings": {**rates, "waiver": None}})
    body = posted(draft)["servico"]
    sent = 0
    for tax, field in (
        ("pis", "valorPis"), ("cofins", "valorCofins"), ("csll", "valorCsll"),
        ("inss", "valorInss"), ("irrf", "valorIr"),
    ):  # fmt: skip
        exact = Decimal(amount) * Decimal(rates.get(tax, "0")) / 100
        cents = int(exact.to_integral_value(rounding=ROUND_HALF_EVEN))
        assert body.get(field) == (cents / 100 or None)
        sent += cents
    assert draft.net == amount - sent
