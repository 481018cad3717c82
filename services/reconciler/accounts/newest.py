"""What changed last in an account, asked for every few seconds while its events are a flood.

However many events are made up, the account shows of its bills only those that it has: one request
tells of the fifty that changed last. What is new among them is decided at once, whoever told of it,
and also where nobody did since events are refused. It is a look ahead and proves nothing: passes go
on as ever, and no mark moves.

What was given back in part changes nothing of its bill, so refunds are asked for by themselves,
more seldom: else one that an event told of among made-up ones waits for that event's turn, or for a
pass, and passes give way to what is due.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from services.reconciler.accounts.context import AccountLeft, Findings, PassContext
from services.reconciler.accounts.fall_back import BILLS_LIST, REFUNDS_LIST
from services.reconciler.accounts.refunds import look_at_pending, take_refunds
from services.reconciler.accounts.rows import Row, instant_of
from services.reconciler.accounts.take_in import take_in_rows
from services.reconciler.rounds import alone
from services.reconciler.services import Services
from shared.db import clock
from shared.db.away import database_away_for_all
from shared.db.outbox import outbox_store
from shared.db.outbox.outbox_store import LIVE
from shared.db.tenants import connections_store
from shared.db.vindi import oddities_store, passes_store
from shared.domain.bill import Bill
from shared.domain.errors import PipelineError
from shared.domain.ids import TenantId
from shared.run.loops import Periodic
from shared.vindi.budget import BudgetShare
from shared.vindi.client import BILLS, TRANSACTIONS, Read
from shared.vindi.errors import VindiRequestRefused
from shared.vindi.query import Query, all_of, where

log = structlog.get_logger()

POLL: Final = timedelta(seconds=1)
# Fifteen requests a minute, of the 48 that are kept for live sales where Vindi gives 120.
LOOK_EVERY: Final = timedelta(seconds=4)
REFUNDS_EVERY: Final = timedelta(seconds=15)  # four requests more
# Three looks may fail, or come from a replica that lags, before anything is left to the passes.
LOOKS_BACK: Final = timedelta(seconds=30)
# Where more changed than these show, events are mostly real, or the next look shows the rest.
MOST_PAGES: Final = 3
AT_ONCE: Final = 16  # accounts

Look = Callable[[PassContext], Awaitable[int]]


async def look_at_newest(services: Services) -> None:
    """Ask the accounts of tenants whose events are a flood, until cancelled."""

    async def step() -> None:
        await look_once(services)

    await Periodic(name="newest", step=step, every=POLL, failed="newest_not_read").run()


async def look_at_refunds(services: Services) -> None:
    """Ask the same accounts what was given back, until cancelled; apart, since it may take long."""

    async def step() -> None:
        await look_at_refunds_once(services)

    await Periodic(name="refunds", step=step, every=POLL, failed="refunds_not_read").run()


async def look_once(services: Services) -> int:
    """Ask every account whose turn has come; returns how many sales were found."""
    return await _look_in_turn(services, _look, oddities_store.NEWEST_LOOKED, LOOK_EVERY)


async def look_at_refunds_once(services: Services) -> int:
    """The same, of what was given back."""
    return await _look_in_turn(
        services, _look_at_refunds, oddities_store.REFUNDS_LOOKED, REFUNDS_EVERY
    )


async def _look_in_turn(services: Services, look: Look, looked: str, every: timedelta) -> int:
    async with services.pool.acquire() as conn:
        flooded = await oddities_store.flooded_any_tenant(conn)
        turns: list[TenantId] = []
        for tenant in flooded:
            with alone("newest_failed", tenant_id=tenant):
                if await oddities_store.take_turn(conn, tenant, every=every, looked=looked):
                    turns.append(tenant)
    found = 0
    for at in range(0, len(turns), AT_ONCE):
        some = turns[at : at + AT_ONCE]
        found += sum(await asyncio.gather(*(_look_surely(services, look, one) for one in some)))
    if found:
        await services.waker.ring()
    return found


async def _look_surely(services: Services, look: Look, tenant: TenantId) -> int:
    """A look; what fails is left to the next one, or to the account's pass."""
    try:
        context = await _context(services, tenant)
        return 0 if context is None else await look(context)
    except (PipelineError, VindiRequestRefused, AccountLeft) as error:
        log.info("newest_not_read", tenant_id=tenant, error=type(error).__name__)
    except Exception as error:
        if database_away_for_all(error):
            raise
        log.exception("newest_failed", tenant_id=tenant)
    return 0


