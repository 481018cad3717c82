"""Writes plans: all of a batch in one commit, fenced by the leases."""

from collections.abc import Sequence

import asyncpg
import structlog

from services.emitter.planning.waits import back_off
from services.emitter.stopping.brakes import apply_brakes
from services.emitter.stopping.locks import give_back_closed, hold_open
from services.emitter.work import Plan, Send, settle
from shared.db.connection import Connection, Pool
from shared.db.hooks import status_webhooks_store
from shared.db.hooks.status_webhooks_store import Before
from shared.db.outbox import outbox_store
from shared.db.sales import notas_store, sale_parts_store, sales_store, timeline_store
from shared.db.tenants import brakes_store
from shared.db.vindi import bills_store
from shared.domain.ids import BillId, TenantId

log = structlog.get_logger()


async def write_plans(pool: Pool, tenant: TenantId, plans: Sequence[Plan]) -> list[Plan]:
    """Commit plans and return those that were written; the rest lost their lease meanwhile.

    A row the database refuses (a second live nota, say) fails alone: the batch is then written
    plan by plan, and the refused sale is tried again later.
    """
    if not plans:
        return []
    try:
        return await _write_together(pool, tenant, plans)
    except asyncpg.TransactionRollbackError as error:  # two transactions in each other's way
        log.warning("batch_rolled_back", tenant_id=tenant, error=type(error).__name__)
        return await _write_together(pool, tenant, plans)
    except (asyncpg.IntegrityConstraintViolationError, asyncpg.DataError) as error:
        log.error("batch_refused", tenant_id=tenant, error=type(error).__name__)  # noqa: TRY400 - see below
    written = []
    for plan in plans:
        try:
            written += await _write_together(pool, tenant, [plan])
        except (asyncpg.IntegrityConstraintViolationError, asyncpg.DataError) as error:
            # Not the exception's text: the driver quotes the values it refuses, names among them.
            log.error(  # noqa: TRY400
                "sale_refused",
                tenant_id=tenant,
                bill_id=plan.entry.bill_id,
                error=type(error).__name__,
            )
            await _put_off(pool, tenant, plan)
    return written


async def _put_off(pool: Pool, tenant: TenantId, plan: Plan) -> None:
    async with pool.acquire() as conn, conn.transaction():
        now = await conn.fetchval("SELECT now()")
        later = settle(plan.entry, due_at=back_off(plan.entry.tries + 4, now), failed=True)
        await outbox_store.settle(conn, tenant, [later])


async def _write_together(pool: Pool, tenant: TenantId, plans: Sequence[Plan]) -> list[Plan]:
    async with pool.acquire() as conn, conn.transaction():
        now_open = await hold_open(conn, tenant, plans)
        leased = await outbox_store.lock_ours(conn, tenant, [plan.entry for plan in plans])
        mine = [plan for plan in plans if leased.get(plan.entry.bill_id) == plan.entry.attempt]
        if not mine:
            return []
        mine = await apply_brakes(conn, tenant, give_back_closed(mine, now_open))
        before = await _told_to(conn, tenant, mine)
        await bills_store.store(conn, tenant, [plan.read for plan in mine if plan.read])
        await sales_store.store(conn, tenant, [plan.sale for plan in mine if plan.sale])
        mine = await _write_notas(conn, tenant, mine)
        progress = [plan.progress for plan in mine if plan.progress]
        await sales_store.progress(conn, tenant, progress)
        await status_webhooks_store.announce(conn, tenant, before)
        told = [happening for plan in mine for happening in plan.happenings]
        await timeline_store.add(conn, tenant, told)
        settlements = [plan.settlement for plan in mine if plan.settlement]
        if settlements:
            await outbox_store.settle(conn, tenant, settlements)
        return mine


async def _told_to(conn: Connection, tenant: TenantId, plans: Sequence[Plan]) -> Before:
    changing = [plan.entry.bill_id for plan in plans if plan.sale or plan.progress]
    return await status_webhooks_store.before(conn, tenant, changing) if changing else {}


async def _write_notas(conn: Connection, tenant: TenantId, plans: list[Plan]) -> list[Plan]:
    divisions = {p.entry.bill_id: p.division for p in plans if p.division is not None}
    await sale_parts_store.divide(conn, tenant, divisions)
    intents = [plan.action.intent for plan in plans if isinstance(plan.action, Send)]
    sendable = await notas_store.write_intents(conn, tenant, intents)
    withdrawn = [(plan.entry.bill_id, plan.part) for plan in plans if plan.withdraw]
    never_sent = await notas_store.withdraw_intents(conn, tenant, withdrawn)
    await brakes_store.uncount(conn, tenant, never_sent)
    updates = [plan.nota for plan in plans if plan.nota]
    updates += [update for plan in plans for update in plan.also]
    taken = await notas_store.update(conn, tenant, updates)
    return [_as_written(plan, sendable, taken) for plan in plans]


def _as_written(plan: Plan, sendable: set[BillId], taken: set[BillId]) -> Plan:
    """Drop from a plan what the nota's own row knew better."""
    bill = plan.entry.bill_id
    if isinstance(plan.action, Send) and bill not in sendable:
        raise asyncpg.UniqueViolationError("a live nota stands under this revision")
    if plan.nota is not None and bill not in taken and plan.progress is not None:
        return Plan(entry=plan.entry, settlement=plan.settlement)
    return plan
