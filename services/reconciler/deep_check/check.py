"""Deep checks: every bill of a month is read again, and Vindi's lists of it are gone through.

What differs goes in by the road of every fact. A step is one batch; it may be done twice.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from services.reconciler.accounts.afresh import read_bills_afresh
from services.reconciler.accounts.context import Findings, PassContext
from services.reconciler.accounts.read_list import (
    SLACK_PAGES,
    IncompletePass,
    ListRead,
    Sound,
    raise_unread,
    sound_page,
)
from services.reconciler.accounts.take_in import RefundsRead, take_in_missing
from services.reconciler.backfill.unshown import find_unshown, unshown_of
from services.reconciler.rounds import alone
from services.reconciler.services import Services
from shared.commands.closing import live_bills, paid_charges, span_of
from shared.db import clock
from shared.db.away import database_away_for_all
from shared.db.closing import closing_checks_store, closing_read, read_counts
from shared.db.closing.closing_read import Span
from shared.db.connection import Connection
from shared.db.tenants import connections_store, tenants_store
from shared.db.vindi import bills_store, passes_store
from shared.domain.closing_check import OMITTED, CheckStep, DeepCheck, phase_after
from shared.domain.errors import RejectedError, TenantBlockedError, TransientError
from shared.domain.ids import BillId, ChargeId
from shared.domain.money import Cents
from shared.run.loops import Next, Periodic
from shared.vindi.budget import BudgetShare
from shared.vindi.client import BILLS, CHARGES, MOST_PER_PAGE, TRANSACTIONS
from shared.vindi.errors import VindiBusy
from shared.vindi.payloads import id_in

log = structlog.get_logger()

LOOK_EVERY: Final = timedelta(seconds=1)
AT_ONCE: Final = 4
LEASE: Final = timedelta(minutes=3)  # longer than the requests of one batch may take
AFTER_FAILURE: Final = timedelta(seconds=20)
MOST_FAILURES: Final = 30
SILENT_AFTER: Final = 3  # failures in a row, before what is never shown hinders nothing else
ONE_BY_ONE: Final = 10


async def check_closings(services: Services) -> None:
    """Work on deep checks whenever there are any, until cancelled."""

    async def step() -> Next | None:
        return Next.AT_ONCE if await check_once(services) else None

    await Periodic(
        name="closing-checks",
        step=step,
        every=LOOK_EVERY,
        failed="closing_checks_not_taken_up",
    ).run()


async def check_once(services: Services) -> int:
    """One step of every check that waits; returns of how many."""
    claimed: list[DeepCheck] = []
    async with services.pool.acquire() as conn:
        for tenant, month in await closing_checks_store.open_any_tenant(conn, limit=AT_ONCE):
            with alone("closing_check_not_claimed", tenant_id=tenant):
                check = await closing_checks_store.claim(conn, tenant, month, lease=LEASE)
                claimed += [check] if check else []
    done = await asyncio.gather(
        *(_work(services, check) for check in claimed), return_exceptions=True
    )
    for error in done:  # the database is away: the leases run out
        if error is not None:
            raise error
    return len(claimed)


async def _work(services: Services, check: DeepCheck) -> None:
    """Take one step, and write what became of it."""
    try:
        step = await _step(services, check)
    except VindiBusy as busy:
        await _rest(services, check, busy.retry_after, None)
    except TenantBlockedError as error:  # passes and the emitter say whether it stops the tenant
        await _rest(services, check, AFTER_FAILURE, error.code)
    except RejectedError as error:
        async with services.pool.acquire() as conn:
            await closing_checks_store.fail(conn, check, error.code)
    except TransientError:
        await _rest(services, check, AFTER_FAILURE, "vindi_unavailable")
    except Exception as error:
        if database_away_for_all(error):
            raise
        log.exception("closing_check_failed", tenant_id=check.tenant_id)
        await _rest(services, check, AFTER_FAILURE, "internal_error")
    else:
        async with services.pool.acquire() as conn:
            await closing_checks_store.advance(conn, check, step)


async def _rest(services: Services, check: DeepCheck, wait: timedelta, error: str | None) -> None:
    async with services.pool.acquire() as conn:
        if error is not None and check.failures >= MOST_FAILURES:
            await closing_checks_store.fail(conn, check, error)
            return
        await closing_checks_store.rest(
            conn, check, wait=wait, error=error, failed=error is not None
        )


async def _step(services: Services, check: DeepCheck) -> CheckStep:
    async with services.pool.acquire() as conn:
        tenant = await tenants_store.get(conn, check.tenant_id)
        if tenant is None:
            raise RejectedError("no such tenant", code="tenant_unknown")
        span = await span_of(conn, tenant, check.month)
        context = await _context(services, conn, check)
    if check.phase == "known":
        return await _read_known(context, span, check)
    return await _look_through(context, span, check)


async def _context(services: Services, conn: Connection, check: DeepCheck) -> PassContext:
    """What the reconciler's own reading works with, in the lane of backfills."""
    connection = await connections_store.get_vindi(conn, services.sealer, check.tenant_id)
    if connection is None:
        raise RejectedError("no account to read", code="vindi_not_connected")
    state = await passes_store.get(conn, check.tenant_id)
    if state is None:
        raise TransientError("the account is not enrolled yet")
    now = await clock.this_instant(conn)
    return PassContext(
        pool=services.pool,
        sealer=services.sealer,
        vindi=services.clients.vindi(check.tenant_id, connection, BudgetShare.BACKFILL),
        bulk=services.clients.bulk,
        state=state,
        connected_at=connection.state.connected_at,
        now=now,
        findings=Findings(),
    )


