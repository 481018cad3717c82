"""What people may ask for one nota of a divided sale, and what that makes of the sale."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.actions import Refusal, SaleAction
from shared.domain.decide import decide
from shared.domain.decision import Cancel, Follow, Hold, Issue, Keep
from shared.domain.ids import ChargeId
from shared.domain.money import Cents
from shared.domain.nota import IN_FLIGHT, VALID_NOTA, NotaStatus
from shared.domain.part_actions import OF_PARTS, PartChange, judge_part, judge_substitute
from shared.domain.part_states import code_of, in_round, is_over, together, unwanted, was_asked
from shared.domain.parts import Part, PartWish, Share
from shared.domain.sale import SaleFacts, SaleStatus, Wish
from tests.builders import NOW, a_bill, a_line, a_rule, a_sale, terms

N = NotaStatus
RULE = a_rule(service={"lc116": "1.07"}, services_by_product_code={"P2": {"lc116": "1.09"}})
BILL = a_bill(
    amount=Cents(10_000),
    lines=(
        a_line(6_000, id=1, product_id=1, product_code="P1"),
        a_line(4_000, id=2, product_id=2, product_code="P2"),
    ),
)
AMOUNTS = {1: 6_000, 2: 4_000}


def part(
    number: int,
    status: NotaStatus | None,
    *,
    wish: PartWish | None = None,
    revision: int = 1,
    in_round: int | None = None,
    **more: Any,
) -> Part:
    share = Share(part=number, amount=Cents(AMOUNTS[number]), lines=(number,))
    return Part(share=share, status=status, revision=revision, wish=wish, round=in_round, **more)


def sale(*parts: Part, **changes: Any) -> SaleFacts:
    return a_sale(BILL, parts=in_round(parts), competencia=NOW.date(), **changes)


_WISHES: st.SearchStrategy[PartWish | None] = st.sampled_from(
    [None, "cancel", "issue", "substitute"]
)
_PARTS = st.tuples(
    *(
        st.builds(
            part,
            st.just(number),
            st.none() | st.sampled_from(NotaStatus),
            wish=_WISHES,
            revision=st.integers(1, 3),
            denial=st.sampled_from(["denied_city", "denied_numbering"]),
            resend=st.booleans(),
            cancel_again=st.booleans(),
            competencia=st.none() | st.just(NOW.date()),
        )
        for number in (1, 2)
    )
)


@given(st.sampled_from(OF_PARTS), _PARTS, st.integers(0, 3))
def test_every_question_about_a_part_has_an_answer(
    action: SaleAction, parts: tuple[Part, ...], number: int
) -> None:
    answer = judge_part(action, parts, number, None)

    assert isinstance(answer, PartChange | Refusal)
    if number not in (1, 2):
        assert answer == Refusal(code="no_such_part")


@given(_PARTS, st.sampled_from([1, 2]))
def test_no_second_nota_of_a_part_is_asked_for(parts: tuple[Part, ...], number: int) -> None:
    own = parts[number - 1]
    answer = judge_part("issue", parts, number, None)

    if own.status in IN_FLIGHT or own.status in VALID_NOTA:
        assert answer == Refusal(code="nota_exists")


@given(_PARTS)
def test_whatever_is_wished_of_parts_the_sale_has_a_status_and_is_decided(
    parts: tuple[Part, ...],
) -> None:
    states = in_round(parts)

    assert together(states) in SaleStatus
    code_of(together(states), states)
    decision = decide(sale(*parts), RULE, terms(), NOW)
    if isinstance(decision, Cancel) and decision.parts is not None:
        assert all(states[number - 1].wish == "cancel" for number in decision.parts)
    if isinstance(decision, Issue) and decision.substitutes:
        assert states[decision.part - 1].to_substitute
        assert decision.revision > max(one.revision for one in states)
    elif isinstance(decision, Issue) and was_asked(states) and not is_over(states):
        assert states[decision.part - 1].owed or decision.division is not None


def test_the_one_that_is_taken_back_is_cancelled_and_the_other_stands() -> None:
    asked = sale(part(1, N.ISSUED, wish="cancel"), part(2, N.ISSUED))
    going = in_round([part(1, N.CANCELLING, wish="cancel"), part(2, N.ISSUED)])
    gone = in_round([part(1, N.CANCELLED, wish="cancel"), part(2, N.ISSUED)])

    assert decide(asked, RULE, terms(), NOW) == Cancel(code="canceled_by_person", parts=(1,))
    assert together(going) is SaleStatus.CANCELLING
    assert together(gone) is SaleStatus.ISSUED
    assert code_of(SaleStatus.ISSUED, gone) == "canceled_by_person"
    assert not unwanted(gone)
    assert isinstance(decide(sale(*gone), RULE, terms(), NOW), Keep)


def test_while_the_tenant_is_paused_it_is_not_cancelled() -> None:
    asked = sale(part(1, N.ISSUED, wish="cancel"), part(2, N.ISSUED))

    assert decide(asked, RULE, terms(issuing=False), NOW) == Keep(attention="tenant_paused")


def test_the_rest_is_sent_though_one_is_taken_back() -> None:
    for status in (N.CANCELLED, N.CANCELLING, N.CANCEL_REFUSED):
        decision = decide(sale(part(1, status, wish="cancel"), part(2, None)), RULE, terms(), NOW)

        assert isinstance(decision, Issue)
        assert (decision.part, decision.revision, decision.round) == (2, 1, 1)


def test_what_the_city_refused_is_asked_again_for_that_one_alone() -> None:
    refused = part(1, N.CANCEL_REFUSED, wish="cancel", cancel_again=True)
    decision = decide(sale(refused, part(2, N.ISSUED)), RULE, terms(), NOW)

    assert decision == Cancel(code="canceled_by_person", parts=(1,))


def test_one_denied_after_it_was_taken_back_is_not_sent_again() -> None:
    denied = part(1, N.DENIED, wish="cancel", resend=True)

    assert isinstance(decide(sale(denied, part(2, N.ISSUED)), RULE, terms(), NOW), Keep)
    assert together([denied, part(2, N.ISSUED)]) is SaleStatus.ISSUED


def test_one_issued_anew_has_a_new_revision_and_begins_no_round() -> None:
    anew = sale(part(1, None, wish="issue"), part(2, N.ISSUED))
    decision = decide(anew, RULE, terms(), NOW)

    assert isinstance(decision, Issue)
    assert (decision.part, decision.revision, decision.round) == (1, 2, 1)
    assert decision.division is None


def test_a_part_cancelled_elsewhere_after_the_other_was_issued_anew_is_not_issued() -> None:
    parts = in_round([part(1, N.ISSUED, revision=2, in_round=1), part(2, N.CANCELLED)])

    assert parts[1].status is N.CANCELLED
    assert isinstance(decide(sale(*parts), RULE, terms(), NOW), Keep)


def test_both_issued_anew_alone_are_a_persons_wish_whatever_the_rule_says() -> None:
    manual = RULE.model_copy(update={"issue_when": "manual"})
    anew = sale(part(1, None, wish="issue"), part(2, None, wish="issue"))
    decision = decide(anew, manual, terms(), NOW)

    assert isinstance(decision, Issue)
    assert (decision.part, decision.revision) == (1, 2)


def test_a_sale_taken_back_as_a_whole_stays_so_though_one_was_wanted_anew() -> None:
    parts = in_round([part(1, None, wish="issue"), part(2, N.CANCELLED)])

    assert is_over(parts)
    assert isinstance(decide(sale(*parts), RULE, terms(), NOW), Keep)


def test_all_taken_back_one_by_one_is_a_sale_that_is_over() -> None:
    parts = in_round([part(1, N.CANCELLED, wish="cancel"), part(2, N.CANCELLED, wish="cancel")])

    assert is_over(parts)
    assert together(parts) is SaleStatus.CANCELLED
    assert isinstance(decide(sale(*parts, wish="issue"), RULE, terms(), NOW), Issue)


def test_a_bill_that_changed_is_a_question_for_the_one_that_is_issued_anew() -> None:
    anew = sale(part(1, None, wish="issue"), part(2, N.ISSUED))
    changed = a_bill(
        amount=Cents(9_000), lines=(a_line(9_000, id=1, product_id=1, product_code="P1"),)
    )
    decision = decide(a_sale(changed, parts=anew.parts, competencia=NOW.date()), RULE, terms(), NOW)

    assert isinstance(decision, Hold)
    assert decision.code == "parts_disagree"


def test_one_under_way_is_followed_until_it_can_be_taken_back() -> None:
    parts = (part(1, N.PENDING, wish="cancel", then_cancel="canceled_by_person"), part(2, N.ISSUED))

    assert isinstance(decide(sale(*parts), RULE, terms(), NOW), Follow)
    assert together(parts) is SaleStatus.ISSUING


@given(_PARTS, st.none() | st.integers(0, 3), st.booleans())
def test_only_a_valid_nota_is_substituted_and_only_where_the_rule_allows_it(
    parts: tuple[Part, ...],
    number: int | None,
    allowed: bool,
) -> None:
    answer = judge_substitute(parts, number, None, allowed=allowed)

    if isinstance(answer, PartChange):
        assert allowed
        assert number in (1, 2)
        assert parts[number - 1].status in (N.ISSUED, N.CANCEL_REFUSED)


def test_a_substitute_is_of_the_day_of_the_nota_whose_place_it_takes() -> None:
    day = NOW.date().replace(day=3)
    old = part(1, N.ISSUED, wish="substitute", competencia=day)
    decision = decide(sale(old, part(2, N.ISSUED)), RULE, terms(), NOW)

    assert isinstance(decision, Issue)
    assert decision.substitutes
    assert (decision.part, decision.revision, decision.competencia) == (1, 2, day)
    assert decision.draft.amount == 6_000


def test_nothing_is_substituted_of_a_bill_that_was_given_back() -> None:
    old = part(1, N.ISSUED, wish="substitute", competencia=NOW.date())
    back = sale(old, part(2, N.ISSUED), refunds={ChargeId(50): Cents(10_000)})

    assert isinstance(decide(back, RULE, terms(), NOW), Cancel)


@pytest.mark.parametrize("wish", ["hold", "cancel"])
def test_no_part_is_issued_while_a_person_keeps_all_of_it(wish: Wish) -> None:
    parts = (part(1, N.DENIED), part(2, N.ISSUED))

    actions: tuple[SaleAction, ...] = ("issue", "retry")
    for action in actions:
        answer = judge_part(action, parts, 1, wish)
        assert answer == Refusal(code="whole_sale_first")
