"""What a nota says of its customer, and what a sale is held for."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from pydantic import ValidationError

from shared.domain.bill import Address, Customer
from shared.domain.choose_rule import amounts_by_service
from shared.domain.decide import decide
from shared.domain.decision import Hold, Issue
from shared.domain.ids import ExternalId
from shared.domain.nota import NotaDraft
from shared.issuer.enotas.payloads import render_nota
from tests.builders import (
    NOW,
    a_bill,
    a_customer,
    a_line,
    a_rule,
    a_sale,
    an_address,
    terms,
)

LISBON = an_address(
    street="Rua Inventada", city="Lisboa", state="Lisboa", zip="1000-001", country="PT"
)
OFFICE = {
    "street": "Rua da Sede", "district": "Centro", "city": "Curitiba", "state": "PR",
    "zip": "80010-000",
}  # fmt: skip


def drafted(customer: Customer, **rule: Any) -> NotaDraft:
    decision = decide(a_sale(customer=customer), a_rule(**rule), terms(), NOW)
    assert isinstance(decision, Issue)
    return decision.draft


def held(customer: Customer, **rule: Any) -> str:
    decision = decide(a_sale(customer=customer), a_rule(**rule), terms(), NOW)
    assert isinstance(decision, Hold)
    return decision.code


def address_sent(draft: NotaDraft) -> dict[str, object]:
    body = render_nota(ExternalId("h-t-1-1"), draft, "Homologacao")
    customer = body["cliente"]
    assert isinstance(customer, dict)
    address: dict[str, object] = customer["endereco"]
    return address


def living_in(**changes: Any) -> Customer:
    return a_customer(address=an_address(**changes))


def test_the_city_goes_out_as_its_ibge_code() -> None:
    sent = address_sent(drafted(living_in(city="STO ANDRE", state="São Paulo")))
    assert (sent["cidade"], sent["uf"]) == ("3547809", "SP")


@pytest.mark.parametrize(
    "wrong", [{"city": "Curitiba"}, {"state": "PR"}, {"state": "XX"}, {"city": "Itapora"}]
)
def test_a_city_that_is_none_of_its_state_is_held(wrong: dict[str, str]) -> None:
    assert held(living_in(**wrong)) == "customer_city_unknown"


def test_a_city_nobody_knows_may_be_left_out_or_replaced_by_the_tenants_policy() -> None:
    lost = living_in(city="Atlântida")
    person = replace(lost, document="12345678909")
    assert drafted(person, customer_address_incomplete="issue_without").tomador.address is None
    assert held(lost, customer_address_incomplete="issue_without") == "customer_city_unknown"
    policy = {"customer_address_incomplete": "default_address", "default_address": OFFICE}
    assert address_sent(drafted(lost, **policy))["cidade"] == "4106902"


def test_a_stand_in_address_in_a_city_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValidationError, match="IBGE"):
        a_rule(default_address={**OFFICE, "state": "SP"})


def test_a_customer_abroad_is_held_unless_the_rule_says_otherwise() -> None:
    assert held(a_customer(address=LISBON, document=None)) == "customer_foreign"


@pytest.mark.parametrize("document", [None, "PASSPORT1"])
def test_a_customer_abroad_needs_neither_document_nor_cep(document: str | None) -> None:
    customer = a_customer(address=LISBON, document=document, phone="1130000000")
    draft = drafted(customer, customer_foreign="issue_without")
    assert (draft.tomador.document, draft.tomador.phone) == (None, None)
    sent = address_sent(draft)
    assert (sent["uf"], sent["pais"], sent["cidade"]) == ("EX", "Portugal", "Lisboa")
    assert "cep" not in sent


def test_a_customer_abroad_without_a_city_has_no_address_on_the_nota() -> None:
    nowhere = a_customer(address=Address(country="PT"))
    assert drafted(nowhere, customer_foreign="issue_without").tomador.address is None


@pytest.mark.parametrize("country", ["BR", "br", " Brasil\u00a0", "ＢＲ", "-", "", None])
def test_brazil_is_not_abroad(country: str | None) -> None:
    assert drafted(living_in(country=country)).tomador.address is not None


@pytest.mark.parametrize("name", ["", "A", "Nota 1 a b"])
def test_a_description_too_short_for_the_issuer_names_the_bill(name: str) -> None:
    bill = a_bill(lines=(a_line(product_name=name),))
    decision = decide(a_sale(bill), a_rule(description="{produtos}"), terms(), NOW)
    assert isinstance(decision, Issue)
    assert decision.draft.description == f"{name} - referente à fatura 4711".removeprefix(" - ")


def test_a_description_of_ten_characters_is_left_alone() -> None:
    bill = a_bill(lines=(a_line(product_name="Plano Ouro 1"),))
    decision = decide(a_sale(bill), a_rule(description="{produtos}"), terms(), NOW)
    assert isinstance(decision, Issue)
    assert decision.draft.description == "Plano Ouro 1"


def test_a_bill_of_two_services_is_held_with_what_each_comes_to() -> None:
    bill = a_bill(
        lines=(
            a_line(7_000, product_id=1, product_code="CURSO"),
            a_line(4_000, product_id=2, product_code="PLANO"),
            a_line(-1_000, product_id=1, product_code="CURSO"),
        )
    )
    rule = a_rule(
        service={"lc116": "1.07"},
        services_by_product_code={"CURSO": {"lc116": "8.02"}},
        mixed_services="hold",
    )
    decision = decide(a_sale(bill), rule, terms(), NOW)
    assert isinstance(decision, Hold)
    assert decision.code == "mixed_services"
    assert decision.detail == "serviço 8.02: 60.00; serviço 1.07: 40.00"


ITEMS = {"P1": "1.07", "P2": "1.09", "P3": "8.02"}


@given(
    st.lists(st.tuples(st.integers(1, 3), st.integers(-9_999, 99_999)), min_size=1, max_size=12),
    st.sets(st.sampled_from(["P1", "P2", "P3"])),
)
def test_what_the_services_come_to_adds_up_to_the_cent(
    lines: list[tuple[int, int]], own: set[str]
) -> None:
    bill = a_bill(
        lines=tuple(a_line(cents, product_id=p, product_code=f"P{p}") for p, cents in lines)
    )
    rule = a_rule(services_by_product_code={code: {"lc116": ITEMS[code]} for code in own})
    assert sum(amounts_by_service(bill, rule).values()) == bill.lines_total
