"""What eNotas shows of a company is read wherever it stands, and nothing of it can do harm."""

from datetime import date
from typing import Any

import pytest

from shared.domain.company_facts import CompanyFacts
from shared.issuer.enotas.company import read_facts

UNTIL = date(2027, 6, 30)


@pytest.mark.parametrize(
    "company",
    [
        {"certificadodigital": {"dataVencimento": "2027-06-30T23:59:59Z"}},
        {"certificado": {"DATAVENCIMENTO": "2027-06-30T23:59:59.1234567-03:00"}},
        {"datavencimento": "2027-06-30"},
        {"certificadodigital": None, "datavencimentocertificado": "2027-06-30T00:00:00"},
    ],
)
def test_the_end_of_a_certificate_is_found_where_it_may_stand(company: dict[str, Any]) -> None:
    assert read_facts(company).certificate_until == UNTIL


@pytest.mark.parametrize(
    ("city", "written"),
    [
        (3550308, "2027-07-01T02:59:59Z"),  # the last second of June in São Paulo
        (1200401, "2027-07-01T04:59:59.1234567Z"),  # and in Rio Branco
        (None, "2027-07-01T02:59:59+00:00"),
        (3550308, "2027-06-30T23:59:59"),
    ],
)
def test_a_certificate_ends_on_a_day_of_its_city(city: int | None, written: str) -> None:
    company = {"certificado": {"dataVencimento": written}, "endereco": {"codigoIbgeCidade": city}}

    assert read_facts(company).certificate_until == UNTIL


def test_fiscal_data_are_read_as_text() -> None:
    facts = read_facts(
        {
            "inscricaomunicipal": 12345,
            "optantesimplesnacional": True,
            "endereco": {"codigoIbgeCidade": 3550308},
            "codigoservicomunicipal": " 02800 ",
            "itemlistaservicolc116": "1.07",
            "cnae": "",
        }
    )

    assert facts == CompanyFacts(
        municipal_registration="12345",
        city="3550308",
        simples=True,
        service="02800",
        lc116="1.07",
    )


@pytest.mark.parametrize("odd", [None, [], {}, "nada", 7, True, "9999-99-99", "\0" * 99, {"x": {}}])
def test_whatever_else_stands_there_is_no_fact(odd: object) -> None:
    names = ("certificadodigital", "certificado", "datavencimento", "endereco", "cnae")
    facts = read_facts(dict.fromkeys(names, odd))

    assert facts.certificate_until is None
    assert facts.city is None
    assert facts.cnae is None or "\0" not in facts.cnae
