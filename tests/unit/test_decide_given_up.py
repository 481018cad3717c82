"""Sales whose nota was a test, or is proved not to be where it was asked for."""

from typing import Any

import pytest

from shared.domain.decide import decide
from shared.domain.decision import Decision, Hold, Issue, Skip
from shared.domain.ids import ChargeId
from shared.domain.money import Cents
from shared.domain.parts import WHOLE, Part, Share
from tests.builders import NOW, a_canceled_bill, a_day, a_rule, a_sale, terms


def given_up(why: Any) -> Part:
    return Part(share=Share(part=WHOLE, amount=Cents(10_000)), revision=1, owed_again=why)


def decided(why: str, *, issuing: bool = True, **details: Any) -> Decision:
    sale = a_sale(nota=given_up(why), **{"competencia": a_day("2026-11-10"), **details})
    # By hand: it was asked for once, and that stands whatever moment the rule names.
    return decide(sale, a_rule(issue_when="manual"), terms(issuing=issuing), NOW)


@pytest.mark.parametrize(
    ("why", "details", "answer"),
    [
        ("issued_as_test", {}, Hold(code="issued_as_test")),
        ("issued_as_test", {"wish": "hold"}, Hold(code="held_by_person")),
        ("issued_as_test", {"wish": "cancel"}, Skip(code="canceled_by_person")),
        ("issued_as_test", {"wish": "issue", "issuing": False}, Hold(code="tenant_paused")),
        ("issued_as_test", {"bill": a_canceled_bill()}, Skip(code="bill_canceled")),
        ("issued_as_test", {"refunds": {ChargeId(50): Cents(10_000)}}, Skip(code="refunded")),
        (
            "replaced",
            {"refunds": {ChargeId(50): Cents(2_500)}, "wish": "cancel"},
            Skip(code="canceled_by_person"),
        ),
        ("replaced", {"wish": "hold"}, Hold(code="held_by_person")),
        ("replaced", {"issuing": False}, Hold(code="tenant_paused")),
        ("replaced", {"refunds": {ChargeId(50): Cents(10_000)}}, Skip(code="refunded")),
    ],
)
def test_a_nota_that_counts_for_nothing_leaves_the_sale_to_be_decided(
    why: str, details: dict[str, Any], answer: Decision
) -> None:
    assert decided(why, **details) == answer


@pytest.mark.parametrize(("why", "wish"), [("replaced", None), ("issued_as_test", "issue")])
def test_what_is_owed_again_goes_out_under_the_next_revision(why: str, wish: str | None) -> None:
    decision = decided(why, wish=wish)

    assert isinstance(decision, Issue)
    assert decision.revision == 2
