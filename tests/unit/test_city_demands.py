"""What a city demands, as the accountant states it, holds what that city would refuse."""

from typing import Any

import pytest
from msgspec.structs import replace
from pydantic import ValidationError

from shared.domain.decide import decide
from shared.domain.decision import Hold, Issue
from shared.domain.sale import Seller
from tests.builders import NOW, a_bill, a_customer, a_rule, a_sale, an_address, terms
from tests.unit.test_field_checks import refused

HERE, CAMPINAS = "3550308", "3509502"
SELLER = Seller(cnpj="99999999000191", city=HERE)


def decided(
    cities: dict[str, Any], seller: Seller | None = SELLER, customer: Any = None, **service: Any
) -> Issue | Hold:
    rule = a_rule(service={"lc116": "1.07", "iss_rate": "2.00", **service}, cities=cities)
    sale = a_sale(a_bill(), customer=customer or a_customer())
    decision = decide(sale, rule, replace(terms(), seller=seller), NOW)
    assert isinstance(decision, Issue | Hold)
    return decision


def detail_of(decision: Issue | Hold) -> str:
    assert isinstance(decision, Hold), decision
    return decision.detail


@pytest.mark.parametrize(
    ("demands", "rate", "said"),
    [
        ({"iss_rate": "forbidden"}, "2.00", "E0617"),
        ({"iss_rate": "required"}, None, "E0619"),
        ({"iss_rate_least": "2.50"}, "2.49", "2,50 % ou mais"),
        ({"iss_rate_most": "4.00"}, "4.01", "4,00 % ou menos"),
    ],
)
def test_a_rate_that_the_city_would_refuse_is_held(
    demands: dict[str, str], rate: str | None, said: str
) -> None:
    found = decided({HERE: demands}, iss_rate=rate)
    assert isinstance(found, Hold)
    assert found.code == "denied_service"
    assert said in detail_of(found)


@pytest.mark.parametrize(
    ("demands", "service"),
    [
        ({"iss_rate": "forbidden"}, {"iss_rate": None}),
        ({"iss_rate": "required"}, {}),
        ({"iss_rate": "required"}, {"iss_rate": None, "export": True}),
        ({"iss_rate_least": "2.00", "iss_rate_most": "2.00"}, {}),
        ({"iss_rate_least": "3.00"}, {"iss_rate": None}),
        ({}, {}),
    ],
)
def test_what_the_city_takes_is_issued(demands: dict[str, str], service: dict[str, Any]) -> None:
    assert isinstance(decided({HERE: demands}, **service), Issue)


def test_the_rate_is_of_the_city_where_iss_is_due() -> None:
    works: dict[str, Any] = {"lc116": "7.02", "place": {"city": "Campinas", "state": "SP"}}
    cities = {HERE: {"iss_rate": "forbidden"}, CAMPINAS: {"iss_rate": "required"}}
    assert isinstance(decided(cities, **works), Issue)
    assert "E0619" in detail_of(decided(cities, iss_rate=None, **works))


def test_a_city_nobody_told_us_of_speaks_against_nothing() -> None:
    cities = {HERE: {"iss_rate": "forbidden", "buyer": ["email"]}}
    assert isinstance(decided(cities, seller=None), Issue)
    assert isinstance(decided(cities, seller=replace(SELLER, city=CAMPINAS)), Issue)


@pytest.mark.parametrize(
    ("demand", "customer", "code"),
    [
        ("email", {"email": "ana@"}, "denied_contact"),
        ("phone", {"phone": None, "phones": ()}, "denied_contact"),
        ("number", {"address": an_address(number=None)}, "denied_address"),
        ("number", {"address": an_address(number="S/N")}, "denied_address"),
        ("municipal_registration", {}, "denied_document"),
    ],
)
def test_what_the_city_demands_of_a_buyer_is_asked_for_before(
    demand: str, customer: dict[str, Any], code: str
) -> None:
    found = decided({HERE: {"buyer": [demand]}}, customer=a_customer(**customer))
    assert isinstance(found, Hold)
    assert found.code == code
    assert "a cidade da empresa exige" in found.detail


def test_a_buyer_who_has_all_of_it_gets_the_nota() -> None:
    whole = a_customer(
        email="ana@loja.com.br",
        phone="1133334444",
        address=an_address(number="12"),
        metadata={"inscricao_municipal": "123456"},
    )
    demands = ["document", "address", "number", "email", "phone", "municipal_registration"]
    assert isinstance(decided({HERE: {"buyer": demands}}, customer=whole), Issue)


@pytest.mark.parametrize(
    ("cities", "field"),
    [
        ({"3550309": {}}, "cities.3550309"),
        ({HERE: {"iss_rate_least": "5", "iss_rate_most": "2"}}, f"cities.{HERE}.iss_rate_least"),
        ({HERE: {"iss_rate": "forbidden", "iss_rate_most": "2"}}, f"cities.{HERE}.iss_rate"),
    ],
)
def test_demands_that_no_city_has_are_refused(cities: dict[str, Any], field: str) -> None:
    assert field in refused(cities=cities)


@pytest.mark.parametrize("cities", [{"São Paulo": {}}, {HERE: {"buyer": ["idade"]}}])
def test_demands_of_another_shape_are_refused(cities: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        a_rule(cities=cities)
