"""Gives back what may no longer be sent, in the transaction that would write the intent."""

from collections.abc import Sequence

from msgspec.structs import replace

from services.emitter.planning.stopped import Again, stopped
from services.emitter.work import Act, Plan, Send
from shared.db.closing import closing_locks_store
from shared.db.closing.closing_locks_store import OpenMonths
from shared.db.connection import Connection
from shared.db.tenants import nota_connections_store
from shared.domain.ids import TenantId
from shared.domain.moment import month_of


async def hold_open(conn: Connection, tenant: TenantId, plans: Sequence[Plan]) -> OpenMonths | None:
    """Keep months open, the tenant issuing and its connection until the transaction ends.

    None if nothing is sent.

    Taken before the rows of the outbox, as by those who change a tenant's set-up.
    """
    if not any(isinstance(plan, Act) and (plan.issues or plan.cancels) for plan in plans):
        return None
    months = await closing_locks_store.hold_open(conn, tenant)
    connection = await nota_connections_store.current_id(conn, tenant)
    return replace(months, connection_id=connection)


def give_back_closed(plans: Sequence[Plan], now_open: OpenMonths | None) -> list[Plan]:
    """Have sales decided again where their month, tenant or connection is another meanwhile."""
    if now_open is None:
        return list(plans)
    return [
        stopped(plan, Again())
        if isinstance(plan, Act) and not _may_be_sent(plan, now_open)
        else plan
        for plan in plans
    ]


def give_back(plans: Sequence[Plan]) -> list[Plan]:
    """Have sales decided again by the next process: nothing leaves this one any more."""
    return [
        stopped(plan, Again()) if isinstance(plan, Act) and (plan.issues or plan.cancels) else plan
        for plan in plans
    ]


def _may_be_sent(act: Act, now_open: OpenMonths) -> bool:
    match act.action:
        case Send(intent=intent):
            here = intent.connection_id == now_open.connection_id
            return here and now_open.issuing and month_of(intent.competencia) not in now_open.locked
        case _:
            return now_open.issuing or not act.cancels
