"""What a nota shows as discounts agrees with the table of docs/lines.md, to the cent."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from shared.domain.bill import Bill
from shared.domain.fields.discounts import discount_in
from shared.domain.lines import CREDITS, is_credit
from shared.domain.parts import divide
from tests.builders import a_line, a_sale
from tests.unit.fiscal import PLAIN, drafted, posted
from tests.unit.test_lines import COUPON, COURSE, FREIGHT, LICENCE, NOWHERE, RULE, sold
from tests.unit.test_withholding import the_parts

SHOWN = {"service": {**PLAIN, "show_discounts": True}}
CREDIT = {"product_id": 92, "product_code": None, "product_name": "Crédito do cliente"}
WELCOME = {"product_id": 9, "product_name": "Bem-vindo!"}
PRORATED = {**COURSE, "description": "Valor proporcional"}
OLD_PLAN = {"product_id": 93, "product_code": "BASICO", "product_name": "Plano Básico (pro rata)"}


def sums(bill: Bill, **rule: Any) -> tuple[float, float | None]:
    """The total of the nota of a bill, and the discount it shows."""
    body = posted(drafted(a_sale(bill), **(rule or SHOWN)))
    return body["valorTotal"], body.get("descontos")


@pytest.mark.parametrize(
    ("lines", "total", "discount"),
    [
        # A discount on a product, with Vindi's own word or without.
        ([(COURSE, 50_000), ({**COURSE, "is_discount": True}, -5_000)], 500.0, 50.0),
        ([(COURSE, 50_000), (COURSE, -5_000)], 500.0, 50.0),
        # A reduction that names no product lowers all, also beside a line that names none.
        ([(NOWHERE, 2_000), (COURSE, 3_000), (NOWHERE, -3_000)], 50.0, 30.0),
        # Coupons, however they are named.
        ([(COURSE, 50_000), (COUPON, -5_000)], 500.0, 50.0),
        ([(COURSE, 50_000), (WELCOME, -5_000)], 500.0, 50.0),
        ([(COURSE, 50_000), (NOWHERE, -5_000)], 500.0, 50.0),
        # Credits and prorations lower the total.
        ([(COURSE, 50_000), (CREDIT, -5_000)], 450.0, None),
        ([(COURSE, 50_000), ({**NOWHERE, "description": "Crédito ref. outubro"}, -5_000)], 450.0,
         None),
        ([(COURSE, 50_000), (PRORATED, -5_000)], 450.0, None),
        ([(COURSE, 50_000), (OLD_PLAN, -5_000)], 450.0, None),
        # What Vindi calls a discount is one, whatever the line says.
        ([(COURSE, 50_000), ({**COURSE, "is_discount": True, "description": "Crédito"}, -5_000)],
         500.0, 50.0),
        # Both at once, and what goes along.
        ([(COURSE, 50_000), (COUPON, -5_000), (CREDIT, -3_000)], 470.0, 50.0),
        ([(COURSE, 50_000), (COUPON, -5_000), (FREIGHT, 1_000)], 510.0, 50.0),
        ([(COURSE, 50_000), (FREIGHT, 1_000), (FREIGHT, -1_000)], 500.0, None),
        # Discounted away, and beyond: only that lowers others, credits first.
        ([(COURSE, 50_000), (LICENCE, 1_000), (LICENCE, -1_000)], 500.0, None),
        ([(COURSE, 50_000), (LICENCE, 1_000), (LICENCE, -1_500)], 500.0, 5.0),
        ([(COURSE, 50_000), (LICENCE, 1_000), ({**LICENCE, "description": "Crédito"}, -1_500)],
         495.0, None),
    ],
)  # fmt: skip
def test_totals_and_discounts_are_those_of_the_table(
    lines: list[tuple[dict[str, Any], int]], total: float, discount: float | None
) -> None:
    assert sums(sold(*lines)) == (total, discount)


def test_a_credit_is_no_conditional_discount_either() -> None:
    service = {**PLAIN, "show_discounts": True, "discount_kind": "conditional"}
    draft = drafted(a_sale(sold((COURSE, 50_000), (CREDIT, -5_000))), service=service)
    assert (draft.base, draft.conditional_discount) == (45_000, 0)


def test_two_notas_show_coupon_and_freight_as_one_would() -> None:
    bill = sold((COURSE, 60_000), (LICENCE, 40_000), (COUPON, -10_000), (FREIGHT, 1_000))
    other = {"services_by_product_code": {"LIC": {**PLAIN, "lc116": "1.05"}}}
    bodies = [posted(one) for one in the_parts(a_sale(bill), **SHOWN, **other)]
    assert [one["descontos"] for one in bodies] == [60.0, 40.0]
    assert [one["valorTotal"] for one in bodies] == [606.0, 404.0]
    assert sums(bill) == (1010.0, 100.0)


@example([(NOWHERE, 2), (COURSE, 3), (NOWHERE, -3)])
@given(
    st.lists(
        st.tuples(
            st.sampled_from([COURSE, LICENCE, COUPON, CREDIT, FREIGHT, OLD_PLAN, NOWHERE]),
            st.integers(-3_000, 9_000).filter(bool),
        ),
        min_size=1,
        max_size=7,
    )
)
def test_the_notas_of_a_bill_show_together_what_it_was_discounted(
    lines: list[tuple[dict[str, Any], int]],
) -> None:
    bill = sold(*lines)
    shares = divide(bill, RULE)
    whole = discount_in(bill, None, (), bill.lines_total)
    assert whole >= 0
    if len(shares) < 2:
        return
    found = [discount_in(bill, one, shares, one.amount) for one in shares]
    assert min(found) >= 0
    assert sum(found) == whole


def test_every_kind_of_the_list_is_known_and_coupons_are_not_on_it() -> None:
    for row in CREDITS.read_text(encoding="utf-8").splitlines():
        field, pattern, why = row.split("\t")
        name = pattern.replace("*", " x ").strip()
        said = {"product_code": name} if field == "code" else {"product_name": name}
        line = replace(a_line(-1), **{"product_code": None, "product_name": "", **said})
        assert is_credit(line), row
        assert why
    for name in ("Cupom de desconto", "Desconto fidelidade", "Promoção", "Plano Crédito Fácil"):
        assert not is_credit(a_line(-1, product_code="X", product_name=name)), name
