"""An import of past sales: how far it is, and what it found. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from services.panel.kit import say
from services.panel.show.overview import divided
from shared.domain.backfill_run import Backfill, BackfillStatus, Summary
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
    outcomes: Sequence[tuple[str, int]]
    to_issue: int
    months: Sequence[tuple[str, int, int]]
    new: int
    known: int
    trouble: str


def run_shown(run: Backfill, summary: Summary, now: datetime) -> RunShown:
    """What a page says of a run; `summary` is what it has found so far."""
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
        outcomes=_outcomes(summary),
        to_issue=summary.to_issue,
        months=[(_month(one.month), one.bills, one.amount) for one in summary.months],
        new=summary.new,
        known=summary.known,
        trouble=message_of_import(run.error, is_open=waits is not None).text if run.error else "",
    )


def _window(since: date, until: date | None) -> str:
    end = "hoje" if until is None else say.day(until)
    return f"{say.day(since)} a {end}"


def _outcomes(summary: Summary) -> list[tuple[str, int]]:
    found = [("Virar nota agora", summary.issue), ("Virar nota mais tarde", summary.wait)]
    for codes in (summary.hold, summary.skip):
        found += [(divided(message_for(code).text)[0], count) for code, count in codes.items()]
    return [(said, count) for said, count in found if count]


def _month(text: str) -> str:
    return say.month(date(int(text[:4]), int(text[5:7]), 1))
