"""One pass over one account: its lanes, what became of them, when it is read next."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Literal

import structlog
from msgspec.structs import replace

from services.reconciler.accounts.context import AccountLeft, Findings, PassContext
from services.reconciler.accounts.customers import read_changed_customers
from services.reconciler.accounts.heard import judge_events
from services.reconciler.accounts.lanes import read_changed_bills, read_changed_charges
from services.reconciler.accounts.plan import BLOCKED_REST, SOONEST, next_pass, phase, retry
from services.reconciler.accounts.read_list import DISORDER, LONGEST_WAIT, IncompletePass
from services.reconciler.accounts.refunds import read_refunds
from services.reconciler.accounts.slow_lanes import WEEK, count_check, slow_lanes_due, sweep
from services.reconciler.accounts.whose import learn_whose
from services.reconciler.accounts.zone import measure_zone, zone_is_due
from shared.clients import Clients
from shared.commands.go_on import go_on
from shared.crypto.seal import Sealer
from shared.db.away import database_away
from shared.db.connection import Pool
from shared.db.outbox import due_read, outbox_store
from shared.db.tenants import connections_store
from shared.db.tenants.connections_store import VindiConnection
from shared.db.vindi import bills_store, oddities_store
from shared.db.vindi.passes_store import Claimed, PassResult, Zone
from shared.domain.errors import TenantBlockedError, TransientError
from shared.domain.ids import BillId
from shared.vindi.budget import BudgetShare
from shared.vindi.errors import (
    VindiAccountBlocked,
    VindiBusy,
    VindiRequestRefused,
    VindiUnavailable,
)

log = structlog.get_logger()

MarkColumn = Literal["bills_mark", "charges_mark", "refunds_mark", "customers_mark"]
LANES: Final[tuple[tuple[MarkColumn, Callable[[PassContext], Awaitable[None]]], ...]] = (
    ("bills_mark", read_changed_bills),
    ("charges_mark", read_changed_charges),
    ("refunds_mark", read_refunds),
    ("customers_mark", read_changed_customers),
)
DAY: Final = timedelta(days=1)
INTERNAL: Final = "internal_error"  # a fault of ours: the other lanes go on
# What the emitter is about to read need not be read by a pass as well, so a pass gives way to
# so many sales, but no longer than until so many intervals after the last one.
GIVES_WAY_TO: Final = 500
GIVES_WAY_UNTIL: Final = 1.75


@dataclass(slots=True, kw_only=True)
class _Outcome:
    """What the lanes left: marks that may move, the first trouble, days done."""

    marks: dict[MarkColumn, datetime]
    error: str | None = None
    nightly: date | None = None
    weekly: date | None = None
    zone: Zone | None = None


async def run_pass(
    pool: Pool,
    clients: Clients,
    sealer: Sealer,
    claimed: Claimed,
    connection: VindiConnection,
    *,
    every: timedelta,
) -> PassResult:
    """Read what changed in an account and make due what differs.

    A failure of Vindi is part of the result; only ours (the database, a bug) are raised.
    """
    state, now = claimed.state, claimed.now
    put_off = await _put_off(pool, claimed, every)
    if put_off is not None:
        return PassResult(next_pass_at=put_off, error=None, complete=False)
    context = PassContext(
        pool=pool,
        sealer=sealer,
        # A long pass uses up its lane's share again and again: it waits its turn in place.
        vindi=clients.vindi_account(
            state.tenant_id,
            environment=connection.environment,
            api_key=connection.api_key,
            share=BudgetShare.RECONCILE,
            patience=LONGEST_WAIT,
            merchant_id=connection.merchant_id,
        ),
        bulk=clients.bulk,
        state=state,
        connected_at=connection.state.connected_at,
        now=now,
        findings=Findings(plain=set(state.plain_lanes)),
    )
    outcome = _Outcome(marks={})
    after = next_pass(state.tenant_id, now, every)
    try:
        if connection.state.blocked:
            await _probe(context)
        context = await _with_zone(context, outcome)
        await _run_lanes(context, outcome)
        # What is a habit of the account would keep its nights away for ever.
        if outcome.error in (None, DISORDER):
            await _run_extras(context, outcome)
    except VindiBusy as busy:
        # Nobody's fault: the account's requests are spent. The marks say how far we came.
        outcome.error = outcome.error or (None if len(outcome.marks) == len(LANES) else "busy")
        after = min(after, context.clock() + max(busy.retry_after, SOONEST))
    except AccountLeft:
        after = context.clock() + SOONEST  # and then with what is connected now
    except TenantBlockedError as error:
        meant = error if connection.state.blocked else await clients.believe_vindi(context.vindi)
        if isinstance(meant, TenantBlockedError):
            await _block(context, meant)
            outcome.error = meant.code
            after = now + BLOCKED_REST if isinstance(meant, VindiAccountBlocked) else after
        else:
            outcome.error = outcome.error or "vindi_unavailable"
            after = min(after, retry(context.clock(), state.failures, every))
    else:
        if len(outcome.marks) < len(LANES):
            after = min(after, retry(context.clock(), state.failures, every))
    if context.vindi.oddities:
        async with pool.acquire() as conn:
            await oddities_store.note(conn, context.tenant, context.vindi.oddities, at=context.now)
    early = await judge_events(context, every=every)
    return _result(context, outcome, after, early)


async def _put_off(pool: Pool, claimed: Claimed, every: timedelta) -> datetime | None:
    """When to come again, if the emitter has its hands full with sales just heard of."""
    state, now = claimed.state, claimed.now
    if state.complete_at is None or state.error is not None:
        return None
    latest = state.complete_at + every * GIVES_WAY_UNTIL
    if now >= latest:
        return None
    async with pool.acquire() as conn:
        due = await due_read.due_now(
            conn, state.tenant_id, lane=outbox_store.LIVE, most=GIVES_WAY_TO
        )
    return min(now + every / 10, latest) if due >= GIVES_WAY_TO else None


async def _run_lanes(context: PassContext, outcome: _Outcome) -> None:
    """Read each lane; one that fails neither moves its mark nor stops the others."""
    for mark, read in LANES:
        try:
            await read(context)
        except (VindiBusy, AccountLeft):
            raise
        except (TransientError, VindiRequestRefused) as error:
            outcome.error = outcome.error or _word(error)
            log.warning("pass_incomplete", tenant_id=context.tenant, lane=mark, error=_word(error))
        except TenantBlockedError:
            raise
        except Exception as error:
            if database_away(error):
                raise
            outcome.error = outcome.error or INTERNAL
            log.exception("lane_failed", tenant_id=context.tenant, lane=mark)
        else:
            outcome.marks[mark] = _start(context)


async def _with_zone(context: PassContext, outcome: _Outcome) -> PassContext:
    """Know the zone before the lanes if that can be: busy lanes cost less then.

    Measured with a bill of earlier; if that was not clear, one just read tells afterwards.
    """
    if context.state.zone != "unknown" or not zone_is_due(context.state, context.now):
        return context
    async with context.pool.acquire() as conn:
        known = await bills_store.newest(conn, context.tenant)
    bill = context.stored_bill(known)
    if bill is None:
        return context
    try:
        outcome.zone = await measure_zone(context, bill)
    except (VindiUnavailable, VindiRequestRefused):
        return context
    return replace(context, state=replace(context.state, zone=outcome.zone))


async def _run_extras(context: PassContext, outcome: _Outcome) -> None:
    """Measure the zone and run the slow lanes, where that is due."""
    state, findings = context.state, context.findings
    own_phase = phase(context.tenant)
    night = slow_lanes_due(now=context.now, done=state.nightly_day, every=DAY, phase=own_phase)
    week = slow_lanes_due(now=context.now, done=state.weekly_day, every=WEEK, phase=own_phase)
    try:
        measured = outcome.zone not in (None, "unknown")
        if findings.sample is not None and not measured and zone_is_due(state, context.now):
            outcome.zone = await measure_zone(context, findings.sample)
        if night is not None:
            await sweep(context)
            await learn_whose(context)
            outcome.nightly = night
            findings.plain.clear()  # filters are tried afresh once a day
        if week is not None:
            await count_check(context)
            outcome.weekly = week
    except (VindiBusy, AccountLeft):
        raise
    except (TransientError, VindiRequestRefused) as error:
        outcome.error = _word(error)
        log.warning("slow_lanes_incomplete", tenant_id=context.tenant, error=_word(error))
    except TenantBlockedError:
        raise
    except Exception as error:
        if database_away(error):
            raise
        outcome.error = INTERNAL
        log.exception("slow_lanes_failed", tenant_id=context.tenant)


def _start(context: PassContext) -> datetime:
    """The start of the pass, by Vindi's clock where that is behind the database's."""
    return context.now - context.vindi_behind()


def _word(error: TransientError | VindiRequestRefused) -> str:
    match error:
        case IncompletePass(why=why):
            return why
        case VindiRequestRefused():
            return "query_refused"
        case _:
            return "vindi_unavailable"


def _result(
    context: PassContext, outcome: _Outcome, after: datetime, early: Mapping[BillId, datetime]
) -> PassResult:
    findings, skew = context.findings, context.vindi.skew
    return PassResult(
        next_pass_at=after,
        error=outcome.error,
        complete=len(outcome.marks) == len(LANES),
        zone=outcome.zone,
        plain_lanes=frozenset(findings.plain),
        nightly_day=outcome.nightly,
        weekly_day=outcome.weekly,
        skew_seconds=skew.total_seconds() if skew is not None else None,
        found=len(findings.found),
        missed=findings.missed,
        heard=findings.heard > 0,
        events_due=early,
        bills_mark=outcome.marks.get("bills_mark"),
        charges_mark=outcome.marks.get("charges_mark"),
        refunds_mark=outcome.marks.get("refunds_mark"),
        customers_mark=outcome.marks.get("customers_mark"),
        began_at=context.now,
    )


async def _probe(context: PassContext) -> None:
    """Ask once whether Vindi has let the account go; what it stopped becomes due again."""
    await context.vindi.merchant()
    async with context.pool.acquire() as conn, conn.transaction():
        if await connections_store.unblock(
            conn, context.tenant, "vindi", connected_at=context.connected_at
        ):
            await go_on(conn, context.tenant, [VindiAccountBlocked().code])
    log.info("vindi_account_free_again", tenant_id=context.tenant)


async def _block(context: PassContext, error: TenantBlockedError) -> None:
    async with context.pool.acquire() as conn:
        await connections_store.block(
            conn,
            context.tenant,
            "vindi",
            error.code,
            str(error),
            connected_at=context.connected_at,
        )
    log.warning("vindi_blocked", tenant_id=context.tenant, code=error.code)
