"""What people may ask, over every state a sale can be in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from shared.domain.actions import (
    ActionState,
    Given,
    Refusal,
    SaleAction,
    WishChange,
    judge,
    possible,
)
from shared.domain.money import Cents
from shared.domain.nota import IN_FLIGHT, VALID_NOTA, NotaStatus
from shared.domain.sale import SaleStatus

ACTIONS: list[SaleAction] = ["retry", "hold", "release", "issue", "cancel"]
STATES = st.builds(
    ActionState,
    status=st.sampled_from(SaleStatus),
    code=st.sampled_from([None, "no_rule", "refunded", "rule_never", "before_activation"]),
    wish=st.sampled_from([None, "hold", "issue", "cancel"]),
    nota=st.one_of(st.none(), st.sampled_from(NotaStatus)),
    denial=st.sampled_from([None, "denied_city", "denied_numbering"]),
)


@given(action=st.sampled_from(ACTIONS), sale=STATES)
def test_every_question_has_an_answer(action: SaleAction, sale: ActionState) -> None:
    assert isinstance(judge(action, sale), WishChange | Refusal)


@given(sale=STATES)
def test_no_second_nota_is_asked_for_while_one_stands(sale: ActionState) -> None:
    if sale.nota in IN_FLIGHT or sale.nota in VALID_NOTA:
        assert judge("issue", sale) == Refusal(code="nota_exists")


@given(action=st.sampled_from(ACTIONS), sale=STATES)
def test_a_nota_whose_number_is_in_doubt_is_never_sent_again(
    action: SaleAction, sale: ActionState
) -> None:
    answer = judge(action, sale)

    if sale.denial == "denied_numbering":
        assert isinstance(answer, Refusal) or not answer.resend


@given(sale=STATES)
def test_only_a_denied_sale_is_sent_again(sale: ActionState) -> None:
    answer = judge("retry", sale)

    if isinstance(answer, WishChange) and answer.resend:
        assert sale.status is SaleStatus.DENIED


@pytest.mark.parametrize("code", ["issued_as_test", "rule_manual"])
@pytest.mark.parametrize("nota", [None, NotaStatus.CANCELLED])
def test_what_waits_for_a_word_alone_is_issued_when_it_is_let_go_on(
    code: str, nota: NotaStatus | None
) -> None:
    held = ActionState(status=SaleStatus.HELD, code=code, wish=None, nota=nota, denial=None)

    assert judge("release", held) == judge("issue", held)
    assert isinstance(judge("release", held), WishChange)
    assert judge("retry", held) == Refusal(code="decision_needed")
    assert judge("release", replace(held, wish="hold")) == WishChange(wish=None)


def test_what_waits_for_a_choice_is_not_let_go_on_without_one() -> None:
    held = ActionState(
        status=SaleStatus.HELD, code="partially_refunded", wish=None, nota=None, denial=None
    )

    assert judge("release", held) == judge("retry", held) == Refusal(code="decision_needed")
    assert judge("issue", held) == WishChange(wish="issue")
    assert possible(held) == ("hold", "issue", "cancel")


REFUNDED = ActionState(
    status=SaleStatus.HELD,
    code="partially_refunded",
    wish=None,
    nota=None,
    denial=None,
    given_back=Given(amount=Cents(3_000), of=Cents(17_990)),
)


@pytest.mark.parametrize(
    ("amount", "chosen"),
    [("remaining", "14990"), ("bill", "bill"), (None, "bill"), ("12345", "12345"), ("lines", None)],
)
def test_of_what_was_given_back_in_part_the_rest_the_whole_or_an_amount_is_issued(
    amount: str | None, chosen: str | None
) -> None:
    for status in (SaleStatus.HELD, SaleStatus.CANCELLED):
        answer = judge("issue", replace(REFUNDED, status=status), amount)

        if chosen is None:
            assert answer == Refusal(code="no_amount_to_choose")
        else:
            assert isinstance(answer, WishChange)
            assert answer.amount == chosen
            assert answer.about == "estornado 30.00 de 179.90"


def test_where_nothing_remains_there_is_no_rest_to_issue() -> None:
    nothing = replace(REFUNDED, given_back=Given(amount=Cents(200), of=Cents(100)))

    assert judge("issue", nothing, "remaining") == Refusal(code="no_amount_to_choose")
    assert judge("release", REFUNDED, "remaining") == Refusal(code="decision_needed")


@given(sale=STATES)
def test_releasing_takes_back_a_hold_and_no_other_wish(sale: ActionState) -> None:
    answer = judge("release", sale)

    if isinstance(answer, WishChange):
        assert answer.wish == (None if sale.wish == "hold" else sale.wish)
