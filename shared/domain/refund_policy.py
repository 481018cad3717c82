"""What a refund, a chargeback or a canceled bill does to a sale: a table, and how it is read.

Before a nota was asked for, while the issuer has it, once it stands, and once the city hall no
longer takes its cancellation (design D10; fiscal-domain, section 13.3).
"""

from collections.abc import Mapping
from datetime import date
from typing import Final, Literal

from shared.domain.moment import next_month
from shared.domain.refunds import Cause
from shared.domain.rule import AfterRefund, CityWindow, Rule

RefundStage = Literal["before", "while", "after", "past_window"]
Treatment = Literal["drop", "hold", "go_on", "remember", "cancel", "tell", "leave", "too_late"]

STAGES: Final[tuple[RefundStage, ...]] = ("before", "while", "after", "past_window")
TABLE: Final[Mapping[tuple[Cause, AfterRefund], tuple[Treatment, ...]]] = {
    #                             before   while       after     past the city's window
    ("full", "cancel"):          ("drop",  "remember", "cancel", "too_late"),
    ("full", "hold"):            ("drop",  "tell",     "tell",   "tell"),
    ("full", "nothing"):         ("drop",  "leave",    "leave",  "leave"),
    ("partial", "cancel"):       ("hold",  "remember", "cancel", "too_late"),
    ("partial", "hold"):         ("hold",  "tell",     "tell",   "tell"),
    ("partial", "nothing"):      ("go_on", "leave",    "leave",  "leave"),
    ("chargeback", "cancel"):    ("drop",  "remember", "cancel", "too_late"),
    ("chargeback", "hold"):      ("hold",  "tell",     "tell",   "tell"),
    ("chargeback", "nothing"):   ("go_on", "leave",    "leave",  "leave"),
    ("bill_canceled", "cancel"): ("drop",  "remember", "cancel", "too_late"),
    ("bill_canceled", "hold"):   ("drop",  "tell",     "tell",   "tell"),
    ("bill_canceled", "nothing"): ("drop", "leave",    "leave",  "leave"),
}  # fmt: skip
# The code a cause gives to what it holds, cancels or tells of.
CODES: Final[Mapping[Cause, str]] = {
    "full": "refunded",
    "partial": "partially_refunded",
    "chargeback": "payment_undone",
    "bill_canceled": "bill_canceled",
}
WINDOW_OVER: Final = "cancel_window_over"
LEFT_BY_RULE: Final = "kept_by_rule"


def treat(cause: Cause, stage: RefundStage, rule: Rule | None) -> Treatment:
    """Read the table for a tenant; without a rule, as a rule says that leaves all at its default.

    What a person dropped or asked for comes before it: this is about what happens by itself.
    """
    return TABLE[cause, _choice(cause, rule or DEFAULTS)][STAGES.index(stage)]


DEFAULTS: Final = Rule(issue_when="manual")


def _choice(cause: Cause, rule: Rule) -> AfterRefund:
    policy = rule.refunds
    both: AfterRefund = "cancel" if rule.cancel_on_refund else "hold"
    match cause:
        case "full":
            return policy.full or both
        case "bill_canceled":
            return policy.bill_canceled or both
        case "partial":
            return policy.partial
        case "chargeback":
            return policy.chargeback


def standing_stage(
    rule: Rule | None, *, issued_on: date | None, competencia: date | None, today: date
) -> RefundStage:
    """The stage of a nota that stands; `after` too where the city's window is not known."""
    window = rule.refunds.city_window if rule is not None else None
    if window is None or window.afterwards == "try":
        return "after"
    last = _last_day(window, issued_on, competencia)
    return "past_window" if last is not None and today > last else "after"


def _last_day(window: CityWindow, issued_on: date | None, competencia: date | None) -> date | None:
    if window.days_after_issue is not None:
        return issued_on and date.fromordinal(issued_on.toordinal() + window.days_after_issue)
    if window.until_day is None or competencia is None:
        return None
    return _day_of_month(next_month(competencia), window.until_day)


def _day_of_month(month: tuple[int, int], day: int) -> date:
    """A day of a month, its last where it is shorter; day 0 is the last of the month before."""
    first = date(*month, 1)
    end = date(*next_month(first), 1).toordinal() - 1
    return date.fromordinal(min(first.toordinal() + day - 1, end))
