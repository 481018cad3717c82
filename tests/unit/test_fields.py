"""Each field from rule, product, customer and bill to the posted body (docs/fiscal.md)."""

import re
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from pydantic import ValidationError

from shared.domain.draft import buyer_mended
from shared.domain.fields.keys import KEYS
from shared.domain.fields.stated import CustomerFields, NotaFields
from shared.domain.fields.words import WORDS, untaken_by, untaken_of
from shared.domain.rule import Rule
from shared.issuer.enotas.client import EnotasIssuer
from tests.builders import a_customer, a_rule, a_sale
from tests.unit.fiscal import PLAIN, a_fiscal_sale, drafted, held, posted, says

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
    elsewhere = {"show_discounts", "discount_kind", "rps_number"}  # each with tests of its own
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
        {"inscricao_municipal": "000000"},
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


def test_one_number_for_every_nota_is_refused() -> None:
    with pytest.raises(ValidationError, match="um número fixo se repetiria"):
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


def test_a_nota_denied_for_its_buyer_is_not_sent_again_for_what_metadata_says_as_before() -> None:
    bill = replace(a_fiscal_sale().bill, metadata={"nota_inscricao_municipal": "123"})
    sent = drafted(a_sale(bill), service=PLAIN).tomador
    rule = a_rule(service=PLAIN)
    assert not buyer_mended(a_sale(bill), rule, sent)
    other = replace(bill, metadata={"nota_inscricao_municipal": "124"})
    assert buyer_mended(a_sale(other), rule, sent)
    bad = replace(bill, metadata={"nota_irrf": "?"})
    assert not buyer_mended(a_sale(bad), rule, sent)


PAGE = (Path(__file__).parents[2] / "docs" / "fiscal.md").read_text(encoding="utf-8")


def test_the_page_for_accountants_names_every_field_and_every_key() -> None:
    unnamed = {name for name in CustomerFields.model_fields if name not in PAGE}
    assert unnamed <= {
        "nif",
        "without_nif",
    }  # by their metadata, and `customer_foreign_without_nif`
    assert {key for key in KEYS if f"nota_{key}" not in PAGE} <= {"numero_rps"}


def test_the_examples_for_accountants_are_rules() -> None:
    examples = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert len(examples) == 3
    rules = [Rule.model_validate_json(example) for example in examples]
    assert all(rule.service.iss_rate or rule.cities for rule in rules)


NUMBERED = {**PLAIN, "rps_series": "1", "rps_number": "sequence"}


@pytest.mark.parametrize(
    ("rule", "metadata"),
    [
        ({"service": NUMBERED}, {}),
        (
            {
                "service": {**PLAIN, "rps_series": "1"},
                "services_by_product_code": {"PLANO": {**PLAIN, "rps_number": "sequence"}},
            },
            {},
        ),
        (
            {
                "service": {**PLAIN, "rps_series": "1"},
                "customers": {"C-9": {"rps_number": "sequence"}},
            },
            {},
        ),
        ({"service": PLAIN}, {"nota_serie_rps": "1", "nota_numero_rps": "Sequência"}),
    ],
)
def test_who_numbers_the_rps_is_stated_like_any_field(
    rule: dict[str, Any], metadata: dict[str, str]
) -> None:
    draft = drafted(a_fiscal_sale(metadata=metadata), **rule)
    assert (draft.numbered, draft.rps_series, draft.rps_number) == (True, "1", None)
    assert untaken_of(draft, WORDS - {"rps_number"}) == ["rps_number"]
    back = drafted(a_fiscal_sale(metadata={**metadata, "nota_numero_rps": "emissor"}), **rule)
    assert not back.numbered


def test_a_number_without_its_series_is_refused_or_held() -> None:
    with pytest.raises(ValidationError, match="rps_series: é obrigatória"):
        a_rule(service={**PLAIN, "rps_number": "sequence"})
    with pytest.raises(ValidationError, match="rps_series: é obrigatória"):
        a_rule(service=PLAIN, customers={"C-9": {"rps_number": "sequence"}})
    asked = held(a_fiscal_sale(metadata={"nota_numero_rps": "sequência"}), service=PLAIN)
    assert asked.code == "rps_series_missing"
