"""Holds what a tenant's brakes do not let out, in the transaction that would write the intent."""

from collections.abc import Sequence

import structlog
from msgspec.structs import replace

from services.emitter.planning.plan_parts import follow_instead
from services.emitter.work import Plan, Send, happened, settle
from shared.db.connection import Connection
from shared.db.outbox import outbox_store
from shared.db.tenants import brakes_store
from shared.db.tenants.brakes_store import SentCount
from shared.domain.brakes import BrakeCode, Wanted, brake
from shared.domain.ids import BillId, TenantId
from shared.domain.money import Cents
from shared.domain.sale import SaleStatus

log = structlog.get_logger()


async def apply_brakes(conn: Connection, tenant: TenantId, plans: Sequence[Plan]) -> list[Plan]:
    """Count the first sends among plans and turn those that exceed a limit into holds.

    Lives in the transaction that writes the plans; sends for one tenant take turns in it.
    """
    first = [p for p in plans if isinstance(p.action, Send) and p.action.first]
    if not first:
        return list(plans)
    limits, today, day = await brakes_store.lock_today(conn, tenant)
    free = await brakes_store.free_sales(conn, tenant, [plan.entry.bill_id for plan in first])
    wanted = [_wanted(plan, free) for plan in first]
    braked = brake(limits, today, wanted)
    sent = [nota for nota in wanted if nota.bill_id not in braked.held]
    if sent:
        await brakes_store.count(conn, tenant, day, _sum(sent))
    if braked.tripped is not None:
        await brakes_store.pull(conn, tenant, braked.tripped, braked.detail)
        log.warning("brake_pulled", tenant_id=tenant, code=braked.tripped)
    return [
        _held(plan, braked.held[plan.entry.bill_id], braked.detail)
        if plan.entry.bill_id in braked.held
        else plan
        for plan in plans
    ]


def _wanted(plan: Plan, free: set[BillId]) -> Wanted:
    bill = plan.entry.bill_id
    amount = plan.action.intent.amount if isinstance(plan.action, Send) else Cents(0)
    past = plan.entry.lane == outbox_store.BACKFILL or plan.entry.origin == "backfill"
    return Wanted(bill_id=bill, amount=amount, past=past, free=bill in free)


def _sum(sent: Sequence[Wanted]) -> SentCount:
    freed = [nota for nota in sent if nota.free]
    return SentCount(
        notas=len(sent),
        amount=Cents(sum(nota.amount for nota in sent)),
        backfilled=sum(1 for nota in sent if nota.past),
        freed=len(freed),
        freed_amount=Cents(sum(nota.amount for nota in freed)),
    )


def _held(plan: Plan, code: BrakeCode, detail: str) -> Plan:
    if plan.sale is None:
        raise ValueError("a nota is sent with its sale")
    if (instead := follow_instead(plan)) is not None:
        return instead
    sale = replace(plan.sale, status=SaleStatus.HELD, code=code, detail=detail, wish_done=None)
    why = f"{code}: {detail}" if detail else code
    return Plan(
        entry=plan.entry,
        read=plan.read,
        sale=sale,
        happenings=(happened(plan.entry, SaleStatus.HELD.value, why),),
        settlement=settle(plan.entry, due_at=None, bill_read=True),
    )
