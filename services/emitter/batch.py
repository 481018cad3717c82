"""One batch: the leased sales of one tenant, from reading to the issuer's answer."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog
from msgspec import Struct
from msgspec.structs import replace

from services.emitter.acting.ask import ask_issuer
from services.emitter.acting.group_commit import Scribe
from services.emitter.acting.write import write_plans
from services.emitter.context import TenantContext, load_context
from services.emitter.leases import Leases
from services.emitter.planning.plan import plan_sale
from services.emitter.planning.plan_parts import follow_parts
from services.emitter.planning.rows import Terms
from services.emitter.planning.waits import back_off
from services.emitter.reading.known import lacks_part, load_notas, look_after, parts_only_followed
from services.emitter.reading.read import read_bills, read_customers
from services.emitter.stopping.duplicates import hold_duplicates
from services.emitter.stopping.outage import Gate, park
from services.emitter.work import FollowUp, FreshSale, Known, Plan, happened, settle
from shared.clients import Clients
from shared.crypto.seal import Sealer
from shared.db.connection import Pool
from shared.db.outbox import outbox_store
from shared.db.outbox.outbox_store import Entry
from shared.db.sales import sales_store
from shared.db.sales.sales_store import SaleRow
from shared.db.tenants import connections_store
from shared.db.vindi import bills_store, events_store
from shared.domain.decide import decide, decide_with_customer
from shared.domain.decision import NeedsCustomer
from shared.domain.errors import TenantBlockedError, TransientError
from shared.domain.ids import BillId, TenantId
from shared.domain.money import Cents
from shared.domain.nota import NotaStatus
from shared.domain.sale import SaleFacts, SaleStatus
from shared.vindi.budget import BudgetShare
from shared.vindi.client import VindiClient

log = structlog.get_logger()

CLAIMS_COUNT_FOR: Final = timedelta(minutes=5)
_LANES: Final = {
    outbox_store.LIVE: BudgetShare.DUE,
    outbox_store.RECONCILE: BudgetShare.RECONCILE,
    outbox_store.BACKFILL: BudgetShare.BACKFILL,
}
# With one of these at the issuer, and nothing new about the bill, only the issuer is asked.
_FOLLOWED = frozenset(
    {NotaStatus.SENDING, NotaStatus.UNCERTAIN, NotaStatus.PENDING, NotaStatus.CANCELLING}
)


class Tools(Struct, frozen=True, kw_only=True):
    """What every batch works with."""

    pool: Pool
    clients: Clients
    sealer: Sealer
    leases: Leases
    scribe: Scribe


async def work_batch(tools: Tools, tenant: TenantId, entries: Sequence[Entry]) -> int:
    """Bring every sale of a batch one step on; returns how many notas were sent."""
    lane = _LANES[min(entry.lane for entry in entries)]
    context = await load_context(tools.pool, tools.clients, tools.sealer, tenant, lane)
    known = await _load_known(tools.pool, tenant, entries)
    gate = context.gate
    followed = [e for e in entries if _only_followed(e, known[e.bill_id], context.now)]
    parked = _parked(gate, entries, known)
    apart = {entry.bill_id for entry in (*followed, *parked)}
    to_read = [entry for entry in entries if entry.bill_id not in apart]
    plans = [_follow(entry, known[entry.bill_id]) for entry in followed]
    plans += [park(entry, gate.again_at) for entry in parked]
    if to_read:
        decided = await _read_and_decide(tools, context, to_read, known)
        decided = [look_after(plan, known[plan.entry.bill_id]) for plan in decided]
        plans += await hold_duplicates(tools.pool, tenant, decided)
    written = await write_plans(tools.pool, tenant, await gate.admit(tools.pool, plans))
    acting = [plan for plan in written if plan.action is not None]
    await ask_issuer(tools.scribe, context, tools.clients.lookup_waits, acting)
    await gate.report(tools.pool)
    return sum(1 for plan in acting if not isinstance(plan.action, FollowUp))


async def _load_known(
    pool: Pool, tenant: TenantId, entries: Sequence[Entry]
) -> dict[BillId, Known]:
    ids = [entry.bill_id for entry in entries]
    async with pool.acquire() as conn:
        bills = await bills_store.load(conn, tenant, ids)
        sales = await sales_store.load(conn, tenant, ids)
        notas = await load_notas(conn, tenant, ids)
    return {
        bill: Known(
            bill=bills.get(bill),
            sale=sales.get(bill),
            nota=notas[bill].nota if bill in notas else None,
            parts=notas[bill].parts if bill in notas else (),
        )
        for bill in ids
    }


def _parked(gate: Gate, entries: Sequence[Entry], known: dict[BillId, Known]) -> list[Entry]:
    """Queued sales of which nothing is new and for which no breaker has room: not even read."""
    room = gate.room_to_send()
    if room is None:
        return []
    waiting = [
        entry
        for entry in entries
        if not entry.bill_changed
        and (sale := known[entry.bill_id].sale) is not None
        and sale.status is SaleStatus.QUEUED
    ]
    return waiting[room:]


def _only_followed(entry: Entry, known: Known, now: datetime) -> bool:
    nota = known.nota
    if known.parts:
        return not entry.bill_changed and parts_only_followed(known.parts, now)
    return nota is not None and nota.status in _FOLLOWED and not entry.bill_changed


def _follow(entry: Entry, known: Known) -> Plan:
    if known.parts:
        return Plan(entry=entry, action=follow_parts(known.parts), parts=known.parts)
    if known.nota is None:
        raise ValueError("nothing to follow")
    return Plan(entry=entry, action=FollowUp(nota=known.nota))


async def _read_and_decide(
    tools: Tools,
    context: TenantContext,
    entries: Sequence[Entry],
    known: dict[BillId, Known],
) -> list[Plan]:
    if context.vindi is None:
        connection = context.vindi_connection
        code = connection.state.code if connection else "vindi_not_connected"
        return [_hold_unread(entry, known[entry.bill_id], code, context.now) for entry in entries]
    try:
        return await _decide_all(tools.pool, context, context.vindi, entries, known)
    except TenantBlockedError as error:
        await _block_vindi(tools.pool, context, error)
        return [
            _hold_unread(entry, known[entry.bill_id], error.code, context.now) for entry in entries
        ]
    except TransientError as error:
        return [_later(context, entry, error) for entry in entries]


async def _decide_all(
    pool: Pool,
    context: TenantContext,
    vindi: VindiClient,
    entries: Sequence[Entry],
    known: dict[BillId, Known],
) -> list[Plan]:
    async def claims_of(bills: Sequence[BillId]) -> dict[BillId, set[str]]:
        async with pool.acquire() as conn:
            return await events_store.claims_of(
                conn, context.tenant, bills, within=CLAIMS_COUNT_FOR
            )

    batch = await read_bills(context, vindi, entries, known, claims_of)
    plans, terms = list(batch.plans), context.plan_terms()
    unnamed: dict[BillId, _Unnamed] = {}
    for sale in batch.fresh:
        facts = sale.facts(context.now)
        decision = decide(facts, context.rule, context.terms, context.now)
        if isinstance(decision, NeedsCustomer):
            unnamed[sale.bill.id] = _Unnamed(sale=sale, facts=facts, decision=decision)
        else:
            plans.append(plan_sale(sale, decision, terms, context.now))
    if unnamed:
        sales = [one.sale for one in unnamed.values()]
        ready, without = await read_customers(context, vindi, sales)
        plans += without
        plans += [_named(context, terms, sale, unnamed[sale.bill.id]) for sale in ready]
    return plans


class _Unnamed(Struct, frozen=True, kw_only=True):
    """A sale whose customer has to be read before it is decided, and how far that went."""

    sale: FreshSale
    facts: SaleFacts
    decision: NeedsCustomer


def _named(context: TenantContext, terms: Terms, sale: FreshSale, before: _Unnamed) -> Plan:
    """Decide a sale whose customer was read now."""
    facts = replace(before.facts, customer=sale.customer)
    now = context.now
    decision = decide_with_customer(facts, before.decision, context.rule, context.terms, now)
    return plan_sale(sale, decision, terms, now)


async def _block_vindi(pool: Pool, context: TenantContext, error: TenantBlockedError) -> None:
    connection = context.vindi_connection
    async with pool.acquire() as conn:
        await connections_store.block(
            conn,
            context.tenant,
            "vindi",
            error.code,
            str(error),
            connected_at=connection.state.connected_at if connection else None,
        )
    log.warning("vindi_blocked", tenant_id=context.tenant, code=error.code)


def _hold_unread(entry: Entry, known: Known, code: str, now: datetime) -> Plan:
    """Vindi cannot be read for this tenant: say so on the sale, unless a nota speaks already."""
    done = settle(entry, due_at=None)
    sale = known.sale
    noted = known.nota is not None and not lacks_part(known, now)
    if noted or (sale is not None and sale.status is SaleStatus.SKIPPED):
        return Plan(entry=entry, settlement=done)
    row = SaleRow(
        bill_id=entry.bill_id,
        status=SaleStatus.HELD,
        code=code,
        amount=sale.amount if sale else Cents(0),
        moment_at=None,
        origin=entry.origin,
    )
    told = (happened(entry, SaleStatus.HELD.value, code),)
    same = sale is not None and (sale.status, sale.code) == (SaleStatus.HELD, code)
    return Plan(entry=entry, sale=row, happenings=() if same else told, settlement=done)


def _later(context: TenantContext, entry: Entry, error: TransientError) -> Plan:
    """It did not happen: a full budget waits its time, a failure backs off."""
    if error.retry_after is not None:
        due_at = context.now + error.retry_after
        return Plan(entry=entry, settlement=settle(entry, due_at=due_at))
    due_at = back_off(entry.tries + 1, context.now)
    return Plan(entry=entry, settlement=settle(entry, due_at=due_at, failed=True))
