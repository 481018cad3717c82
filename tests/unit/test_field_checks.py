"""Which fiscal fields a rule may state: refused, asked about, or taken."""

from typing import Any

import pytest
from pydantic import ValidationError

from shared.domain.countries import NAMES, country_name, is_country
from shared.domain.field_checks import field_warnings
from shared.domain.rule import STORED, Rule
from tests.builders import a_rule

SERVICE = {"municipal_code": "1", "lc116": "1.07"}


def refused(**rule: Any) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        a_rule(**rule)
    return [".".join(map(str, one["loc"])) for one in caught.value.errors()]


def asked(**rule: Any) -> list[tuple[str, str]]:
    return [(one.code, one.field) for one in field_warnings(a_rule(**rule))]


NONSENSE: list[tuple[dict[str, Any], str]] = [
    ({"export": True, "iss_withheld": True}, "iss_withheld"),
    ({"export": True, "iss_withholding": "companies"}, "iss_withholding"),
    ({"immunity": "1", "iss_withheld": True}, "iss_withheld"),
    ({"special_regime": "1", "iss_withheld": True}, "iss_withheld"),
    ({"immunity": "1", "export": True}, "immunity"),
    ({"immunity": "1", "suspension": {"kind": "1", "process": "7"}}, "suspension"),
    ({"suspension": {"kind": "1", "process": " "}}, "suspension.process"),
    ({"suspension": {"kind": " 1", "process": "7"}}, "suspension.kind"),
    ({"nature": " "}, "nature"),
    ({"nature": "1 "}, "nature"),
    ({"special_regime": " "}, "special_regime"),
    ({"city_text": "  "}, "city_text"),
    ({"observations": " \n "}, "observations"),
    ({"foreign_trade": {"currency": "978", "amount": "0"}}, "foreign_trade.amount"),
    ({"foreign_trade": {"amount": "10.00"}}, "foreign_trade.currency"),
    ({"place": {"country": "XX"}}, "place.country"),
    ({"pis_cofins_situation": "10"}, "pis_cofins_situation"),
    ({"pis_cofins_situation": "58"}, "pis_cofins_situation"),
    ({"withholdings": {"inss": "60", "irrf": "60"}}, "withholdings"),
    ({"more_emails": [".ana@loja.com.br"]}, "more_emails.0"),
    ({"more_emails": ["ana@loja.com.br", "ana@-loja.com"]}, "more_emails.1"),
    ({"extras": {"valorTotalRecebido": "{fatura}"}}, "extras"),
    ({"extras": {"valorTotalRecebido": "muito"}}, "extras"),
    ({"extras": {"regimeApuracaoTributosSN": "9"}}, "extras"),
    ({"extras": {"valorPercentualTributosFederal": "alto"}}, "extras"),
    ({"extras": {"valorPercentualTributosMunicipal": "101"}}, "extras"),
    ({"extras": {"cidadeprestacao.codigo": " "}}, "extras"),
]


@pytest.mark.parametrize(("fields", "field"), NONSENSE)
def test_what_no_nota_could_carry_is_refused_wherever_it_is_stated(
    fields: dict[str, Any], field: str
) -> None:
    assert f"service.{field}" in refused(service={**SERVICE, **fields})
    assert f"customers.C-1.{field}" in refused(service=SERVICE, customers={"C-1": fields})
    product = {"services_by_product_code": {"P": {**SERVICE, **fields}}}
    assert f"services_by_product_code.P.{field}" in refused(service=SERVICE, **product)


@pytest.mark.parametrize(
    ("fields", "warning"),
    [
        ({"withholdings": {"irrf": "0.015"}}, ("rate_fraction", "withholdings.irrf")),
        ({"withholdings": {"inss": "0.11"}}, ("rate_fraction", "withholdings.inss")),
        ({"withholdings": {"pis": "0.0065"}}, ("rate_fraction", "withholdings.pis")),
        ({"withholdings": {"irrf": "150"}}, None),
        ({"withholdings": {"irrf": "31"}}, ("rate_high", "withholdings.irrf")),
        (
            {"own_pis_cofins": {"pis_rate": "0.0165", "cofins_rate": "7.60"}},
            ("rate_fraction", "own_pis_cofins.pis_rate"),
        ),
        ({"approximate_taxes": "0.1345"}, ("rate_fraction", "approximate_taxes")),
        ({"deduction_rate": "0.40"}, ("rate_fraction", "deduction_rate")),
        ({"deduction_rate": "100"}, ("deduction_of_all", "deduction_rate")),
        ({"special_regime": "8"}, ("special_regime_unlisted", "special_regime")),
        ({"immunity": "9"}, ("immunity_unlisted", "immunity")),
        ({"suspension": {"kind": "9", "process": "7"}}, ("suspension_unlisted", "suspension.kind")),
        (
            {"pis_cofins_withholding": "xpto"},
            ("pis_cofins_withholding_unlisted", "pis_cofins_withholding"),
        ),
    ],
)
def test_what_is_seldom_meant_is_asked_about(
    fields: dict[str, Any], warning: tuple[str, str] | None
) -> None:
    if warning is None:
        assert refused(service={**SERVICE, **fields})
        return
    code, field = warning
    assert asked(service={**SERVICE, **fields}) == [(code, f"service.{field}")]
    assert asked(service=SERVICE, customers={"7": fields}) == [(code, f"customers.7.{field}")]


def test_a_rate_beside_export_or_immunity_is_asked_about() -> None:
    rated = {**SERVICE, "iss_rate": "2.00"}
    assert asked(service={**rated, "export": True}) == [("iss_rate_untaxed", "service.iss_rate")]
    assert asked(service={**rated, "immunity": "1"}) == [("iss_rate_untaxed", "service.iss_rate")]
    assert asked(service=rated, customers={"C-1": {"export": True}}) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"withholdings": {"pis": "0.65", "cofins": "3", "csll": "1", "irrf": "1.5", "inss": "11"}},
        {"withholdings": {"irrf": "0", "inss": "3.5"}},
        {"withholdings": {"irrf": "0.24"}},
        {"own_pis_cofins": {"pis_rate": "0.65", "cofins_rate": "3.00"}},
        {"approximate_taxes": "13.45", "deduction_rate": "40", "special_regime": "0"},
        {"immunity": "0", "pis_cofins_situation": "99"},
        {"observations": "Contrato 7\n", "more_emails": ["fiscal@cliente.example"]},
        {"extras": {"valorTotalRecebido": "{valor}", "regimeApuracaoTributosSN": "1"}},
        {"place": {"country": "PT"}, "export": True},
        {"place": {"country": "Wakanda do Norte"}},
        {"foreign_trade": {"currency": "978", "amount": "10.00"}},
    ],
)
def test_what_an_accountant_states_is_taken_without_a_question(fields: dict[str, Any]) -> None:
    assert asked(service={**SERVICE, **fields}) == []


@pytest.mark.parametrize("customer", ["", " ", "C-1 "])
def test_a_customer_that_nobody_is_is_refused(customer: str) -> None:
    assert "customers" in refused(service=SERVICE, customers={customer: {"nature": "1"}})


def test_a_rule_in_force_is_read_again_whatever_is_refused_by_now() -> None:
    told = {"issue_when": "bill_paid", "service": {"nature": " ", "export": True, "immunity": "1"}}
    assert Rule.model_validate(told, context=STORED).service.nature == " "


def test_every_country_has_its_name() -> None:
    assert len(NAMES) == 250
    assert country_name("hk") == "Hong Kong"
    assert country_name("RU") == "Rússia"
    assert not is_country("XX")
