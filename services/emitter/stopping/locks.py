"""Gives back what may no longer be sent, in the transaction that would write the intent."""

from collections.abc import Sequence

from services.emitter.planning.stopped import Again, stopped
from services.emitter.work import Act, Plan, Send
from shared.db.closing import closing_locks_store
from shared.db.closing.closing_locks_store import OpenMonths
from shared.db.connection import Connection
from shared.domain.ids import TenantId
from shared.domain.moment import month_of


async def hold_open(conn: Connection, tenant: TenantId, plans: Sequence[Plan]) -> OpenMonths | None:
    """Keep months open and the tenant issuing until the transaction ends; None if nothing is sent.

    Taken before the rows of the outbox, as by those who change a tenant's set-up.
    """
    if not any(isinstance(plan, Act) and (plan.issues or plan.cancels) for plan in plans):
        return None
    return await closing_locks_store.hold_open(conn, tenant)


def give_back_closed(plans: Sequence[Plan], now_open: OpenMonths | None) -> list[Plan]:
    """Have sales decided again whose month was locked, or whose tenant was paused, meanwhile."""
    if now_open is None:
        return list(plans)
    return [
        stopped(plan, Again())
        if isinstance(plan, Act) and not _may_be_sent(plan, now_open)
        else plan
        for plan in plans
    ]


def _may_be_sent(act: Act, now_open: OpenMonths) -> bool:
    match act.action:
        case Send(intent=intent):
            return now_open.issuing and month_of(intent.competencia) not in now_open.locked
        case _:
            return now_open.issuing or not act.cancels
