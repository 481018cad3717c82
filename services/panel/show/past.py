"""An import of past sales: how far it is, and what it found. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from services.panel.kit import say
from services.panel.show.overview import divided
from shared.db.closing.shadow_read import DayOfOthers
from shared.domain.backfill_run import Backfill, BackfillStatus, MonthCount, Summary, sort_of
from shared.domain.messages import message_for, message_of_import

LABELS: Final[dict[BackfillStatus, tuple[str, str]]] = {
    "queued": ("Na fila", "calm"),
    "running": ("Em andamento", "calm"),
    "completed": ("Concluída", "good"),
    "failed": ("Falhou", "bad"),
    "cancelled": ("Cancelada", "plain"),
}

_WAITING: Final = ("Aguardando", "warn")


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthOfOthers:
    """What somebody else issued in a month."""

    notas: int
    amount: int


NO_OTHERS: Final[Mapping[str, MonthOfOthers]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthShown:
    """A month of a run: its sales, what becomes of them, and what others issued in it."""

    month: str
    bills: int
    amount: int
    issue: int
    wait: int
    hold: int
    skip: int
    theirs: int
    theirs_amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeShown:
    """What becomes of some sales; what they come to is None of a run of long ago."""

    said: str
    sales: int
    amount: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunShown:
    """An import as a person sees it."""

    id: str
    label: str
    tone: str
    dry: bool
    open: bool
    window: str
    requested_at: datetime
    requested_by: str
    reason: str
    read: int
    of: int | None
    left: str
    outcomes: Sequence[OutcomeShown]
    to_issue: int
    months: Sequence["MonthShown"]
    others: bool  # whether the issuer lists notas of others in these months
    new: int
    known: int
    trouble: str


def run_shown(
    run: Backfill,
    summary: Summary,
    now: datetime,
    others: Mapping[str, MonthOfOthers] = NO_OTHERS,
) -> RunShown:
    """What a page says of a run; `summary` is what it has found so far.

    `others` is what somebody else issued, by month (YYYY-MM).
    """
    waits = run.waits_for
    label, tone = LABELS[run.status] if waits is None else _WAITING
    left = run.position.rows_left
    eta = run.eta_seconds(now)
    total = None if left is None else summary.bills + left
    return RunShown(
        id=run.id,
        label=label,
        tone=tone,
        dry=run.asked.dry_run,
        open=run.status in ("queued", "running"),
        window=_window(run.asked.since, run.asked.until),
        requested_at=run.requested_at,
        requested_by=run.asked.requested_by,
        reason=run.asked.reason,
        read=summary.bills,
        of=summary.bills if run.summary is not None else total,
        left="" if eta is None else say.span(timedelta(seconds=eta)),
        outcomes=_outcomes(summary, ended=run.status == "completed"),
        to_issue=summary.to_issue,
        months=[_month_shown(one, others.get(one.month)) for one in summary.months],
        others=any(one.month in others for one in summary.months),
        new=summary.new,
        known=summary.known,
        trouble=message_of_import(run.error, is_open=waits is not None).text if run.error else "",
    )


def months_of_others(days: Iterable[DayOfOthers]) -> dict[str, MonthOfOthers]:
    """Days of others added up by their months (YYYY-MM)."""
    months: dict[str, MonthOfOthers] = {}
    for one in days:
        month = f"{one.day:%Y-%m}"
        before = months.get(month, MonthOfOthers(notas=0, amount=0))
        months[month] = MonthOfOthers(
            notas=before.notas + one.notas, amount=before.amount + one.amount
        )
    return months


def _window(since: date, until: date | None) -> str:
    end = "hoje" if until is None else say.day(until)
    return f"{say.day(since)} a {end}"


def _outcomes(summary: Summary, *, ended: bool) -> list[OutcomeShown]:
    amounts = summary.amounts
    found = [
        OutcomeShown(said="Virar nota agora", sales=summary.issue, amount=amounts.get("issue")),
        OutcomeShown(said="Virar nota mais tarde", sales=summary.wait, amount=amounts.get("wait")),
    ]
    for outcome, codes in (("hold", summary.hold), ("skip", summary.skip)):
        found += [
            OutcomeShown(
                said=divided(message_for(code).text)[0],
                sales=count,
                amount=amounts.get(sort_of(outcome, code)),
            )
            for code, count in codes.items()
        ]
    known = summary.bills - sum(one.sales for one in found) if ended else 0
    has = OutcomeShown(said="Já têm nota: nada muda", sales=known, amount=amounts.get("known"))
    return [one for one in (*found, has) if one.sales]


def _month_shown(one: MonthCount, other: MonthOfOthers | None) -> MonthShown:
    return MonthShown(
        month=_month(one.month),
        bills=one.bills,
        amount=one.amount,
        issue=one.issue,
        wait=one.wait,
        hold=one.hold,
        skip=one.skip,
        theirs=other.notas if other else 0,
        theirs_amount=other.amount if other else 0,
    )


def _month(text: str) -> str:
    return say.month(date(int(text[:4]), int(text[5:7]), 1))
