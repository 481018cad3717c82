"""Gives back what may no longer be sent, in the transaction that would write the intent."""

from collections.abc import Sequence

from services.emitter.work import Action, CancelNota, Plan, Send, Steps, settle
from shared.db.closing import closing_locks_store
from shared.db.closing.closing_locks_store import OpenMonths
from shared.db.connection import Connection
from shared.domain.ids import TenantId
from shared.domain.moment import month_of


async def hold_open(conn: Connection, tenant: TenantId, plans: Sequence[Plan]) -> OpenMonths | None:
    """Keep months open and the tenant issuing until the transaction ends; None if nothing is sent.

    Taken before the rows of the outbox, as by those who change a tenant's set-up.
    """
    if not any(_matters(plan.action) for plan in plans):
        return None
    return await closing_locks_store.hold_open(conn, tenant)


def _matters(action: Action | None) -> bool:
    return isinstance(action, Send) or _cancels(action)


def _cancels(action: Action | None) -> bool:
    if isinstance(action, Steps):
        return any(isinstance(step, CancelNota) for step in action.steps)
    return isinstance(action, CancelNota)


def give_back_closed(plans: Sequence[Plan], now_open: OpenMonths | None) -> list[Plan]:
    """Have sales decided again whose month was locked, or whose tenant was paused, meanwhile."""
    if now_open is None:
        return list(plans)
    return [plan if _may_be_sent(plan, now_open) else _given_back(plan) for plan in plans]


def _may_be_sent(plan: Plan, now_open: OpenMonths) -> bool:
    match plan.action:
        case Send(intent=intent):
            return now_open.issuing and month_of(intent.competencia) not in now_open.locked
        case action:
            return now_open.issuing or not _cancels(action)


def _given_back(plan: Plan) -> Plan:
    return Plan(entry=plan.entry, settlement=settle(plan.entry, due_at=plan.entry.due_at))