def _at_once(context: PassContext) -> int:
    """Bills a step: where they are read one by one, no more than surely fit into one window."""
    return MOST_PER_PAGE if context.bulk.honours_all_lists(context.vindi.account) else ONE_BY_ONE


async def _read_known(context: PassContext, span: Span, check: DeepCheck) -> CheckStep:
    """Read the next bills that we have in the month, with their refunds."""
    async with context.pool.acquire() as conn, conn.transaction(isolation="repeatable_read"):
        total = None
        if check.cursor == 0:
            total = (await closing_read.figures(conn, span)).vindi.bills
        bills = await closing_read.bills(conn, span, after=check.cursor, limit=_at_once(context))
    if not bills:
        return CheckStep(phase=phase_after("known", span.kinds), bills_total=total)
    unread = _Unread(context, check)
    refunds = await _refunds(context, bills, unread)
    async with unread.left_out():
        await read_bills_afresh(context, bills, refunds=refunds, touch=True)
    return CheckStep(
        omitted=unread.word,
        phase="known",
        cursor=bills[-1],
        bills_total=total,
        bills_read=len(bills),
        differed=len(context.findings.found),
    )


@dataclass(slots=True)
class _Unread:
    """What Vindi shows neither now nor a few tries before hinders nothing else of a check."""

    context: PassContext
    check: DeepCheck
    word: str | None = None

    @asynccontextmanager
    async def left_out(self) -> AsyncIterator[None]:
        """Note what the block could not read; raises it while it is new, or Vindi is away."""
        try:
            yield
        except IncompletePass:
            if self.check.failures < SILENT_AFTER:
                raise
            await self.context.vindi.merchant()
            self.word = OMITTED


async def _refunds(context: PassContext, bills: list[BillId], unread: _Unread) -> RefundsRead:
    async with context.pool.acquire() as conn:
        known = await bills_store.load(conn, context.tenant, bills)
    stored = [context.stored_bill(bill) for bill in known.values()]
    charges = [ChargeId(charge.id) for bill in stored if bill for charge in bill.charges]
    found = await context.bulk.refunds_of_charges(context.vindi, charges)
    async with unread.left_out():
        raise_unread(found.values(), TRANSACTIONS.path)
    return RefundsRead(
        sums={
            charge: Cents(sum(refund.amount for refund in refunds))
            for charge, refunds in found.items()
            if refunds and isinstance(refunds, tuple)
        }
    )


def _most_pages(check: DeepCheck) -> int:
    """Pages of a month's list that does not say how long it is, by the bills we have in it."""
    return 4 * ((check.bills_total or 0) // MOST_PER_PAGE + 1) + SLACK_PAGES


async def _look_through(context: PassContext, span: Span, check: DeepCheck) -> CheckStep:
    """Go through the next page of Vindi's own list of the month, for bills that we do not know."""
    number, zone = check.cursor + 1, context.state.zone
    sound: Sound[Any]
    unshown: Mapping[BillId, datetime] = {}
    if check.phase == "charges":
        charges = ListRead(resource=CHARGES, query=paid_charges(span, zone))
        sound = await sound_page(context.vindi, charges, number)
        asked = [id_in(row.raw, "bill") for row in sound.page.rows]
    else:
        bills = ListRead(resource=BILLS, query=live_bills(span, zone))
        sound = await sound_page(context.vindi, bills, number)
        asked = [id_in(row.raw) for row in sound.page.rows]
        if (where := unshown_of(sound, seen={}, since=None)) is not None:
            unshown = await find_unshown(context.vindi, context.bulk, where)
    page, unread = sound.page, _Unread(context, check)
    unread.word = OMITTED if sound.unshown else None
    named = [BillId(bill) for bill in asked if bill is not None]
    async with context.pool.acquire() as conn:
        unknown = await read_counts.unknown_bills(conn, context.tenant, named)
    async with unread.left_out():
        await read_bills_afresh(context, unknown)
    await take_in_missing(context, list(unshown))
    found = len(context.findings.found)
    if sound.is_last:
        after = phase_after(check.phase, span.kinds)
        return CheckStep(phase=after, found=found, omitted=unread.word)
    if (page.total is None or not page.adds_up) and number >= _most_pages(check):
        raise RejectedError("a list without an end", code="rows_omitted")
    return CheckStep(phase=check.phase, cursor=number, found=found, omitted=unread.word)
