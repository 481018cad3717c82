"""What buyers keep back of a price, and what discounts do to it, to the centavo."""

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from pydantic import ValidationError

from shared.domain.decide import decide
from shared.domain.decision import Issue
from shared.domain.fields.arithmetic import arithmetic
from shared.domain.nota import NotaDraft, NotaStatus
from shared.domain.parts import Part
from shared.domain.sale import SaleFacts
from shared.issuer.enotas.payloads import render_nota
from tests.builders import NOW, a_bill, a_customer, a_line, a_rule, a_sale, an_address, terms
from tests.unit.fiscal import (
    ALL,
    KEY,
    LINES,
    PERSON,
    PLAIN,
    a_fiscal_sale,
    at,
    drafted,
    held,
    posted,
    says,
)


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


def test_more_withheld_than_the_price_is_held() -> None:
    rates = {"inss": "60.00", "irrf": "39.00"}
    service = {**PLAIN, "withholdings": rates, "iss_withheld": True}
    found = held(a_fiscal_sale(), service=service)
    assert (found.code, found.detail) == (
        "nota_values_impossible",
        "retenções acima do valor da nota",
    )


def test_what_a_product_is_discounted_below_zero_lowers_the_others() -> None:
    below = (a_line(5_000, id=4, product_id=8), a_line(-6_000, id=5, product_id=8))
    sale = a_sale(a_bill(amount=99_000, lines=(a_line(100_000), *below)))
    draft = drafted(sale, service={**PLAIN, "show_discounts": True})
    says(draft, {"valorTotal": 1000.0, "descontos": 10.0})


def test_a_coupon_that_is_a_product_of_its_own_is_a_discount() -> None:
    coupon = a_line(-10_000, id=4, product_id=8, product_code="CUPOM")
    sale = a_sale(a_bill(amount=90_000, lines=(a_line(100_000), coupon)))
    draft = drafted(sale, service={**PLAIN, "show_discounts": True})
    says(draft, {"valorTotal": 1000.0, "descontos": 100.0})
