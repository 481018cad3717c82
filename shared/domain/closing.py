"""The closing of a month: Vindi's side against notas and named exceptions, to the cent."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, Self
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from shared.domain.moment import local_day, next_month, start_of_day
from shared.domain.money import NOTHING, Cents
from shared.domain.nota import IssuerEnvironment
from shared.domain.rule import Rule

if TYPE_CHECKING:
    from shared.domain.filing import Filing


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Month:
    """A month of a tenant's calendar."""

    year: int
    month: int

    @classmethod
    def read(cls, text: str) -> Self:
        """Read `YYYY-MM`; ValueError for anything else."""
        year, _, month = text.partition("-")
        plain = text.isascii() and year.isdigit() and month.isdigit()
        if not plain or (len(year), len(month)) != (4, 2):
            raise ValueError("a month is YYYY-MM")
        if not 2000 <= int(year) <= 2199 or not 1 <= int(month) <= 12:
            raise ValueError("no such month")
        return cls(year=int(year), month=int(month))

    @classmethod
    def of(cls, instant: datetime, zone: ZoneInfo) -> Self:
        """The month in which an instant falls in a zone."""
        day = local_day(instant, zone)
        return cls(year=day.year, month=day.month)

    @property
    def first_day(self) -> date:
        """Its first day."""
        return date(self.year, self.month, 1)

    @property
    def last_day(self) -> date:
        """Its last day."""
        year, month = next_month(self.first_day)
        return date(year, month, 1) - timedelta(days=1)

    def bounds(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """The instants at which it begins, and at which the next one does, in UTC."""
        year, month = next_month(self.first_day)
        return start_of_day(self.first_day, zone), start_of_day(date(year, month, 1), zone)

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.month:02d}"


class Kinds(Struct, frozen=True, kw_only=True):
    """By which moments a tenant's sales belong to a month: payment, creation, or both."""

    paid: bool
    created: bool


def kinds_of(rule: Rule | None) -> Kinds:
    """The kinds of moment a rule knows, its exceptions included (design D8).

    `manual` and `never` count by creation, and so does everything while there is no rule.
    """
    if rule is None:
        return Kinds(paid=False, created=True)
    words = {rule.issue_when, *(exception.issue_when for exception in rule.exceptions)}
    paying = words & {"bill_paid", "guarantee_ended"}
    return Kinds(paid=bool(paying), created=bool(words - paying))


class Sum(Struct, frozen=True, kw_only=True):
    """How many bills, and how much money."""

    bills: int = 0
    amount: Cents = NOTHING

    def plus(self, other: "Sum") -> "Sum":
        """Both together."""
        return Sum(bills=self.bills + other.bills, amount=Cents(self.amount + other.amount))

    def minus(self, other: "Sum") -> "Sum":
        """What this has beyond the other; may be negative."""
        return Sum(bills=self.bills - other.bills, amount=Cents(self.amount - other.amount))

    @property
    def nothing(self) -> bool:
        """Neither bills nor money."""
        return self.bills == 0 and self.amount == 0


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class WhyNoNota:
    """Why sales have no valid nota: the code, else the status itself, and the status."""

    code: str
    status: str


class Figures(Struct, frozen=True, kw_only=True):
    """What our own tables say of a month. `read_at` is the oldest reading of its bills."""

    vindi: Sum = msgspec.field(default_factory=Sum)
    notas: Sum = msgspec.field(default_factory=Sum)
    exceptions: Mapping[WhyNoNota, Sum] = msgspec.field(default_factory=dict)
    read_at: datetime | None = None

    @property
    def difference(self) -> Cents:
        """Money of Vindi's side that neither a nota nor an exception explains."""
        explained = self.notas.amount + sum(one.amount for one in self.exceptions.values())
        return Cents(self.vindi.amount - explained)


class Lock(Struct, frozen=True, kw_only=True):
    """What a month said when a person locked it."""

    month: Month
    locked_at: datetime
    locked_by: str
    reason: str
    forced: bool
    figures: Figures


