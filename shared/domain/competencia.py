"""The competência of a nota: which day, and whether its month is still open."""

from datetime import date, datetime
from typing import Final, Literal
from zoneinfo import ZoneInfo

from msgspec import Struct

from shared.domain.moment import local_day, month_of, next_month
from shared.domain.rule import Rule

MONTH_CLOSED: Final = "competencia_month_closed"


class Competencia(Struct, frozen=True, kw_only=True):
    """A chosen day; `closed` when the rule no longer lets a nota be dated by it."""

    day: date
    closed: bool


def choose_competencia(
    *,
    fixed: date | None,
    rule: Rule,
    moment_on: date,
    issue_at: datetime,
    guarantee: bool,
    zone: ZoneInfo,
    backfill: Literal["original", "today"] | None,
    now: datetime,
    locked: frozenset[tuple[int, int]] = frozenset(),
    by_person: bool = False,
    refused: bool = False,
) -> Competencia:
    """Choose the competência: what was fixed first, else what the rule or backfill says.

    A day in an earlier month than today is kept up to `keep_until_day` of the following month;
    afterwards it is closed, or becomes today where the rule says so. A month in `locked` is closed
    at once, whoever asks and whatever the days of grace. `late_competencia` does not apply to a
    backfill that asked for original days. `by_person`: a person asked for this nota, knowing that
    its month is closed, or that the city `refused` its day; it is dated today.
    """
    today = local_day(now, zone)
    chosen = _by_rule(
        fixed=fixed,
        rule=rule,
        moment_on=moment_on,
        issue_at=issue_at,
        guarantee=guarantee,
        zone=zone,
        backfill=backfill,
        today=today,
        locked=locked,
    )
    if by_person and (chosen.closed or refused):
        return _unless_locked(today, locked)
    return chosen


def _by_rule(
    *,
    fixed: date | None,
    rule: Rule,
    moment_on: date,
    issue_at: datetime,
    guarantee: bool,
    zone: ZoneInfo,
    backfill: Literal["original", "today"] | None,
    today: date,
    locked: frozenset[tuple[int, int]],
) -> Competencia:
    if backfill == "today":
        return _unless_locked(max(today, local_day(issue_at, zone)), locked)
    if backfill == "original":
        return _unless_locked(min(fixed or moment_on, today), locked)
    by_issue_day = rule.competencia == "issue_day" or (rule.competencia is None and guarantee)
    day = fixed or (max(local_day(issue_at, zone), moment_on) if by_issue_day else moment_on)
    if month_of(day) >= month_of(today):
        return _unless_locked(_not_after(day, today, guarantee=guarantee), locked)
    late = rule.late_competencia
    in_grace = next_month(day) == month_of(today) and today.day <= late.keep_until_day
    if in_grace and month_of(day) not in locked:
        return Competencia(day=day, closed=False)
    return _unless_locked(today, locked) if late.then == "today" else _closed(day)


def _unless_locked(day: date, locked: frozenset[tuple[int, int]]) -> Competencia:
    return Competencia(day=day, closed=month_of(day) in locked)


def _closed(day: date) -> Competencia:
    return Competencia(day=day, closed=True)


def _not_after(day: date, today: date, *, guarantee: bool) -> date:
    # City halls refuse future days, which a clock of Vindi's that runs ahead of ours could bring;
    # a guarantee's end is a future day only while the sale waits for it.
    return day if guarantee else min(day, today)