async def _context(services: Services, tenant: TenantId) -> PassContext | None:
    """What the look works with, in the share of live sales; None where there is none to ask."""
    async with services.pool.acquire() as conn:
        connection = await connections_store.get_vindi(conn, services.sealer, tenant)
        state = await passes_store.get(conn, tenant)
        now = await clock.this_instant(conn)
    if connection is None or connection.state.blocked or state is None:
        return None
    return PassContext(
        pool=services.pool,
        sealer=services.sealer,
        vindi=services.clients.vindi(tenant, connection, BudgetShare.DUE),
        bulk=services.clients.bulk,
        state=state,
        connected_at=connection.state.connected_at,
        now=now,
        findings=Findings(),
        lane=LIVE,
    )


async def _look(context: PassContext) -> int:
    """Take in what changed last; newest change first, so that a page without news ends it.

    An account that does not sort shows what it shows: what is missed is found as before.
    """
    for number in range(1, MOST_PAGES + 1):
        asked = context.clock()
        page = await context.vindi.read_page(
            BILLS, _query(context), number=number, sort_by="updated_at", descending=True
        )
        back_to = asked - context.vindi_behind() - LOOKS_BACK
        rows = [row for row in page.rows if _is_new(row, back_to)]
        await _take_in(context, asked, rows)
        if len(rows) < len(page.rows) or page.is_last:
            break
    return len(context.findings.found)


async def _look_at_refunds(context: PassContext) -> int:
    """Take in what was given back last, in whole or in part; what was dealt with asks nothing."""
    await look_at_pending(context)
    back_to = context.now - context.vindi_behind() - LOOKS_BACK
    query = None
    if REFUNDS_LIST not in context.state.plain_lanes:
        query = all_of(
            where("transaction_type", "=", "refund"),
            where("created_at", ">=", context.written(context.bound(back_to))),
        )
    for number in range(1, MOST_PAGES + 1):
        page = await context.vindi.read_page(TRANSACTIONS, query, number=number, descending=True)
        rows = [row for row in page.rows if _is_new(row, back_to, "created_at")]
        refunds = [row for row in rows if row.raw.get("transaction_type") == "refund"]
        if refunds:
            await take_refunds(context, refunds)
        if len(rows) < len(page.rows) or page.is_last:
            break
    return len(context.findings.found)


def _query(context: PassContext) -> Query | None:
    """A bound, so that Vindi need not sort the whole account; none where it is not honoured."""
    if BILLS_LIST in context.state.plain_lanes:
        return None
    bound = context.bound(context.now - context.vindi_behind() - LOOKS_BACK)
    return where("updated_at", ">=", context.written(bound))


def _is_new(row: Row[Any], back_to: datetime, stamp: str = "updated_at") -> bool:
    at = instant_of(row.raw, stamp)
    return at is None or at >= back_to


async def _take_in(context: PassContext, asked: datetime, rows: Sequence[Row[Bill]]) -> None:
    """Store what differs; what is stored already counts as just seen, and is decided on that."""
    await take_in_rows(context, asked, rows, touch=True)
    read = [row.value.id for row in rows if isinstance(row, Read)]
    async with context.pool.acquire() as conn:
        await outbox_store.bring_up(conn, context.tenant, read, read_at=asked)
