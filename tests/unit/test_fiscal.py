"""What one nota says for the tax, to the centavo."""

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from shared.domain.filing import FiscalSums, added
from shared.domain.fiscal import FiscalClass, fiscal_facts, half_even, read_class, subitem_of
from shared.domain.money import Cents
from shared.domain.nota import NotaDraft, PlaceOfService, Service, Suspension, Tomador, Withheld
from tests.builders import a_day, an_address

CURITIBA = "4106902"


def a_draft(service: Service | None = None, **changes: Any) -> NotaDraft:
    draft = NotaDraft(
        amount=Cents(10_000),
        competencia=a_day("2026-11-10"),
        description="Plano",
        tomador=Tomador(
            name="Padaria Fictícia",
            email="compras@padaria.example",
            document="11222333000181",
            phone=None,
            address=an_address(city_code="3550308"),
        ),
        service=service or Service(lc116="1.07", iss_rate="2.00"),
        send_email=False,
    )
    return replace(draft, **changes)


def class_of(service: Service, **changes: Any) -> FiscalClass:
    return read_class(fiscal_facts(a_draft(service, **changes)).fiscal_class)


def test_an_unconditional_discount_and_deductions_lower_the_base_and_nothing_else_does() -> None:
    facts = fiscal_facts(
        a_draft(
            Service(iss_rate="5.00"),
            discount=Cents(1_000),
            conditional_discount=Cents(500),
            deductions=Cents(2_500),
            withheld=Withheld(pis=Cents(65), irrf=Cents(150)),
        )
    )

    assert facts.iss == 400  # 5 % of 100.00 + 5.00 - 25.00
    assert (facts.discount, facts.conditional_discount, facts.deductions) == (1_000, 500, 2_500)
    assert (facts.pis, facts.cofins, facts.irrf) == (65, 0, 150)


@pytest.mark.parametrize(
    ("amount", "rate", "iss"),
    [
        (2_50, "2.00", 5),
        (1_25, "2.00", 2),  # 2.5 centavos: to the even one
        (1_75, "2.00", 4),  # 3.5 centavos
        (1_26, "2.00", 3),
        (17_990, "2.79", 502),
        (99_999_999_999, "5.00", 5_000_000_000),
        (1, "0", 0),
    ],
)
def test_half_a_centavo_goes_to_the_even_one(amount: int, rate: str, iss: int) -> None:
    assert fiscal_facts(a_draft(Service(iss_rate=rate), amount=Cents(amount))).iss == iss


@given(st.integers(0, 10**13), st.decimals(0, 100, places=4, allow_nan=False))
def test_iss_is_what_decimal_arithmetic_says(base: int, rate: Decimal) -> None:
    exact = Decimal(base) * rate / 100
    over, under = rate.as_integer_ratio()

    assert half_even(base * over, under * 100) == int(exact.quantize(Decimal(1), ROUND_HALF_EVEN))


def test_a_nota_without_a_rate_says_nothing_of_its_iss() -> None:
    assert fiscal_facts(a_draft(Service(lc116="1.07"))).iss is None


@pytest.mark.parametrize(
    ("service", "taxation", "iss"),
    [
        (Service(iss_rate="5", export=True), "export", 0),
        (Service(immunity="1"), "immune", 0),
        (Service(iss_rate="5", suspension=Suspension(kind="1", process="9")), "suspended", 500),
        (Service(iss_rate="5", export=False), "taxable", 500),
    ],
)
def test_what_is_not_taxed_owes_nothing(service: Service, taxation: str, iss: int) -> None:
    assert fiscal_facts(a_draft(service)).iss == iss
    assert class_of(service).taxation == taxation


@pytest.mark.parametrize("rate", ["2", "2.0", "2.00", "2.0000"])
def test_one_rate_is_one_line_however_it_was_typed(rate: str) -> None:
    assert class_of(Service(iss_rate=rate)).iss_rate == "2.00"


def test_a_rate_of_four_decimals_keeps_them() -> None:
    assert class_of(Service(iss_rate="3.1250")).iss_rate == "3.125"


@pytest.mark.parametrize(
    ("service", "city"),
    [
        (Service(lc116="1.07", place=PlaceOfService(city=CURITIBA)), None),
        (Service(lc116="7.02", place=PlaceOfService(city=CURITIBA)), CURITIBA),
        (Service(lc116="07.02"), None),
        (Service(national_code="120301", place=PlaceOfService(city=CURITIBA)), CURITIBA),
        (Service(national_code="121301", place=PlaceOfService(city=CURITIBA)), None),
        (Service(lc116="17.05"), "3550308"),  # where the buyer is
        (Service(lc116="4.22", place=PlaceOfService(city=CURITIBA)), None),
        (Service(place=PlaceOfService(city=CURITIBA)), None),
    ],
)
def test_iss_is_due_where_the_law_says(service: Service, city: str | None) -> None:
    assert class_of(service).city == city


@pytest.mark.parametrize("code", ["1.07", "01.07", "0107", "107", "01.07.01", "010701", "10701"])
def test_a_subitem_is_read_however_it_is_written(code: str) -> None:
    assert subitem_of(code) == "1.07"


@pytest.mark.parametrize("code", [None, "", "xx", "1.xx", "."])
def test_what_is_no_subitem_is_none(code: str | None) -> None:
    assert subitem_of(code) is None or subitem_of(code) == "0.00"


def test_equal_classes_are_equal_text_and_hold_nothing_of_the_buyer() -> None:
    one = fiscal_facts(a_draft(Service(lc116="1.07", iss_rate="2")))
    other = fiscal_facts(
        a_draft(
            Service(iss_rate="2.00", lc116="1.07"),
            tomador=Tomador(
                name="Outra", email=None, document="12345678909", phone=None, address=None
            ),
        )
    )

    assert one.fiscal_class == other.fiscal_class == '{"iss_rate":"2.00","lc116":"1.07"}'


def test_a_class_written_by_a_later_version_can_be_read() -> None:
    assert read_class('{"lc116":"1.07","something":"new"}') == FiscalClass(lc116="1.07")


def test_the_net_is_the_gross_less_discounts_and_all_that_is_withheld() -> None:
    sums = FiscalSums(
        notas=1,
        amount=Cents(8_000),
        total=Cents(10_000),
        discount=Cents(1_500),
        conditional_discount=Cents(500),
        deductions=Cents(3_000),
        withheld_iss=Cents(100),
        pis=Cents(50),
        inss=Cents(800),
    )

    assert sums.net == 8_000 - 950
    assert added([sums, sums]).net == 2 * sums.net
    assert added([]) == FiscalSums()
