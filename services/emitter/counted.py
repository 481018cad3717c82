"""Counts what was written of sales and notas, once it is committed."""

from collections import Counter as Tally
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from prometheus_client import Counter, Histogram

from services.emitter.planning.answers import Answer
from services.emitter.planning.sale_after import Answered
from services.emitter.work import Plan
from shared.db.outbox.outbox_store import BACKFILL, LIVE, Entry
from shared.domain.ids import BillId
from shared.domain.nota import NotaStatus
from shared.domain.sale import SaleStatus

LANES: Final = {LIVE: "live", BACKFILL: "backfill"}
FOUND: Final = "found"  # the lane between them: what the reconciler found
# From what a healthy issuer takes to the day after.
BUCKETS: Final = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 14400, 86400)

SALES: Final = Counter(
    "notaponte_sales_decided_total",
    "Sales by what was newly decided of them; the cause is that of a hold or a skip.",
    ["status", "cause"],
)
NOTAS: Final = Counter(
    "notaponte_notas_total",
    "Notas by what the issuer's answers made of them; the cause is that of a denial.",
    ["outcome", "cause"],
)
LOST: Final = Counter(
    "notaponte_lost_answers_total",
    "Requests to the issuer that may have been done, and nobody knows.",
    ["about"],
)
LOOK_UPS: Final = Counter(
    "notaponte_look_ups_total",
    "Look-ups after a lost answer, by whether it was there.",
    ["outcome"],
)
# Shown as 0 before the first, so that the first is a rise.
for _about in ("issue", "cancel"):
    LOST.labels(_about)
for _outcome_of in ("found", "missing"):
    LOOK_UPS.labels(_outcome_of)
FROM_MOMENT: Final = Histogram(
    "notaponte_moment_to_issued_seconds",
    "From a sale's moment (payment, creation, end of guarantee) to its valid nota.",
    ["lane"],
    buckets=BUCKETS,
)
FROM_EVENT: Final = Histogram(
    "notaponte_event_to_issued_seconds",
    "From the last event of a sale's bill, or its moment if later, to its valid nota.",
    ["lane"],
    buckets=BUCKETS,
)


def count_plans(plans: Iterable[Plan]) -> None:
    """Count what was decided; only what differs from before has a line in its timeline."""
    decided: Tally[tuple[str, str]] = Tally()
    for plan in plans:
        sale = plan.sale
        if sale is not None and any(one.what == sale.status.value for one in plan.happenings):
            decided[sale.status.value, sale.code or ""] += 1
    for labels, number in decided.items():  # a series is looked up once for a batch
        SALES.labels(*labels).inc(number)


def count_answers(
    answers: Sequence[Answered], moments: Mapping[BillId, datetime], now: datetime
) -> None:
    """Count what was learnt of notas; `moments` are those of the sales that are issued now."""
    learnt: Tally[tuple[str, str]] = Tally()
    for one in answers:
        outcome = _outcome(one.last)
        if outcome is None:
            continue
        learnt[outcome, _cause(one.last)] += 1
        if outcome == NotaStatus.ISSUED.value:
            _time(one.entry, moments.get(one.entry.bill_id), now)
    for labels, number in learnt.items():
        NOTAS.labels(*labels).inc(number)


def _outcome(answer: Answer) -> str | None:
    """What became of the nota just now; None where it is as it was, or goes on being so."""
    if answer.update is None:
        return SaleStatus.HELD.value if _is_held(answer) else None
    status = answer.update.status
    return status.value if status is not answer.asked.status else None


def _is_held(answer: Answer) -> bool:
    return answer.shows is not None and answer.shows.status is SaleStatus.HELD


def _cause(answer: Answer) -> str:
    if answer.denied is not None:
        return answer.denied.denial
    return (answer.shows.code or "") if answer.shows is not None else ""


def _time(entry: Entry, moment: datetime | None, now: datetime) -> None:
    lane = LANES.get(entry.lane, FOUND)
    if moment is not None:
        FROM_MOMENT.labels(lane).observe(max((now - moment).total_seconds(), 0.0))
    if entry.heard_at is not None:
        began = max(entry.heard_at, moment) if moment is not None else entry.heard_at
        FROM_EVENT.labels(lane).observe(max((now - began).total_seconds(), 0.0))
