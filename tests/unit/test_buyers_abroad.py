"""A buyer abroad, as eNotas and the national layout want it."""

from typing import Any

import pytest

from shared.domain.bill import Address
from tests.builders import a_customer, a_sale
from tests.unit.fiscal import ALL, PLAIN, a_fiscal_sale, drafted, held, says

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


@pytest.mark.parametrize("document", ["ISENTO", "NA", "000000000", "NULL"])
def test_a_word_and_zeros_are_no_number_of_a_buyer_abroad(document: str) -> None:
    sale = a_sale(a_fiscal_sale().bill, customer=a_customer(address=LISBON, document=document))
    found = held(sale, customer_foreign="issue")
    assert (found.code, found.detail) == ("customer_foreign_incomplete", "nif")
    draft = drafted(sale, customer_foreign="issue", customer_foreign_without_nif="2")
    says(draft, {"metadados.nif": None, "metadados.naoNif": "2"})


def test_an_address_abroad_of_signs_lacks_what_is_no_word() -> None:
    signs = Address(street=".", city="-", zip="--", country="PT")
    sale = a_sale(a_fiscal_sale().bill, customer=a_customer(address=signs, document="PT501964843"))
    found = held(sale, customer_foreign="issue")
    assert (found.code, found.detail) == ("customer_foreign_incomplete", "street, city, zip")
    assert drafted(sale, customer_foreign="issue_without").tomador.address is None


def test_a_buyer_abroad_withholds_nothing() -> None:
    buyer = a_customer(address=LISBON)  # with a CNPJ, and yet abroad
    draft = drafted(
        a_sale(a_fiscal_sale().bill, customer=buyer),
        service={**PLAIN, "withholdings": ALL, "iss_withholding": "companies"},
        customer_foreign="issue",
    )
    assert draft.net == draft.amount
