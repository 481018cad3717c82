"""What a person may have done with a denied nota, and what each would change. Pure.

It is said before it is done: only where the day itself was refused, or its month is closed, may the
nota be dated today, and then the month it moves to is named.
"""

from collections.abc import Sequence
from datetime import date

from msgspec import Struct

from shared.domain.actions import SaleAction
from shared.domain.competencia import MONTH_CLOSED
from shared.domain.denials import moves_day, policy_for
from shared.domain.moment import month_of
from shared.domain.sale import SaleStatus
from shared.domain.spoken import day, month


class Denied(Struct, frozen=True, kw_only=True):
    """Why one nota of a sale was denied: its class, and its row of the catalogue of refusals."""

    denial: str
    cause: str | None = None


class Offer(Struct, frozen=True, kw_only=True):
    """An action, and in Portuguese what it changes; `today` dates the nota the day it is sent."""

    action: SaleAction
    text: str
    today: bool = False


def offers(
    status: SaleStatus,
    code: str | None,
    denied: Sequence[Denied],
    competencia: date | None,
    today: date,
) -> tuple[Offer, ...]:
    """The ways on for a sale that was denied, or whose month is closed; else none."""
    if status is SaleStatus.HELD and code == MONTH_CLOSED:
        return (_today(competencia, today),)
    if status is not SaleStatus.DENIED or not all(policy_for(one.denial).ever for one in denied):
        return ()
    again = (_again(competencia, today),)
    moves = any(moves_day(one.denial, one.cause) for one in denied)
    return (*again, _today(competencia, today)) if moves else again


def _again(competencia: date | None, today: date) -> Offer:
    text = "Tentar de novo: a nota mantém a competência"
    if competencia is not None:
        text += f" de {day(competencia)} ({month(competencia)})"
        if month_of(competencia) < month_of(today):
            text += "; se pela regra esse mês já estiver fechado, a venda fica pendente"
    return Offer(action="retry", text=f"{text}.")


def _today(competencia: date | None, today: date) -> Offer:
    text = f"Emitir com a data de hoje, {day(today)}"
    if competencia is None or month_of(competencia) == month_of(today):
        return Offer(action="issue", today=True, text=f"{text}: continua em {month(today)}.")
    moved = f"a competência passa de {month(competencia)} para {month(today)}"
    return Offer(action="issue", today=True, text=f"{text}: {moved}.")
