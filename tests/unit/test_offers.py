"""What a retry changes is said before it is done."""

from datetime import date

import pytest

from shared.domain.actions import ActionState, Refusal, WishChange, judge
from shared.domain.nota import NotaStatus
from shared.domain.offers import Denied, offers
from shared.domain.sale import SaleStatus

OCTOBER = date(2026, 10, 28)
TODAY = date(2026, 11, 20)


def texts(denial: str, cause: str | None = None, competencia: date = OCTOBER) -> list[str]:
    denied = [Denied(denial=denial, cause=cause)]
    return [one.text for one in offers(SaleStatus.DENIED, denial, denied, competencia, TODAY)]


def test_issuing_with_today_names_the_month_the_nota_moves_to() -> None:
    again, today = texts("denied_competencia")

    assert "mantém a competência de 28/10/2026 (outubro de 2026)" in again
    assert today.startswith("Emitir com a data de hoje, 20/11/2026")
    assert "passa de outubro de 2026 para novembro de 2026" in today


def test_within_the_month_it_says_that_it_stays_there() -> None:
    _, today = texts("denied_competencia", competencia=date(2026, 11, 3))

    assert today.endswith("continua em novembro de 2026.")


@pytest.mark.parametrize(
    ("denial", "cause"),
    [
        ("denied_service", "nacional:E0617"),
        ("denied_service", "nacional:E0312"),
        ("denied_issuer_setup", "nacional:E0600"),
        ("denied_competencia", "nacional:E0050"),  # a deadline that no other day meets
        ("denied_unknown", None),
    ],
)
def test_what_was_refused_for_something_else_only_keeps_its_day(
    denial: str, cause: str | None
) -> None:
    (only,) = texts(denial, cause)

    assert only.startswith("Tentar de novo: a nota mantém a competência")


def test_a_used_number_is_offered_nothing() -> None:
    assert texts("denied_numbering") == []


def test_a_closed_month_is_offered_today() -> None:
    (only,) = offers(SaleStatus.HELD, "competencia_month_closed", [], OCTOBER, TODAY)

    assert (only.action, only.today) == ("issue", True)


def denied(denial: str, *, day_refused: bool) -> ActionState:
    return ActionState(
        status=SaleStatus.DENIED,
        code=denial,
        wish=None,
        nota=NotaStatus.DENIED,
        denial=denial,
        denied=True,
        day_refused=day_refused,
    )


def test_only_a_refused_day_or_a_closed_month_moves_to_today() -> None:
    service = denied("denied_service", day_refused=False)
    day = denied("denied_competencia", day_refused=True)
    closed = ActionState(
        status=SaleStatus.HELD,
        code="competencia_month_closed",
        wish=None,
        nota=None,
        denial=None,
    )

    assert judge("issue", service, today=True) == Refusal(code="no_day_to_move")
    assert judge("retry", day, today=True) == Refusal(code="no_day_to_move")
    assert judge("issue", service) == WishChange(wish="issue", resend=True)
    assert judge("retry", day) == WishChange(wish=None, resend=True)
    for one in (day, closed):
        answer = judge("issue", one, today=True)
        assert isinstance(answer, WishChange)
        assert answer.today
