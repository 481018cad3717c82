"""In shadow everything is decided, and nothing that leaves is ever the answer."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from shared.domain.decide import decide, decide_with_customer
from shared.domain.decision import Cancel, Decision, Hold, Issue, NeedsCustomer, Skip, Wait
from shared.domain.sale import SaleFacts, TenantTerms
from tests.builders import (
    ACTIVE_FROM,
    NOW,
    a_canceled_bill,
    a_customer,
    a_rule,
    a_sale,
    an_open_bill,
    terms,
)

DAY = timedelta(days=1)
SHADOW = terms(active_from=None, issuing=False, shadow_from=ACTIVE_FROM, in_shadow=True)
RULES: list[dict[str, Any]] = [
    {"issue_when": "bill_paid"},
    {"issue_when": "bill_created"},
    {"issue_when": "guarantee_ended", "guarantee_days": 7},
    {"issue_when": "manual"},
    {"issue_when": "never"},
]


def decided(sale: SaleFacts, of: TenantTerms = SHADOW, **rule: Any) -> Decision:
    return decide(sale, a_rule(**rule), of, NOW)


def test_what_would_be_issued_says_so_and_when() -> None:
    issued = decided(a_sale(), terms())
    told = decided(a_sale())

    assert isinstance(issued, Issue)
    assert told == Skip(
        code="shadow_issue", issue_at=issued.issue_at, competencia=issued.competencia
    )


def test_what_would_be_held_names_its_cause() -> None:
    no_document = a_sale(customer=a_customer(document=None))

    told = decided(no_document)

    assert isinstance(told, Skip)
    assert (told.code, told.detail) == ("shadow_hold", "customer_document_missing")
    assert decided(a_sale(), issue_when="manual") == Skip(code="shadow_hold", detail="rule_manual")


def test_what_needs_no_nota_or_waits_says_the_same_as_without() -> None:
    for sale, rule in (
        (a_sale(an_open_bill()), RULES[0]),
        (a_sale(a_canceled_bill()), RULES[0]),
        (a_sale(), RULES[2] | {"guarantee_days": 90}),
        (a_sale(), RULES[4]),
    ):
        assert decided(sale, **rule) == decided(sale, terms(), **rule)
        assert isinstance(decided(sale, **rule), Skip | Wait)


def test_of_before_the_mode_nothing_is_told() -> None:
    late = replace(SHADOW, shadow_from=NOW + DAY)

    assert decided(a_sale(), late) == Skip(code="before_activation")


def test_the_customer_read_later_makes_no_nota_of_it() -> None:
    sale = a_sale(no_customer=True)
    before = decided(sale)
    assert isinstance(before, NeedsCustomer)

    named = replace(sale, customer=a_customer())
    told = decide_with_customer(named, before, a_rule(), SHADOW, NOW)

    assert told == decide(named, a_rule(), SHADOW, NOW)
    assert isinstance(told, Skip)
    assert told.code == "shadow_issue"


def test_what_a_person_asks_for_waits_for_the_end_of_the_mode() -> None:
    asked = a_sale(wish="issue")
    past = a_sale(backfill="original")

    assert isinstance(held := decided(asked), Hold)
    assert held.code == "shadow_mode"
    assert isinstance(held := decided(past), Hold)
    assert held.code == "shadow_mode"


def test_from_the_day_on_it_is_issued_and_what_was_before_never_is() -> None:
    sale = a_sale()
    moment = sale.bill.charges[0].paid_at
    assert moment is not None
    after = terms(active_from=moment - DAY, shadow_from=moment - 30 * DAY)
    before = terms(active_from=moment + DAY, shadow_from=moment - 30 * DAY)

    assert isinstance(decided(sale, after), Issue)
    assert isinstance(told := decided(sale, before), Skip)
    assert told.code == "shadow_issue"
    left = replace(sale, left_out=True, known_moment=moment)
    assert isinstance(told := decided(left, before), Skip)
    # Decided in the very second of the activation, by what was before it: not lost.
    assert isinstance(decided(left, after), Issue)


@pytest.mark.parametrize("rule", RULES)
@given(
    wish=st.sampled_from([None, "hold", "issue", "cancel"]),
    backfill=st.sampled_from([None, "original", "today"]),
    named=st.booleans(),
    document=st.sampled_from(["12345678909", None]),
    left_out=st.booleans(),
    away=st.integers(-40, 40),
)
def test_nothing_ever_leaves(
    rule: dict[str, Any],
    wish: Any,
    backfill: Any,
    named: bool,
    document: str | None,
    left_out: bool,
    away: int,
) -> None:
    sale = replace(
        a_sale(
            wish=wish,
            no_customer=not named,
            customer=a_customer(document=document) if named else None,
            backfill=backfill,
        ),
        left_out=left_out,
    )
    of = replace(SHADOW, shadow_from=NOW + away * DAY)

    decision = decide(sale, a_rule(**rule), of, NOW)
    if isinstance(decision, NeedsCustomer):
        named_now = replace(sale, customer=a_customer())
        decision = decide_with_customer(named_now, decision, a_rule(**rule), of, NOW)

    assert not isinstance(decision, Issue | Cancel | NeedsCustomer)
