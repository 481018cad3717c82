"""What a backfill found, by the local day of each sale's moment. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date
from typing import Final, Protocol

from msgspec import Struct

from shared.domain.money import NOTHING, Cents

DAYS_KEPT: Final = 31  # the newest days of a window: what a person compares before switching
_DAY: Final = len("2026-06-01")


class FoundAlike(Protocol):
    """Equal findings, counted; `day` is YYYY-MM-DD, or YYYY-MM of what was found before."""

    @property
    def day(self) -> str: ...
    @property
    def outcome(self) -> str: ...
    @property
    def code(self) -> str | None: ...
    @property
    def bills(self) -> int: ...
    @property
    def amount(self) -> Cents: ...
    @property
    def to_issue(self) -> Cents: ...


class DayCount(Struct, frozen=True):
    """Sales of one day (YYYY-MM-DD), how many become what, and what that comes to.

    `issue_amount` is what the notas would say, `wait_amount` and `hold_amount` what the bills say.
    `causes` counts what has a code, by outcome and code (`hold:no_rule`, `wait:in_guarantee`).
    """

    day: str
    issue: int = 0
    issue_amount: Cents = NOTHING
    wait: int = 0
    wait_amount: Cents = NOTHING
    hold: int = 0
    hold_amount: Cents = NOTHING
    skip: int = 0
    known: int = 0
    causes: dict[str, int] = {}

    @property
    def on(self) -> date:
        """The day."""
        return date.fromisoformat(self.day)


def count_days(groups: Iterable[FoundAlike]) -> tuple[DayCount, ...]:
    """The newest days on which there are sales, oldest first.

    None at all where some were found before days were kept: a day would say less than there is.
    """
    found = list(groups)
    if any(len(group.day) != _DAY for group in found):
        return ()
    by_day: dict[str, list[FoundAlike]] = defaultdict(list)
    for group in found:
        by_day[group.day].append(group)
    return tuple(_count(day, by_day[day]) for day in sorted(by_day)[-DAYS_KEPT:])


def _count(day: str, groups: Iterable[FoundAlike]) -> DayCount:
    sales: Counter[str] = Counter()
    amounts: Counter[str] = Counter()
    causes: Counter[str] = Counter()
    for group in groups:
        sales[group.outcome] += group.bills
        amounts[group.outcome] += group.to_issue if group.outcome == "issue" else group.amount
        if group.code:
            causes[f"{group.outcome}:{group.code}"] += group.bills
    return DayCount(
        day=day,
        issue=sales["issue"],
        issue_amount=Cents(amounts["issue"]),
        wait=sales["wait"],
        wait_amount=Cents(amounts["wait"]),
        hold=sales["hold"],
        hold_amount=Cents(amounts["hold"]),
        skip=sales["skip"],
        known=sales["known"],
        causes=dict(sorted(causes.items())),
    )
