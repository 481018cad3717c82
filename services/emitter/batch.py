"""One batch: the leased sales of one tenant, from reading to the issuer's answer."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from services.emitter.acting.ahead import KeyRooms
from services.emitter.acting.carry_out import CarryOut
from services.emitter.acting.group_commit import GroupCommit
from services.emitter.acting.in_turn import InTurn
from services.emitter.context import TenantContext, load_context
from services.emitter.ending import Ending
from services.emitter.leases import Leases
from services.emitter.planning.decided import (
    Undecided,
    decided,
    decided_with_customer,
    unnamed_in_time,
)
from services.emitter.planning.follow import (
    ask_about,
    ask_about_all,
    asks_first,
    follow,
    is_of_nothing,
    let_go,
    only_followed,
)
from services.emitter.planning.unread import plan_unread
from services.emitter.reading.known import load_known
from services.emitter.reading.vindi import bills_of, customers_of
from services.emitter.stopping.doubts import Doubts
from services.emitter.stopping.duplicates import hold_duplicates
from services.emitter.stopping.locks import give_back
from services.emitter.stopping.outage import parked
from services.emitter.stopping.restored import parked_for_lists, wait_for_lists
from services.emitter.stopping.under_way import UnderWay
from services.emitter.traced import planned
from services.emitter.work import Act, Known, Plan, Rest
from shared.clients import Clients
from shared.crypto.seal import Sealer
from shared.db.connection import Pool
from shared.db.outbox import outbox_store
from shared.db.outbox.outbox_store import Entry
from shared.domain.ids import BillId, TenantId
from shared.vindi.budget import BudgetShare

AT_A_STRETCH: Final = 50  # sales are decided, some five milliseconds; then others have their turn
VINDI_LANES: Final = {
    outbox_store.LIVE: BudgetShare.DUE,
    outbox_store.RECONCILE: BudgetShare.RECONCILE,
    outbox_store.BACKFILL: BudgetShare.BACKFILL,
}


class Tools(Struct, frozen=True, kw_only=True):
    """What every batch works with."""

    pool: Pool
    clients: Clients
    sealer: Sealer
    leases: Leases
    commits: GroupCommit
    rooms: KeyRooms
    in_turn: InTurn = field(default_factory=InTurn)
    ending: Ending = field(default_factory=Ending)
    doubts: Doubts = field(default_factory=Doubts)
    under_way: UnderWay = field(default_factory=UnderWay)


async def work_batch(
    tools: Tools,
    tenant: TenantId,
    entries: Sequence[Entry],
    *,
    on_read: Callable[[], None] = lambda: None,
) -> int:
    """Bring every sale of a batch one step on; returns how many notas were sent or cancelled.

    `on_read` is called once only the issuer is left to be asked.
    """
    lane = _share_of(entries, doubted=tools.doubts.of(tenant))
    asked_at = time.monotonic()
    context = await load_context(tools.pool, tools.clients, tools.sealer, tenant, lane)
    tools.under_way.mind(context.restored.noticed_at, asked_at=asked_at)
    known = await load_known(tools.pool, context, entries)
    plans, to_read = _unread(context, entries, known)
    if to_read:
        read = await _read_and_plan(tools, context, to_read, known)
        plans += await hold_duplicates(
            tools.pool, tenant, read, context.document_words, context.now
        )
    plans = wait_for_lists(context.restored, plans, context.now, context.vindi_now)
    admitted = await context.breakers.admit(tools.pool, plans)
    if tools.ending.told:
        admitted = give_back(admitted)
    acting = CarryOut(
        pool=tools.pool,
        commits=tools.commits,
        clients=tools.clients,
        ending=tools.ending,
        rooms=tools.rooms,
        in_turn=tools.in_turn,
        under_way=tools.under_way,
        context=context,
    )
    acted = await acting.all_of(admitted, on_read)
    await context.breakers.report(tools.pool)
    return acted


def _share_of(entries: Sequence[Entry], *, doubted: bool) -> BudgetShare:
    """Whose part of the account's requests a batch takes: the hearsay of a flood, the least."""
    if doubted and all(entry.is_hearsay for entry in entries):
        return BudgetShare.BACKFILL
    return VINDI_LANES[min(entry.lane for entry in entries)]


def _unread(
    context: TenantContext, entries: Sequence[Entry], known: Mapping[BillId, Known]
) -> tuple[list[Plan], list[Entry]]:
    """Plans for sales whose bill is not read, since nothing is new about it, and the others."""
    plans: list[Plan] = []
    others: list[Entry] = []
    for entry in entries:
        notas = known[entry.bill_id].notas
        if is_of_nothing(entry, known[entry.bill_id]) and context.restored.noticed_at is None:
            plans.append(let_go(entry))
        elif asks_first(entry, notas):
            plans.append(ask_about_all(entry, notas))
        elif not entry.bill_changed and only_followed(notas, context.now):
            plans.append(follow(entry, notas, context.now))
        else:
            others.append(entry)
    waiting = parked_for_lists(context.restored, others, known, context.now)
    waiting = waiting or parked(context.breakers, others, known)
    apart = {plan.entry.bill_id for plan in waiting}
    looked_after = [_looked_after(plan, known, context.now) for plan in waiting]
    others = [entry for entry in others if entry.bill_id not in apart]
    return [*plans, *looked_after], others


def _looked_after(plan: Rest, known: Mapping[BillId, Known], now: datetime) -> Plan:
    """What waits unread, for hours maybe; what the issuer has of it is asked about meanwhile.

    Where its bill has changed nothing is asked for again: that has to be read before.
    """
    notas = known[plan.entry.bill_id].notas
    asked = ask_about(notas, now)
    if not asked.steps:
        return plan
    if plan.entry.bill_changed:
        asked = replace(asked, steps=tuple(replace(one, only_looks=True) for one in asked.steps))
    return Act(entry=plan.entry, notas=notas, action=replace(asked, rests=plan.settlement))


async def _read_and_plan(
    tools: Tools, context: TenantContext, entries: Sequence[Entry], known: Mapping[BillId, Known]
) -> list[Plan]:
    pool = tools.pool
    doubted = tools.doubts.of(context.tenant)
    read = await bills_of(pool, context, entries, known, doubted=doubted)
    await tools.doubts.note(pool, context.tenant, read)
    plans = [plan_unread(one, context.now) for one in read.unread]
    terms = context.plan_terms()
    unnamed: dict[BillId, Undecided] = {}
    heard = context.vindi_clock()
    for number, sale in enumerate(read.fresh, 1):
        if number % AT_A_STRETCH == 0:
            await asyncio.sleep(0)
        decide = partial(decided, sale, context.terms, terms, context.now, heard)
        plan = planned("decide", sale, context.now, decide)
        if isinstance(plan, Undecided):
            unnamed[sale.bill.id] = plan
        else:
            plans.append(plan)
    named = await customers_of(pool, context, [one.sale for one in unnamed.values()])
    plans += [
        unnamed_in_time(unnamed[one.entry.bill_id], one, terms, context.now)
        or plan_unread(one, context.now)
        for one in named.unread
    ]
    for number, sale in enumerate(named.fresh, 1):
        if number % AT_A_STRETCH == 0:
            await asyncio.sleep(0)
        before = unnamed[sale.bill.id]
        decide_on = partial(decided_with_customer, sale, before, context.terms, terms, context.now)
        plans.append(planned("decide with customer", sale, context.now, decide_on))
    return plans
