"""Did the events come of sales that passes found? It tells a broken webhook from a quiet one.

A sale found just after it happened says nothing yet, so it is judged by a later pass.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from services.reconciler.accounts.context import CLOCKS_APART, PassContext
from shared.db.vindi import events_store
from shared.domain.ids import BillId

# How long an event may be under way before its absence means something: half an interval, if
# passes come so often that two minutes would be several.
EVENT_GRACE: Final = timedelta(minutes=2)
MOST_AWAITED: Final = 100  # the newest of them are evidence enough


async def judge_events(context: PassContext, *, every: timedelta) -> Mapping[BillId, datetime]:
    """Count sales whose events are here, and those whose are not; answers what is still early."""
    due = {**context.state.events_due, **context.findings.events_due}
    latest = context.now - min(EVENT_GRACE, every / 2)
    judged = {bill: at for bill, at in due.items() if at <= latest}
    if judged:
        async with context.pool.acquire() as conn:
            heard = await events_store.heard_of(
                conn, context.tenant, list(judged), since=min(judged.values()) - CLOCKS_APART
            )
        context.findings.heard += len(heard)
        context.findings.missed += len(judged) - len(heard)
    early = sorted(due.keys() - judged.keys(), key=lambda bill: due[bill])
    return {bill: due[bill] for bill in early[-MOST_AWAITED:]}
