"""What a MEI, a company of Simples, or one outside of it cannot say on a nota."""

from typing import Any

import pytest
from pydantic import ValidationError

from shared.domain.decision import Hold
from shared.domain.money import Cents
from shared.domain.nota import OwnPisCofins, Withheld
from shared.domain.prechecks import precheck
from shared.domain.regime import Regime, regime_warnings
from shared.domain.sale import Seller
from shared.domain.sending import seller_by
from tests.builders import a_rule
from tests.unit.fiscal import a_fiscal_sale, held
from tests.unit.test_prechecks import a_draft

OWN = OwnPisCofins(
    base=Cents(100), pis_rate="0.65", pis=Cents(1), cofins_rate="3.00", cofins=Cents(3)
)
APPORTIONED = "regimeApuracaoTributosSN"


def refused(rule: dict[str, Any]) -> dict[str, str]:
    """What is wrong where, by the official code."""
    with pytest.raises(ValidationError) as caught:
        a_rule(**rule)
    found = {}
    for one in caught.value.errors():
        found[".".join(map(str, one["loc"]))] = one["msg"].partition("(")[2][:5]
    return found


@pytest.mark.parametrize(
    ("regime", "service", "more", "code"),
    [
        ("mei", {}, {}, None),
        ("mei", {"special_regime": "0"}, {}, None),
        ("mei", {"iss_withheld": True}, {}, "E0583"),
        ("mei", {"iss_rate": "2.00"}, {}, "E0600"),
        ("mei", {"special_regime": "6"}, {}, "E0174"),
        ("mei", {"pis_cofins_situation": "01"}, {}, "E0676"),
        ("mei", {"pis_cofins_withholding": "0"}, {}, "E0676"),
        ("mei", {"own_pis_cofins": OWN}, {}, "E0676"),
        ("mei", {}, {"withheld": Withheld(irrf=Cents(150))}, "E0676"),
        ("mei", {}, {"extras": {APPORTIONED: "1"}}, "E0162"),
        ("simples", {"iss_rate": "2.00"}, {}, None),
        ("simples", {"iss_withheld": True}, {}, "E0621"),
        ("simples", {"iss_withheld": True, "iss_rate": "1.79"}, {}, "E0621"),
        ("simples", {"iss_withheld": True, "iss_rate": "1.80"}, {}, None),
        ("simples", {"special_regime": "6"}, {"extras": {APPORTIONED: "1"}}, "E0175"),
        ("simples", {"special_regime": "6"}, {"extras": {APPORTIONED: "2"}}, None),
        ("normal", {"iss_withheld": True}, {}, None),
        ("normal", {}, {"extras": {APPORTIONED: "1"}}, "E0162"),
        (None, {"iss_withheld": True}, {"extras": {APPORTIONED: "1"}}, None),
    ],
)
def test_a_nota_that_its_regime_does_not_allow_is_held(
    regime: Regime | None, service: dict[str, Any], more: dict[str, Any], code: str | None
) -> None:
    found = precheck(a_draft(service=service, **more), Seller(cnpj=None, regime=regime))
    if code is None:
        assert found is None
    else:
        assert isinstance(found, Hold)
        assert found.code == "denied_service"
        assert found.detail.endswith(f"[{code}]")


@pytest.mark.parametrize(
    ("rule", "problems"),
    [
        ({"regime": "mei", "service": {"iss_rate": "2.00"}}, {"service.iss_rate": "E0600"}),
        ({"regime": "mei", "service": {"iss_withheld": True}}, {"service.iss_withheld": "E0583"}),
        (
            {"regime": "mei", "service": {"iss_withholding": "companies"}},
            {"service.iss_withholding": "E0583"},
        ),
        (
            {"regime": "mei", "services_by_product_code": {"X": {"special_regime": "1"}}},
            {"services_by_product_code.X.special_regime": "E0174"},
        ),
        (
            {
                "regime": "mei",
                "customers": {"C-1": {"iss_withheld": True, "withholdings": {"irrf": "1.50"}}},
            },
            {"customers.C-1.iss_withheld": "E0583", "customers.C-1.withholdings": "E0676"},
        ),
        (
            {"regime": "mei", "service": {"extras": {APPORTIONED: "1"}}},
            {"service.extras": "E0162"},
        ),
        ({"regime": "simples", "service": {"iss_withheld": True}}, {"service.iss_rate": "E0621"}),
        (
            {"regime": "simples", "service": {"iss_withholding": "companies", "iss_rate": "1.5"}},
            {"service.iss_rate": "E0621"},
        ),
        (
            {
                "regime": "simples",
                "service": {"iss_rate": "2.00", "iss_withholding": "companies"},
                "services_by_product_code": {"X": {"lc116": "1.07"}},
            },
            {"services_by_product_code.X.iss_rate": "E0621"},
        ),
        (
            {
                "regime": "simples",
                "service": {"special_regime": "6", "extras": {APPORTIONED.lower(): "1"}},
            },
            {"service.special_regime": "E0175"},
        ),
        ({"regime": "normal", "service": {"extras": {APPORTIONED: "1"}}},
         {"service.extras": "E0162"}),
    ],
)  # fmt: skip
def test_a_rule_that_its_regime_does_not_allow_is_refused_where_it_says_so(
    rule: dict[str, Any], problems: dict[str, str]
) -> None:
    assert refused(rule) == problems


@pytest.mark.parametrize(
    "rule",
    [
        {"regime": "mei", "service": {"lc116": "1.07", "withholdings": {}}},
        {"regime": "mei", "service": {"iss_withholding": "no", "special_regime": "0"}},
        {"regime": "simples", "service": {"iss_withheld": True, "iss_rate": "2.01"}},
        {
            "regime": "simples",
            "service": {"iss_withheld": True, "iss_rate": "2.01"},
            "services_by_product_code": {"X": {"lc116": "1.07"}},
        },
        {"regime": "normal", "service": {"iss_withheld": True}},
        {"service": {"iss_withheld": True, "extras": {APPORTIONED: "1"}}},
    ],
)
def test_what_a_regime_allows_is_taken(rule: dict[str, Any]) -> None:
    a_rule(**rule)


def test_what_metadata_states_against_the_regime_holds_the_sale() -> None:
    sale = a_fiscal_sale(metadata={"nota_iss_retido": "sim"})
    found = held(sale, regime="mei", service={"lc116": "17.01"})
    assert (found.code, found.detail[-7:]) == ("denied_service", "[E0583]")


def test_what_is_unusual_for_a_regime_is_asked_about() -> None:
    rule = a_rule(regime="simples", service={"withholdings": {"irrf": "1.50"}})
    (only,) = regime_warnings(rule, None)
    assert (only.code, only.field) == ("simples_federal_withheld", "service.withholdings")
    normal = Seller(cnpj=None, regime="normal")
    assert next(one.code for one in regime_warnings(rule, normal)) == "regime_differs"
    inss = a_rule(regime="simples", service={"withholdings": {"inss": "11.00"}})
    assert list(regime_warnings(inss, Seller(cnpj=None, regime="simples"))) == []
    assert list(regime_warnings(a_rule(), normal)) == []


def test_the_rules_word_on_the_company_goes_before_its_registration() -> None:
    registered = Seller(cnpj="11222333000181", city="3550308", regime="simples")
    assert seller_by(a_rule(), registered) is registered
    assert seller_by(a_rule(regime="mei"), registered) == Seller(
        cnpj="11222333000181", city="3550308", regime="mei"
    )
    told = seller_by(a_rule(seller_city={"city": "Campinas", "state": "SP"}), None)
    assert told == Seller(cnpj=None, city="3509502")
