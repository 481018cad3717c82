"""What the lines of a bill are: only what is sold speaks for rule, service and text."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from shared.domain.bill import Bill, BillLine
from shared.domain.choose_rule import choose_moment, choose_service
from shared.domain.decide import decide
from shared.domain.decision import Decision, Hold, Issue, Skip
from shared.domain.lines import ACCESSORIES, products_with_value
from shared.domain.money import Cents
from shared.domain.nota import NotaStatus
from shared.domain.parts import Part, Share, divide, still_divides
from shared.domain.rule import Rule
from tests.builders import NOW, a_bill, a_line, a_rule, a_sale, terms

COUPON: dict[str, Any] = {
    "product_id": 90,
    "product_code": "wc-discount",
    "product_name": "Cupom de desconto",
}
FREIGHT: dict[str, Any] = {
    "product_id": 91,
    "product_code": "flat-rate",
    "product_name": "Frete (Flat Rate)",
}
COURSE: dict[str, Any] = {
    "product_id": 1,
    "product_code": "CURSO",
    "product_name": "Curso Completo",
}
LICENCE: dict[str, Any] = {"product_id": 2, "product_code": "LIC", "product_name": "Licença"}
NOWHERE: dict[str, Any] = {"product_id": None, "product_code": None, "product_name": ""}
SERVICES = {"CURSO": {"lc116": "8.02"}, "LIC": {"lc116": "1.05"}}
RULE = a_rule(
    service={"lc116": "1.07"}, services_by_product_code=SERVICES, description="{produtos}: {valor}"
)
HELD = RULE.model_copy(update={"mixed_services": "hold"})


def sold(*lines: tuple[dict[str, Any], int], **changes: Any) -> Bill:
    made = tuple(
        a_line(amount, id=number, **product)
        for number, (product, amount) in enumerate(lines, start=1)
    )
    total = Cents(sum(line.amount for line in made))
    return a_bill(**{"lines": made, "amount": total, **changes})


def decided(bill: Bill, rule: Rule = RULE, **changes: Any) -> Decision:
    return decide(a_sale(bill, **changes), rule, terms(), NOW)


def issued(bill: Bill, rule: Rule = RULE) -> tuple[int, str | None, str]:
    """Amount, service and text of the nota that is asked for first."""
    decision = decided(bill, rule)
    assert isinstance(decision, Issue)
    draft = decision.draft
    return draft.amount, draft.service.lc116, draft.description


@pytest.mark.parametrize("rule", [RULE, HELD])
@pytest.mark.parametrize(
    "reduction",
    [
        COUPON,
        {"product_id": 92, "product_code": None, "product_name": "Crédito do cliente"},
        {"product_id": 93, "product_code": "ANTIGO", "product_name": "Plano anterior (pro rata)"},
        {"product_id": 94, "product_code": None, "product_name": ""},
        NOWHERE,
    ],
)
def test_what_only_reduces_a_bill_has_no_word_in_it(rule: Rule, reduction: dict[str, Any]) -> None:
    assert issued(sold((COURSE, 50_000), (reduction, -5_000)), rule) == (
        45_000,
        "8.02",
        "Curso Completo: R$ 450,00",
    )


def test_a_coupon_leaves_the_guarantee_of_the_product_sold() -> None:
    rule = a_rule(
        issue_when="bill_paid",
        exceptions=[
            {
                "if": {"product_code": ["CURSO"]},
                "issue_when": "guarantee_ended",
                "guarantee_days": 30,
            }
        ],
    )
    moment = choose_moment(sold((COURSE, 50_000), (COUPON, -5_000)), rule)

    assert moment is not None
    assert (moment.exception, moment.guarantee_days) == (1, 30)


@pytest.mark.parametrize("named", ["product_code", "product_id", "product_name"])
def test_an_exception_that_names_the_coupon_speaks_of_nothing_sold(named: str) -> None:
    rule = a_rule(exceptions=[{"if": {named: [COUPON[named]]}, "issue_when": "never"}])

    assert isinstance(decided(sold((COURSE, 50_000), (COUPON, -5_000)), rule), Issue)


def test_a_product_discounted_below_zero_is_not_named_and_not_taxed() -> None:
    bill = sold((LICENCE, 1_000), (LICENCE, -1_500), (COURSE, 1_000))

    for rule in (RULE, HELD):
        assert issued(bill, rule) == (500, "8.02", "Curso Completo: R$ 5,00")


def test_nor_is_one_that_shares_its_service_with_what_was_discounted_away() -> None:
    other = {"product_id": 3, "product_code": "LIC", "product_name": "Suporte"}
    bill = sold((LICENCE, 1_000), (LICENCE, -1_500), (other, 200), (COURSE, 1_000))

    assert issued(bill) == (700, "8.02", "Curso Completo: R$ 7,00")


def test_a_coupon_larger_than_one_of_two_services_is_spread_over_both() -> None:
    bill = sold((COURSE, 6_000), (LICENCE, 4_000), (COUPON, -5_000))

    assert [share.amount for share in divide(bill, RULE)] == [3_000, 2_000]
    assert issued(bill) == (3_000, "8.02", "Curso Completo: R$ 30,00")


def test_two_coupons_are_one_discount() -> None:
    second = {"product_id": 95, "product_code": None, "product_name": "Cupom de boas-vindas"}
    bill = sold((COURSE, 6_000), (LICENCE, 4_000), (COUPON, -1_000), (second, -333))

    assert [share.amount for share in divide(bill, RULE)] == [5_200, 3_467]


def test_a_question_about_two_services_says_what_each_comes_to() -> None:
    bill = sold((COURSE, 6_000), (LICENCE, 4_000), (COUPON, -1_000))

    assert decided(bill, HELD) == Hold(
        code="mixed_services",
        detail="serviço 8.02: 54.00; serviço 1.05: 36.00",
        issue_at=bill.paid_charges[0].paid_at,
        competencia=bill.paid_charges[0].paid_at and bill.paid_charges[0].paid_at.date(),
    )


@pytest.mark.parametrize("amount", [0, None])
def test_a_credit_larger_than_everything_leaves_nothing_to_issue(amount: int | None) -> None:
    bill = sold((COURSE, 5_000), (NOWHERE, -5_000 if amount is None else -8_000))

    assert decided(replace(bill, amount=Cents(0))) == Skip(code="zero_amount")


def test_a_product_given_for_nothing_has_no_word() -> None:
    free = a_line(0, id=2, quantity=0, **LICENCE)
    bill = replace(sold((COURSE, 5_000)), lines=(free, a_line(5_000, id=1, **COURSE)))

    assert issued(bill, HELD) == (5_000, "8.02", "Curso Completo: R$ 50,00")


def test_a_product_whose_first_line_is_free_is_named_in_its_part() -> None:
    free = a_line(0, id=1, **LICENCE)
    lines = (
        free,
        *(replace(one, id=one.id + 1) for one in sold((LICENCE, 900), (COURSE, 100)).lines),
    )
    bill = a_bill(lines=lines, amount=Cents(1_000))

    assert issued(bill) == (900, "1.05", "Licença: R$ 9,00")


@pytest.mark.parametrize(
    "fee",
    [
        FREIGHT,
        {"product_id": 96, "product_code": "wc-tax", "product_name": "Taxa"},
        {"product_id": 96, "product_code": "wc-interest-rate", "product_name": "Juros"},
        {"product_id": 96, "product_code": "WC-SUF", "product_name": "[WC] Taxa de adesão"},
        {"product_id": 96, "product_code": None, "product_name": "FRETE  sedex"},
        {"product_id": 96, "product_code": None, "product_name": "Multa por atraso"},
    ],
)
def test_what_goes_along_with_a_sale_is_taxed_as_what_is_sold(fee: dict[str, Any]) -> None:
    assert issued(sold((COURSE, 10_000), (fee, 4_000)), HELD) == (
        14_000,
        "8.02",
        "Curso Completo: R$ 140,00",
    )


def test_freight_leaves_the_moment_to_the_product() -> None:
    rule = a_rule(exceptions=[{"if": {"product_code": ["CURSO"]}, "issue_when": "manual"}])

    assert decided(sold((COURSE, 10_000), (FREIGHT, 4_000)), rule) == Hold(code="rule_manual")


def test_freight_is_spread_over_the_services_it_goes_along_with() -> None:
    shares = divide(sold((COURSE, 7_500), (LICENCE, 2_500), (FREIGHT, 1_000)), RULE)

    assert [(share.amount, share.lines) for share in shares] == [(8_250, (1,)), (2_750, (2,))]


@pytest.mark.parametrize(
    "named",
    [
        {"services_by_product_code": {**SERVICES, "flat-rate": {"lc116": "16.02"}}},
        {"services_by_product_id": {"91": {"lc116": "16.02"}}},
        {"services_by_product_name": {"frete*": {"lc116": "16.02"}}},
    ],
)
def test_freight_that_the_rule_names_is_a_service_like_any_other(named: dict[str, Any]) -> None:
    rule = Rule.model_validate({**RULE.model_dump(), **named})
    shares = divide(sold((COURSE, 7_500), (FREIGHT, 1_000)), rule)

    assert [share.amount for share in shares] == [7_500, 1_000]


def test_a_pattern_for_every_product_names_no_freight() -> None:
    rule = a_rule(
        services_by_product_code=SERVICES, services_by_product_name={"*": {"lc116": "1.03"}}
    )

    assert issued(sold((COURSE, 7_500), (FREIGHT, 1_000)), rule)[:2] == (8_500, "8.02")


@pytest.mark.parametrize("discount", [0, -10_000])
def test_freight_alone_speaks_for_itself(discount: int) -> None:
    lines = [(COURSE, 10_000), (COURSE, discount)] if discount else []
    bill = sold(*lines, (FREIGHT, 4_000))

    assert issued(bill) == (4_000, "1.07", "Frete (Flat Rate): R$ 40,00")


def test_freight_carries_what_a_product_below_zero_takes_from_another_of_its_service() -> None:
    below = {"product_id": 4, "product_code": "X", "product_name": "Licença antiga"}
    other = {"product_id": 5, "product_code": "Y", "product_name": "Suporte"}
    bill = sold((below, 100), (below, -200), (FREIGHT, 100), (other, 100))

    assert [share.amount for share in divide(bill, RULE)] == [100]


def test_a_refund_of_freight_is_a_discount() -> None:
    bill = sold((COURSE, 10_000), (FREIGHT, 4_000), (FREIGHT, -4_000))

    assert issued(bill, HELD)[:2] == (10_000, "8.02")


def test_a_sale_divided_before_freight_went_along_goes_on_as_it_was_divided() -> None:
    bill = sold((COURSE, 7_500), (FREIGHT, 1_000))
    before = (
        Share(part=1, amount=Cents(7_500), lines=(1,)),
        Share(part=2, amount=Cents(1_000), lines=(2,)),
    )
    parts = (
        Part(share=before[0], status=NotaStatus.ISSUED, revision=1),
        Part(share=before[1]),
    )
    decision = decided(bill, parts=parts, competencia=NOW.date())

    assert still_divides(bill, before)
    assert isinstance(decision, Issue)
    assert (decision.part, decision.draft.amount) == (2, 1_000)
    assert decision.draft.service.lc116 == "1.07"
    assert decision.draft.description.startswith("Frete (Flat Rate)")


def test_a_sale_divided_with_a_coupon_of_its_own_before_is_still_divided_so() -> None:
    bill = sold((COURSE, 6_000), (LICENCE, 4_000), (COUPON, -1_001))
    before = (
        Share(part=1, amount=Cents(5_399), lines=(1,)),
        Share(part=2, amount=Cents(3_600), lines=(2,)),
    )

    assert still_divides(bill, before)
    assert divide(bill, RULE) == before


_PRODUCTS = (COURSE, LICENCE, COUPON, FREIGHT, NOWHERE)
_LINES = st.lists(
    st.tuples(st.sampled_from(_PRODUCTS), st.integers(-5_000, 20_000)), min_size=1, max_size=10
)


@given(_LINES, st.integers(0, 2**32))
def test_any_lines_are_divided_to_the_cent_in_whatever_order_they_come(
    lines: list[tuple[dict[str, Any], int]], seed: int
) -> None:
    bill = sold(*lines)
    shares = divide(bill, RULE)
    shuffled: list[BillLine] = list(bill.lines)
    random.Random(seed).shuffle(shuffled)

    assert sum(share.amount for share in shares) == max(bill.lines_total, 0)
    assert all(share.amount > 0 for share in shares)
    assert divide(replace(bill, lines=tuple(shuffled)), RULE) == shares
    assert not shares or still_divides(bill, shares)


@given(_LINES)
def test_whoever_speaks_for_a_bill_is_sold_in_it(lines: list[tuple[dict[str, Any], int]]) -> None:
    bill = sold(*lines)
    speaks = products_with_value(bill, RULE)

    assert bool(speaks) or bill.lines_total <= 0
    assert COUPON["product_id"] not in {line.product_id for line in speaks} or any(
        line.amount > 0 for line in bill.lines if line.product_id == COUPON["product_id"]
    )
    service = choose_service(bill, RULE)
    assert service is not None or len(speaks) > 1


def test_every_row_of_what_goes_along_says_what_and_where_from() -> None:
    rows = [row.split("\t") for row in ACCESSORIES.read_text(encoding="utf-8").splitlines()]

    assert all(len(row) == 3 and row[0] in ("code", "name") and row[2] for row in rows)
    assert len({tuple(row[:2]) for row in rows}) == len(rows)