class Adjustment(Struct, frozen=True, kw_only=True):
    """What changed in one figure since the lock; `reason` is None for the totals."""

    what: Literal["vindi", "notas", "exception"]
    reason: WhyNoNota | None
    change: Sum


def adjustments(then: Figures, now: Figures) -> tuple[Adjustment, ...]:
    """Name every figure that is not what it was when the month was locked."""
    reasons = sorted({*then.exceptions, *now.exceptions})
    found = [
        Adjustment(what="vindi", reason=None, change=now.vindi.minus(then.vindi)),
        Adjustment(what="notas", reason=None, change=now.notas.minus(then.notas)),
        *(
            Adjustment(
                what="exception",
                reason=reason,
                change=now.exceptions.get(reason, Sum()).minus(then.exceptions.get(reason, Sum())),
            )
            for reason in reasons
        ),
    ]
    return tuple(one for one in found if not one.change.nothing)


class ListDay(Struct, frozen=True, kw_only=True, order=True):
    """A day of creation in the list of one of the companies that notas were born at."""

    company: str  # in small letters
    day: date


class NotaSum(Struct, frozen=True, kw_only=True):
    """Notas, counted and added up."""

    notas: int = 0
    amount: Cents = NOTHING


class IssuerSide(Struct, frozen=True, kw_only=True):
    """The issuer's own list of the real environment, as far as it is of a month.

    `read_at` is as of when it is known, None while some day of it was never read; `stale` are days
    that have to be read again, since something changed after they were. `environment` is that of
    the tenant's connection. `accepted` are notas of other systems that a person accepted: they
    count apart, neither among the others nor as differences.
    """

    environment: IssuerEnvironment | None = None
    notas: int = 0
    amount: Cents = NOTHING
    read_at: datetime | None = None
    differences: int = 0
    accepted: NotaSum = NotaSum()
    stale: tuple[ListDay, ...] = ()

    @property
    def agrees(self) -> bool:
        """It was read since the last change, and says what we say."""
        return not self.stale and self.differences == 0


class Closing(Struct, frozen=True, kw_only=True):
    """A month: what our tables say, how many sales Vindi has beyond those read, the issuer's list.

    `missing` is None when Vindi could not be asked; `trouble` then says why. A closing that
    could not be checked never balances.
    """

    month: Month
    figures: Figures
    missing: int | None
    trouble: str | None
    lock: Lock | None
    issuer: IssuerSide = IssuerSide()
    filing: "Filing | None" = None  # where it was asked for

    @property
    def balanced(self) -> bool:
        """All three sides agree: nothing is missing, and every centavo is explained."""
        return self.missing == 0 and self.figures.difference == 0 and self.issuer.agrees

    @property
    def adjustments(self) -> tuple[Adjustment, ...]:
        """What changed since the month was locked; empty while it is not."""
        return () if self.lock is None else adjustments(self.lock.figures, self.figures)


def figures_to_json(figures: Figures) -> dict[str, Any]:
    """Figures as they are kept with a lock."""
    return {
        "vindi": [figures.vindi.bills, figures.vindi.amount],
        "notas": [figures.notas.bills, figures.notas.amount],
        "exceptions": [
            [reason.code, reason.status, one.bills, one.amount]
            for reason, one in sorted(figures.exceptions.items())
        ],
    }


def figures_from_json(kept: Mapping[str, Any]) -> Figures:
    """Read what `figures_to_json` wrote."""
    return Figures(
        vindi=_sum(*kept["vindi"]),
        notas=_sum(*kept["notas"]),
        exceptions={
            WhyNoNota(code=code, status=status): _sum(bills, amount)
            for code, status, bills, amount in kept["exceptions"]
        },
    )


def _sum(bills: int, amount: int) -> Sum:
    return Sum(bills=bills, amount=Cents(amount))
