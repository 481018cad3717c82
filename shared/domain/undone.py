"""What is said and done of a sale whose payment or bill was undone, by the tenant's table. Pure."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from shared.domain.attention import REFUNDED_ABOVE, attention_after_issue
from shared.domain.decision import Hold, Skip
from shared.domain.moment import local_day
from shared.domain.nota import IN_FLIGHT
from shared.domain.part_states import BY_PERSON, FOLLOWED
from shared.domain.parts import Part
from shared.domain.refund_policy import (
    CODES,
    LEFT_BY_RULE,
    WINDOW_OVER,
    Treatment,
    standing_stage,
    treat,
)
from shared.domain.refunds import Cause, cause_of, refunded_above
from shared.domain.rule import Rule
from shared.domain.sale import SaleFacts, TenantTerms

CHARGED_BACK: Final = "charged_back"


def standing_cause(sale: SaleFacts) -> Cause | None:
    """Name what undid a sale and is not answered yet.

    What a part given back means for the nota is, once a person has said what the nota is for.
    """
    cause = cause_of(sale.bill, sale.refunds)
    choice = sale.amount_choice
    if cause != "partial" or choice is None or not choice.about_refund:
        return cause
    return cause if choice.of(sale.bill, sale.refunds) is None else None


def _chose_for_less(sale: SaleFacts) -> bool:
    """Whether other refunds were seen by whoever chose the amount: it is a question anew."""
    choice = sale.amount_choice
    seen = choice is not None and choice.about_refund
    return seen and standing_cause(sale) is not None


def undone(sale: SaleFacts, rule: Rule | None) -> Hold | Skip | None:
    """What stops a nota that was not asked for yet, or was denied."""
    cause = standing_cause(sale)
    if cause is None:
        return None
    by_person = sale.wish == "issue" and cause not in ("full", "bill_canceled")
    if cause == "partial" and _chose_for_less(sale):
        by_person = False
    match treat(cause, "before", rule):
        case "drop" if not by_person:
            code = CHARGED_BACK if cause == "chargeback" else CODES[cause]
            return Skip(code=code, attention=above(sale))
        case "hold" if not by_person:
            return Hold(code=CODES[cause])
        case _:
            return None


def treatment_of_standing(
    cause: Cause, notas: Sequence[Part], rule: Rule | None, terms: TenantTerms, now: datetime
) -> Treatment:
    """What is done about notas that stand; it is too late where it is for each of them."""
    stages = {
        standing_stage(
            rule,
            issued_on=nota.issued_at and local_day(nota.issued_at, terms.zone),
            competencia=nota.competencia,
            today=local_day(now, terms.zone),
        )
        for nota in notas
    }
    return treat(cause, "after" if "after" in stages else "past_window", rule)


def wanted_again(
    sale: SaleFacts, cause: Cause | None, rule: Rule | None, terms: TenantTerms, now: datetime
) -> tuple[int, ...]:
    """Parts that are being cancelled, or are to be, for a cause that is no more.

    A dispute that was won, a refund that failed after all. What a person wants stays so.
    """
    if sale.wish == "cancel":
        return ()
    return tuple(
        one.share.part
        for one in sale.parts
        if one.status in FOLLOWED
        and one.then_cancel not in (None, BY_PERSON)
        and one.wish != "cancel"
        and not _ends(one, cause, rule, terms, now)
    )


def _ends(
    nota: Part, cause: Cause | None, rule: Rule | None, terms: TenantTerms, now: datetime
) -> bool:
    """Whether what undid the sale by now would have this nota cancelled too."""
    if cause is None:
        return False
    if nota.status in IN_FLIGHT:
        return treat(cause, "while", rule) == "remember"
    # Asked for in time, it is gone on with though the city's window has ended meanwhile.
    return treatment_of_standing(cause, [nota], rule, terms, now) in ("cancel", "too_late")


def attention_to(sale: SaleFacts, rule: Rule | None, cause: Cause, treatment: Treatment) -> str:
    """What is said of a nota that is not cancelled for its cause: never nothing."""
    match treatment:
        case "too_late":
            return WINDOW_OVER
        case "leave":
            other = attention_after_issue(sale, rule) if cause == "partial" else None
            return other or LEFT_BY_RULE
        case _:
            return above(sale) or CODES[cause]


def unwanted_code(cause: Cause | None) -> str:
    """Why a nota is cancelled that a person wants cancelled."""
    return CODES[cause] if cause in ("full", "bill_canceled") else "canceled_by_person"


def above(sale: SaleFacts) -> str | None:
    """Name that more was given back than was ever paid."""
    return REFUNDED_ABOVE if refunded_above(sale.bill, sale.refunds) else None
