"""The competência of a nota: which day, and whether its month is still open."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from shared.domain.moment import local_day, month_of, next_month
from shared.domain.rule import Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Competencia:
    """A chosen day; `closed` when the rule no longer lets a nota be dated by it."""

    day: date
    closed: bool


def choose_competencia(
    *,
    fixed: date | None,
    rule: Rule,
    moment_at: datetime,
    issue_at: datetime,
    guarantee: bool,
    zone: ZoneInfo,
    backfill: Literal["original", "today"] | None,
    now: datetime,
    locked: frozenset[tuple[int, int]] = frozenset(),
    by_person: bool = False,
) -> Competencia:
    """Choose the competência: what was fixed first, else what the rule or backfill says.

    A day in an earlier month than today is kept up to `keep_until_day` of the following month;
    afterwards it is closed, or becomes today where the rule says so. `late_competencia` does not
    apply to a backfill that asked for original days; months in `locked` do. `by_person`: a person
    asked for this nota, knowing that its month is closed; it is dated today.
    """
    chosen = _by_rule(
        fixed=fixed,
        rule=rule,
        moment_at=moment_at,
        issue_at=issue_at,
        guarantee=guarantee,
        zone=zone,
        backfill=backfill,
        now=now,
        locked=locked,
    )
    if chosen.closed and by_person:
        return Competencia(day=local_day(now, zone), closed=False)
    return chosen


def _by_rule(
    *,
    fixed: date | None,
    rule: Rule,
    moment_at: datetime,
    issue_at: datetime,
    guarantee: bool,
    zone: ZoneInfo,
    backfill: Literal["original", "today"] | None,
    now: datetime,
    locked: frozenset[tuple[int, int]],
) -> Competencia:
    today = local_day(now, zone)
    if backfill == "today":
        return Competencia(day=max(today, local_day(issue_at, zone)), closed=False)
    if backfill == "original":
        original = min(fixed or local_day(moment_at, zone), today)
        return Competencia(day=original, closed=month_of(original) in locked)
    by_issue_day = rule.competencia == "issue_day" or (rule.competencia is None and guarantee)
    day = fixed or local_day(issue_at if by_issue_day else moment_at, zone)
    if month_of(day) >= month_of(today):
        return Competencia(day=_not_after(day, today, guarantee=guarantee), closed=False)
    late = rule.late_competencia
    if next_month(day) == month_of(today) and today.day <= late.keep_until_day:
        return Competencia(day=day, closed=False)
    if late.then == "today":
        return Competencia(day=today, closed=False)
    return Competencia(day=day, closed=True)


def _not_after(day: date, today: date, *, guarantee: bool) -> date:
    # City halls refuse future days, which a clock of Vindi's that runs ahead of ours could bring;
    # a guarantee's end is a future day only while the sale waits for it.
    return day if guarantee else min(day, today)
