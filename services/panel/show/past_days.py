"""A preview day by day, beside what another integration issued on each of them. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from services.panel.kit import say
from services.panel.show.overview import divided
from services.panel.show.status import Badge
from shared.db.closing.shadow_read import DayOfOthers, Listed
from shared.domain.backfill_days import DAYS_KEPT, DayCount
from shared.domain.backfill_run import Backfill, Summary
from shared.domain.messages import label_for, message_for
from shared.domain.moment import local_day
from shared.domain.sale import SaleStatus

_ALIKE: Final = Badge(label="Igual", tone="good")
_DIFFERS: Final = Badge(label="Difere", tone="warn")
# That a preview and a list end somewhere is no difference: such a day is shown, and not counted.
_NOT_READ: Final = Badge(label="Fora da lista lida", tone="plain")
_NOT_OVER: Final = Badge(label="Dia incompleto", tone="plain")
_ONE: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class CauseShown:
    """Why some sales of a day wait, are held, or get no nota."""

    said: str
    sales: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PastDay:
    """A day: ours that would be (`later` of them not at once), and theirs that are."""

    day: date
    ours: int
    ours_amount: int
    later: int
    held: int
    held_amount: int
    theirs: int
    theirs_amount: int
    badge: Badge
    said: str  # by how much both differ
    causes: Sequence[CauseShown]


@dataclass(frozen=True, slots=True, kw_only=True)
class PastDays:
    """The newest days of a preview, the newest first; sums and counts are of days compared."""

    days: Sequence[PastDay]
    shortened: bool  # the window goes further back
    compared: int
    differing: int
    ours: int
    ours_amount: int
    theirs: int
    theirs_amount: int


def newest_days(run: Backfill, zone: ZoneInfo) -> tuple[date, date] | None:
    """First and last of the days that are shown of a run; None of one that shows none.

    Only a preview that was read to its end says something of a day.
    """
    if not run.asked.dry_run or run.status != "completed" or run.finished_at is None:
        return None
    until = local_day(run.finished_at, zone)
    if run.asked.until is not None:
        until = min(until, run.asked.until)
    return max(run.asked.since, until - (DAYS_KEPT - 1) * _ONE), until


def past_days(
    run: Backfill, summary: Summary, others: Sequence[DayOfOthers], listed: Listed, zone: ZoneInfo
) -> PastDays | None:
    """What a page says of the days of a preview; None where there are no days to show.

    `others` may hold more days than are shown. A day of ours is that of the sale's moment, one of
    theirs that of the competência.
    """
    ends = newest_days(run, zone)
    if ends is None or not summary.days:
        return None
    since, until = ends
    ours = {one.on: one for one in summary.days if since <= one.on <= until}
    theirs = {one.day: one for one in others if since <= one.day <= until}
    over = _over(run, listed, zone)
    days = [
        _day(day, ours.get(day), theirs.get(day), _not_compared(day, listed, over))
        for day in sorted({*ours, *theirs}, reverse=True)
    ]
    compared = [one for one in days if one.badge in (_ALIKE, _DIFFERS)]
    return PastDays(
        days=days,
        shortened=run.asked.since < since,
        compared=len(compared),
        differing=sum(one.badge == _DIFFERS for one in compared),
        ours=sum(one.ours for one in compared),
        ours_amount=sum(one.ours_amount for one in compared),
        theirs=sum(one.theirs for one in compared),
        theirs_amount=sum(one.theirs_amount for one in compared),
    )


def _over(run: Backfill, listed: Listed, zone: ZoneInfo) -> date | None:
    """The first day that one side may know in part only; None where no list was read."""
    if listed.until is None:
        return None
    begun = local_day(run.started_at or run.requested_at, zone)
    return min(begun, listed.until)


def _not_compared(day: date, listed: Listed, over: date | None) -> Badge | None:
    if over is None or listed.since is None or day < listed.since:
        return _NOT_READ
    return _NOT_OVER if day >= over else None


def _day(
    day: date, count: DayCount | None, other: DayOfOthers | None, not_compared: Badge | None
) -> PastDay:
    mine = count or DayCount(day.isoformat())
    ours, amount = mine.issue + mine.wait, mine.issue_amount + mine.wait_amount
    theirs, theirs_amount = (other.notas, other.amount) if other else (0, 0)
    alike = (ours, amount) == (theirs, theirs_amount)
    badge = not_compared or (_ALIKE if alike else _DIFFERS)
    return PastDay(
        day=day,
        ours=ours,
        ours_amount=amount,
        later=mine.wait,
        held=mine.hold,
        held_amount=mine.hold_amount,
        theirs=theirs,
        theirs_amount=theirs_amount,
        badge=badge,
        said=_by_how_much(ours - theirs, amount - theirs_amount) if badge == _DIFFERS else "",
        causes=_causes(mine),
    )


def _by_how_much(notas: int, amount: int) -> str:
    """`2 notas a mais, R$ 10,00 a menos`, of ours beside theirs."""
    said = []
    if notas:
        said.append(f"{say.counted(abs(notas), 'nota', 'notas')} {_side(notas)}")
    if amount:
        said.append(f"{say.money(abs(amount))} {_side(amount)}")
    return ", ".join(said)


def _side(difference: int) -> str:
    return "a mais" if difference > 0 else "a menos"


def _causes(count: DayCount) -> list[CauseShown]:
    shown = [
        CauseShown(said=_cause(sort), sales=sales)
        for sort, sales in sorted(count.causes.items(), key=lambda one: (-one[1], one[0]))
    ]
    if count.known:
        shown.append(CauseShown(said="Já têm nota: nada muda", sales=count.known))
    return shown


_STATUSES: Final[Mapping[str, SaleStatus]] = {status.value: status for status in SaleStatus}


def _cause(sort: str) -> str:
    outcome, _, code = sort.partition(":")
    status = _STATUSES.get(code) if outcome == "wait" else None
    return divided(message_for(code).text)[0] if status is None else label_for(status)
