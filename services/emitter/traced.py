"""The emitter's work in traces: each sale in its own, a batch in that of the first sale it serves.

A sale's trace is that of what made it due, kept on its row of the outbox: an event, a pass, a
person. What comes long after that, as the end of a guarantee does, has a trace of its own which
names the other.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final, Literal, TypeVar

from services.emitter.one_by_one import surely
from services.emitter.planning.decided import Undecided
from services.emitter.planning.sale_after import Answered
from services.emitter.work import FreshSale, Plan
from shared.db.outbox.outbox_store import Entry
from shared.telemetry import traces
from shared.telemetry.traces import NOTHING, TraceSpan

LONG_AFTER: Final = timedelta(hours=1)  # a trace that goes on for days is kept and shown by nobody
Planned = TypeVar("Planned", bound=Plan | Undecided)
Stage = Literal["decide", "decide with customer", "ask issuer"]


@contextmanager
def traced_batch(entries: Sequence[Entry], claimed: float) -> Iterator[None]:
    """Trace the work on a batch in the block; `claimed` is when its claim began, monotonic."""
    if not traces.on():
        yield
        return
    named = [entry.traceparent for entry in entries if not _came_late(entry)]
    first = next(filter(None, named), None)
    batch = traces.span(
        "batch",
        kind="consumer",
        parent=first,
        links=[entry.traceparent for entry in entries if entry.traceparent != first],
        since=claimed,
        tenant_id=entries[0].tenant_id,
        lane=min(entry.lane for entry in entries),
        count=len(entries),
    )
    with batch:
        with traces.span("claim", since=claimed, count=len(entries)):
            pass  # it is over
        yield


def sale_span(stage: Stage, entry: Entry) -> TraceSpan:
    """A step of one sale; it names the batch that the sale is worked on with."""
    if not traces.on():
        return NOTHING
    batch, origin = traces.carried(), entry.traceparent
    alone = origin is None or _came_late(entry)
    return traces.span(
        stage,
        parent=None if alone else origin,
        links=(batch, origin) if alone else (batch,),
        alone=alone,
        tenant_id=entry.tenant_id,
        bill_id=entry.bill_id,
        origin=entry.origin,
        lane=entry.lane,
        attempt=entry.attempt,
        tries=entry.tries,
    )


def _came_late(entry: Entry) -> bool:
    """Whether it is due by a date of its own, long after what its trace tells of."""
    return entry.traced_at is not None and entry.due_at - entry.traced_at > LONG_AFTER


def planned(
    stage: Stage, sale: FreshSale, now: datetime, decide: Callable[[], Planned]
) -> Planned | Plan:
    """Plan one sale, surely, as a step of its own; nothing but that while tracing is off."""
    if not traces.on():
        return surely(sale, now, decide)
    with sale_span(stage, sale.entry) as told:
        plan = surely(sale, now, decide)
        _note_plan(told, plan)
    return plan


def _note_plan(told: TraceSpan, plan: Plan | Undecided) -> None:
    if isinstance(plan, Undecided):
        told.note(outcome="customer needed")
        return
    told.note(outcome=type(plan).__name__.lower())
    if plan.sale is not None:
        told.note(status=plan.sale.status.value, code=plan.sale.code or "")


def note_answered(told: TraceSpan, answered: Answered) -> None:
    """Say what was learnt of the nota asked about last."""
    if not traces.on():
        return
    answer = answered.last
    nota = answer.asked if answer.update is None else answer.update
    told.note(outcome=nota.status.value)
    if answer.shows is not None:
        told.note(status=answer.shows.status.value, code=answer.shows.code or "")
