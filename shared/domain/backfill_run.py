"""A run of a backfill: what was asked for, where it is, what it has found."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any, Final, Literal, Self

import msgspec
from msgspec import Struct

from shared.domain.backfill_days import DayCount, count_days
from shared.domain.ids import BackfillId, TenantId
from shared.domain.money import NOTHING, Cents
from shared.domain.rule import Rule

BackfillStatus = Literal["queued", "running", "completed", "failed", "cancelled"]
OPEN_STATUSES: Final = frozenset[BackfillStatus](("queued", "running"))
BackfillCompetencia = Literal["original", "today"]
# bills: the list of bills; late: charges made after it that were paid inside the window; whole:
# the rest of the bills, where an account does not honour the filter for those; rest: all is read.
BackfillPhase = Literal["bills", "late", "whole", "rest"]
# How the account reads the times of a query; `plain`: it does not filter by them at all.
Reading = Literal["brasilia", "utc", "plain"]


class BackfillRequest(Struct, frozen=True, kw_only=True):
    """What was asked for, by whom and why; `rule` is the one that decides, None if there is none.

    `until` None means to this day, whichever day that is.
    """

    since: date
    until: date | None
    dry_run: bool
    competencia: BackfillCompetencia
    rule: Rule | None
    requested_by: str
    reason: str


class Position(Struct, frozen=True, kw_only=True):
    """Where the reading is: the next request is `page` of the list that begins at `anchor`."""

    phase: BackfillPhase = "bills"
    anchor: datetime | None = None
    page: int = 1
    reading: Reading = "brasilia"
    rows_read: int = 0
    rows_left: int | None = None  # by Vindi's own count; None before the first page
    seen: Mapping[int, int] = msgspec.field(
        default_factory=dict
    )  # of this list: ids, seconds of creation
    list_total: int | None = None  # how many it had at first; None before its first page
    again: int = 0  # how often this list was begun anew, because rows of it never came
    omitted: bool = False  # rows of some list never came: the rest is taken, and the run fails


class MonthCount(Struct, frozen=True):
    """Sales of one month (YYYY-MM, of their moments), and how many of them become what."""

    month: str
    bills: int
    amount: Cents
    issue: int = 0
    wait: int = 0
    hold: int = 0
    skip: int = 0


class Group(Struct, frozen=True, kw_only=True):
    """Equal findings of one day, counted; YYYY-MM of what was found before days were kept."""

    outcome: str
    code: str | None
    day: str
    bills: int
    amount: Cents
    to_issue: Cents
    known: int = 0  # of them, taken before this run

    @property
    def month(self) -> str:
        """The month of the day, YYYY-MM."""
        return self.day[:7]


_DAYS: Final = "by_day"


class Summary(Struct, frozen=True, kw_only=True):
    """What was found in the window.

    `known` are sales that the stream or an earlier backfill took, whatever became of them.
    `amounts` is what the bills of an outcome come to, by `sort_of`; runs that ended before it was
    kept have none. `days` are the newest (`count_days`); such runs have none of them either.
    """

    bills: int = 0
    known: int = 0
    issue: int = 0
    wait: int = 0
    hold: dict[str, int] = msgspec.field(default_factory=dict)
    skip: dict[str, int] = msgspec.field(default_factory=dict)
    to_issue: Cents = NOTHING
    months: tuple[MonthCount, ...] = ()
    amounts: dict[str, Cents] = msgspec.field(default_factory=dict)
    days: tuple[DayCount, ...] = ()

    @property
    def new(self) -> int:
        """Sales of the window that this run brings in."""
        return self.bills - self.known

    def to_json(self) -> dict[str, Any]:
        """As it is stored."""
        return {
            "bills": self.bills,
            "known": self.known,
            "issue": self.issue,
            "wait": self.wait,
            "hold": self.hold,
            "skip": self.skip,
            "to_issue": self.to_issue,
            "months": [list(msgspec.structs.astuple(month)) for month in self.months],
            # The code before days were kept refuses a key of a summary that it does not know, and
            # looks into the amounts for those it knows.
            "amounts": {
                **self.amounts,
                _DAYS: [list(msgspec.structs.astuple(day)) for day in self.days],
            },
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        """From what `to_json` wrote, of a later version too: what that says more is passed over."""
        # Runs that ended before outcomes were kept by month have the first three alone.
        known = {name: stored[name] for name in cls.__struct_fields__ if name in stored}
        months = tuple(MonthCount(*month) for month in stored["months"])
        amounts = dict(stored.get("amounts", {}))
        days = tuple(DayCount(*day) for day in amounts.pop(_DAYS, ()))
        return cls(**{**known, "months": months, "amounts": amounts, "days": days})


def sort_of(outcome: str, code: str | None = None) -> str:
    """By which an outcome's amount is kept: itself, with its code where it has one."""
    return f"{outcome}:{code}" if code and outcome in ("hold", "skip") else outcome


def summarise(groups: Iterable[Group]) -> Summary:
    """Add up findings; those not decided yet count as bills of their month only."""
    groups = list(groups)
    outcomes: Counter[str] = Counter()
    sums: Counter[str] = Counter()
    codes: dict[str, Counter[str]] = {"hold": Counter(), "skip": Counter()}
    bills: Counter[str] = Counter()
    amounts: Counter[str] = Counter()
    of_month: dict[str, Counter[str]] = defaultdict(Counter)
    to_issue = known = 0
    for group in groups:
        outcomes[group.outcome] += group.bills
        sums[sort_of(group.outcome, group.code)] += group.amount
        if group.outcome in codes:
            codes[group.outcome][group.code or ""] += group.bills
        bills[group.month] += group.bills
        amounts[group.month] += group.amount
        of_month[group.month][group.outcome] += group.bills
        to_issue += group.to_issue
        known += group.known
    return Summary(
        bills=bills.total(),
        known=known,
        issue=outcomes["issue"],
        wait=outcomes["wait"],
        hold=dict(sorted(codes["hold"].items())),
        skip=dict(sorted(codes["skip"].items())),
        to_issue=Cents(to_issue),
        amounts={sort: Cents(amount) for sort, amount in sorted(sums.items())},
        days=count_days(groups),
        months=tuple(
            MonthCount(
                month=month,
                bills=bills[month],
                amount=Cents(amounts[month]),
                issue=of_month[month]["issue"],
                wait=of_month[month]["wait"],
                hold=of_month[month]["hold"],
                skip=of_month[month]["skip"],
            )
            for month in sorted(bills)
        ),
    )


class Backfill(Struct, frozen=True, kw_only=True):
    """A backfill as it is now; `summary` is set once it has ended."""

    id: BackfillId
    tenant_id: TenantId
    status: BackfillStatus
    asked: BackfillRequest
    position: Position
    requested_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    error: str | None
    attempt: int
    failures: int
    summary: Summary | None
    not_before: datetime | None = None  # rests until then

    @property
    def waits_for(self) -> str | None:
        """The stable word of what keeps an open run from going on; None while nothing does."""
        return self.error if self.status in OPEN_STATUSES else None

    def eta_seconds(self, now: datetime) -> int | None:
        """How long reading will go on at the speed it had; None while that is not known."""
        position = self.position
        if self.status != "running" or self.started_at is None or position.rows_left is None:
            return None
        if self.waits_for is not None:
            return None
        if position.rows_read == 0:
            return None
        spent = max(0.0, (now - self.started_at).total_seconds())
        return round(spent / position.rows_read * position.rows_left)
