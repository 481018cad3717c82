"""Holds what a tenant's brakes do not let out, in the transaction that would write the intent."""

from collections.abc import Sequence

import structlog

from services.emitter.planning.stopped import Held, stopped
from services.emitter.work import Act, Plan, Send
from shared.db.connection import Connection
from shared.db.tenants import brakes_store
from shared.db.tenants.brakes_store import Measured, SentCount
from shared.domain.brakes import Braked, Wanted, brake
from shared.domain.ids import TenantId
from shared.domain.money import Cents
from shared.domain.nota import REAL

log = structlog.get_logger()


async def apply_brakes(conn: Connection, tenant: TenantId, plans: Sequence[Plan]) -> list[Plan]:
    """Count the first sends among plans and turn those that exceed a limit into holds.

    Lives in the transaction that writes the plans; sends for one tenant take turns in it.
    """
    first = [(plan, send) for plan in plans if (send := _first_send(plan)) is not None]
    if not first:
        return list(plans)
    bills = [plan.entry.bill_id for plan, _ in first]
    now = await brakes_store.lock_today(conn, tenant, bills)
    wanted = [_wanted(plan, send, now) for plan, send in first]
    braked = brake(now.limits, now.today, wanted)
    sent = [nota for nota in wanted if nota.bill_id not in braked.held]
    if sent:
        await brakes_store.count(conn, tenant, now.day, _sum(sent))
    if braked.tripped is not None:
        await brakes_store.pull(conn, tenant, braked.tripped, braked.detail)
        log.warning("brake_pulled", tenant_id=tenant, code=braked.tripped)
    return [_unless(plan, braked) for plan in plans]


def _first_send(plan: Plan) -> Send | None:
    action = plan.action if isinstance(plan, Act) else None
    if not isinstance(action, Send) or not action.first:
        return None
    # Tests are no part of what a tenant issues: they are neither counted nor held.
    return action if action.intent.environment == REAL else None


def _unless(plan: Plan, braked: Braked) -> Plan:
    code = braked.held.get(plan.entry.bill_id)
    if code is None or not isinstance(plan, Act):
        return plan
    return stopped(plan, Held(code=code, detail=braked.detail))


def _wanted(plan: Plan, send: Send, now: Measured) -> Wanted:
    due = plan.sale.issue_at if plan.sale is not None else None
    return Wanted(
        bill_id=plan.entry.bill_id,
        amount=send.intent.amount,
        past=plan.entry.of_past,
        free=plan.entry.bill_id in now.free,
        old=due is not None and now.is_old(due),
    )


def _sum(sent: Sequence[Wanted]) -> SentCount:
    freed = [nota for nota in sent if nota.free]
    return SentCount(
        notas=len(sent),
        amount=Cents(sum(nota.amount for nota in sent)),
        backfilled=sum(1 for nota in sent if nota.past),
        freed=len(freed),
        freed_amount=Cents(sum(nota.amount for nota in freed)),
        old=sum(1 for nota in sent if nota.old and not nota.past),
        freed_old=sum(1 for nota in freed if nota.old and not nota.past),
    )
