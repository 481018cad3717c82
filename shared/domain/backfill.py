"""Which past sales a backfill takes, and what it foresees for each. Pure."""

from datetime import date, datetime, timedelta
from typing import Literal, assert_never
from zoneinfo import ZoneInfo

from msgspec import Struct

from shared.domain.bill import Bill, BillStatus
from shared.domain.choose_rule import choose_moment
from shared.domain.decision import (
    Cancel,
    Decision,
    Follow,
    Hold,
    Issue,
    Keep,
    NeedsCustomer,
    NotYet,
    Skip,
    Wait,
)
from shared.domain.moment import (
    latest_counted,
    local_day,
    moment_created,
    moment_paid,
    start_of_day,
)
from shared.domain.money import NOTHING, Cents
from shared.domain.rule import Rule

Outcome = Literal["issue", "wait", "hold", "skip", "known"]


class Window(Struct, frozen=True, kw_only=True):
    """Local days from `since` to `until`, both included; `until` None leaves the end open."""

    since: date
    until: date | None
    zone: ZoneInfo

    @property
    def start(self) -> datetime:
        """The instant the window begins."""
        return start_of_day(self.since, self.zone)

    @property
    def end(self) -> datetime | None:
        """The first instant after the window."""
        if self.until is None:
            return None
        return start_of_day(self.until + timedelta(days=1), self.zone)

    def holds(self, instant: datetime) -> bool:
        """Say whether an instant falls on one of its days."""
        day = local_day(instant, self.zone)
        return self.since <= day and (self.until is None or day <= self.until)


class Foreseen(Struct, frozen=True, kw_only=True):
    """What a decision becomes; `to_issue` is what a nota would say, else zero."""

    outcome: Outcome
    code: str | None = None
    to_issue: Cents = NOTHING


def window_moment(
    bill: Bill, rule: Rule | None, came_alive_at: datetime | None, zone: ZoneInfo
) -> datetime | None:
    """The instant of a bill that a window looks at: that of its rule (design D8), as it counts.

    A payment that was given back happened all the same. None for a bill that has no such moment
    yet, or died before it. A paid bill whose payment has no date counts by its creation, so that
    it is not lost between windows.
    """
    created = moment_created(bill, came_alive_at)
    if created is None:
        return None
    when = choose_moment(bill, rule) if rule is not None else None
    if when is None or when.issue_when not in ("bill_paid", "guarantee_ended"):
        return created.at
    paid = moment_paid(bill)
    if paid is not None:
        return paid.counted_at(zone)
    undone = latest_counted(bill.charges, zone)
    if undone is not None:
        return undone
    return created.at if bill.status is BillStatus.PAID else None


def foresee(decision: Decision) -> Foreseen:
    """Name what a decision becomes; a sale that has a nota is `known`."""
    match decision:
        case Issue():
            return Foreseen(outcome="issue", to_issue=decision.whole)
        case Wait():
            return Foreseen(outcome="wait", code=decision.status)
        case Hold():
            return Foreseen(outcome="hold", code=decision.code)
        case Skip():
            return Foreseen(outcome="skip", code=decision.code)
        case Cancel() | Follow() | Keep():
            return Foreseen(outcome="known")
        case NeedsCustomer() | NotYet():
            raise ValueError("not decided yet")
        case _:
            assert_never(decision)
