"""Works on backfills: several replicas share them by lease, and one death delays none for long."""

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import structlog
from msgspec.structs import replace
from structlog.contextvars import bind_contextvars

from services.reconciler.backfill.judge import Judge
from services.reconciler.backfill.run import Run, RunLost
from services.reconciler.mirror import reach_back
from services.reconciler.refused import rest_after
from services.reconciler.rounds import alone
from services.reconciler.services import Services
from shared.db import clock
from shared.db.away import database_away
from shared.db.backfill import backfills_store
from shared.db.connection import Connection
from shared.db.tenants import connections_store, tenants_store
from shared.db.tenants.connections_store import IssuerConnection, Side, VindiConnection
from shared.domain.account_lines import account_name
from shared.domain.backfill import Window
from shared.domain.backfill_run import Backfill
from shared.domain.errors import RejectedError, TenantBlockedError, TransientError
from shared.domain.ids import BackfillId
from shared.domain.sale import TenantTerms
from shared.run.loops import Next, Periodic
from shared.telemetry import traces
from shared.telemetry.severity import severity
from shared.vindi.budget import BudgetShare
from shared.vindi.errors import VindiBusy

log = structlog.get_logger()

LEASE: Final = timedelta(seconds=8)  # a killed worker's run waits no longer; every step is fenced
BEAT: Final = timedelta(seconds=2)
LOOK_EVERY: Final = timedelta(seconds=1)
AT_ONCE: Final = 8
LONGEST_WAIT: Final = timedelta(minutes=1)
ACCOUNT_CHANGED: Final = "vindi_account_changed"
MOST_FAILURES: Final = 40  # in a row: with the pauses between them, a little over half an hour


async def work_on_backfills(services: Services) -> None:
    """Take up backfills whenever there are any, until cancelled."""
    worker = Worker(services=services)
    try:
        await Periodic(
            name="backfills",
            step=worker.take_up,
            every=LOOK_EVERY,
            failed="backfills_not_taken_up",
        ).run()
    finally:
        await worker.stop()


@dataclass(slots=True, kw_only=True)
class Worker:
    """Runs of this process; another process may take up any of them once their leases end."""

    services: Services
    _running: dict[BackfillId, asyncio.Task[None]] = field(default_factory=dict)

    async def take_up(self) -> int:
        """Claim what waits, as far as there is room, and begin; returns how many."""
        begun = 0
        async with self.services.pool.acquire() as conn:
            waiting = await backfills_store.waiting_any_tenant(conn, limit=AT_ONCE)
            for tenant, backfill in waiting:
                if len(self._running) >= AT_ONCE or backfill in self._running:
                    continue
                with alone("backfill_not_claimed", tenant_id=tenant, backfill_id=backfill):
                    run = await backfills_store.claim(conn, tenant, backfill, lease=LEASE)
                    if run is not None:
                        self._begin(run)
                        begun += 1
        return begun

    async def drain(self) -> None:
        """Wait until everything begun here has ended or rests."""
        while self._running:
            await asyncio.wait(self._running.values())

    async def stop(self) -> None:
        """Give everything up; others go on with it at once."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, run: Backfill) -> None:
        task = asyncio.create_task(work(self.services, run), name=f"backfill-{run.id}")
        self._running[run.id] = task
        task.add_done_callback(lambda _done: self._running.pop(run.id, None))


async def work(services: Services, run: Backfill) -> None:
    """Work on a leased run until it ends, rests, or is taken away."""
    bind_contextvars(tenant_id=run.tenant_id, backfill_id=run.id)  # a task of its own
    steps = asyncio.create_task(_steps(services, run))
    beat = asyncio.create_task(_keep_lease(services, run))
    try:
        await asyncio.wait({steps, beat}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        steps.cancel()
        beat.cancel()
        await asyncio.gather(steps, beat, return_exceptions=True)
        if not steps.cancelled() and (error := steps.exception()) is not None:
            level = severity(error) if database_away(error) else logging.ERROR
            log.log(level, "backfill_step_failed", backfill_id=run.id, error=type(error).__name__)
        await _let_go(services, run)


async def _keep_lease(services: Services, run: Backfill) -> None:
    """Prolong the lease; returns once it is not ours any more."""

    async def beat() -> Next | None:  # every step is fenced: where one fails the next may do
        async with services.pool.acquire() as conn:
            ours = await backfills_store.renew(conn, run, lease=LEASE)
        return None if ours else Next.NEVER

    await Periodic(
        name=f"lease-{run.id}",
        step=beat,
        every=BEAT,
        failed="backfill_lease_not_kept",
        rests_first=True,
    ).run()


async def _let_go(services: Services, run: Backfill) -> None:
    """Free the lease of a run that was given up; one that ended or rests is left alone."""
    try:
        async with services.pool.acquire() as conn:
            await backfills_store.let_go(conn, run)
    except Exception as error:  # noqa: BLE001 - the lease ends by itself
        name = type(error).__name__
        log.log(severity(error), "backfill_lease_left", backfill_id=run.id, error=name)


async def _steps(services: Services, leased: Backfill) -> None:
    run: Run | None = None
    try:
        run = await prepare(services, leased)
        if not await _looked_for_copies(services, leased):
            return
        while await _step(run):
            pass
        log.info("backfill_completed", tenant_id=leased.tenant_id, backfill_id=leased.id)
    except RunLost:
        log.info("backfill_left", tenant_id=leased.tenant_id, backfill_id=leased.id)
    except TenantBlockedError as error:
        await _refused(services, leased, run, error)
    except RejectedError as error:
        await _fail(services, leased, error.code)
    except TransientError:
        await _rest(services, leased, "vindi_unavailable")
    except Exception:
        # A bug, or the database is away: tried again later, and not for ever.
        await _rest(services, leased, "internal_error")
        raise


async def _looked_for_copies(services: Services, run: Backfill) -> bool:
    """Whether what the issuer has of these days is known, so that no past sale is issued twice."""
    if run.asked.dry_run:
        return True
    async with services.pool.acquire() as conn:
        connection = await connections_store.get_issuer(conn, services.sealer, run.tenant_id)
    try:
        await reach_back(services, run.tenant_id, run.asked.since)
    except TenantBlockedError as error:  # the issuer's, which is not Vindi's to answer for
        await _issuer_refused(services, run, connection, error)
    except TransientError:
        await _rest(services, run, "issuer_unavailable")
    else:
        return True
    return False


async def _step(run: Run) -> bool:
    """One step; a budget that is spent is waited for, lease in hand and no connection."""
    try:
        tenant = run.backfill.tenant_id
        with traces.span("backfill step", tenant_id=tenant, run_id=run.backfill.id):
            return await run.step()
    except VindiBusy as busy:
        await asyncio.sleep(min(busy.retry_after, LONGEST_WAIT).total_seconds())
        return True


async def prepare(services: Services, run: Backfill) -> Run:
    """Load what a leased run works with.

    Raises RejectedError without an account, and with another than it began with: where it is says
    nothing of that one. TenantBlockedError while the account cannot be read.
    """
    async with services.pool.acquire() as conn:
        terms = await tenants_store.terms(conn, run.tenant_id)
        connections = await connections_store.get(conn, services.sealer, run.tenant_id)
        vindi = connections.vindi
        if vindi is None:
            raise RejectedError("no account to read", code="vindi_not_connected")
        if not await _is_of(conn, run, vindi):
            raise RejectedError("another account than it began with", code=ACCOUNT_CHANGED)
    if vindi.state.blocked:
        raise TenantBlockedError("the account cannot be read", code=vindi.state.code)
    window = Window(since=run.asked.since, until=run.asked.until, zone=terms.zone)
    return Run(
        services=services,
        connected_at=vindi.state.connected_at,
        client=services.clients.vindi(run.tenant_id, vindi, BudgetShare.BACKFILL),
        backfill=run,
        judge=Judge(asked=run.asked, terms=_foreseeing(run, terms), window=window),
    )


async def _is_of(conn: Connection, run: Backfill, vindi: VindiConnection) -> bool:
    if vindi.merchant_id is None:  # connected before it was kept: a pass learns it within a day
        return True
    return await backfills_store.is_of(
        conn, run, account_name(vindi.merchant_id, vindi.environment)
    )


def _foreseeing(run: Backfill, terms: TenantTerms) -> TenantTerms:
    """A preview before the first activation shows what would be issued once it is there."""
    if run.asked.dry_run and terms.active_from is None:
        return replace(terms, issuing=True)
    return terms


async def _refused(
    services: Services, leased: Backfill, run: Run | None, error: TenantBlockedError
) -> None:
    """A refusal that a second look confirms makes a run wait; any other only puts it off."""
    if run is None:
        await _wait(services, leased, error.code)
        return
    meant = await services.clients.believe_vindi(run.client)
    await _wait_if_meant(services, leased, "vindi", run.connected_at, meant)


async def _issuer_refused(
    services: Services,
    run: Backfill,
    connection: IssuerConnection | None,
    error: TenantBlockedError,
) -> None:
    """As `_refused`, for the issuer."""
    if connection is None or connection.state.blocked:
        await _wait(services, run, error.code)
        return
    issuer = services.clients.issuer(connection)
    meant = await services.clients.believe_issuer(connection, issuer)
    await _wait_if_meant(services, run, "issuer", connection.state.connected_at, meant)


async def _wait_if_meant(
    services: Services,
    run: Backfill,
    side: Side,
    connected_at: datetime,
    meant: TenantBlockedError | TransientError,
) -> None:
    if isinstance(meant, TransientError):
        await _rest(services, run, f"{side}_unavailable")
        return
    async with services.pool.acquire() as conn:
        ours = await connections_store.block(
            conn, run.tenant_id, side, meant.code, str(meant), connected_at=connected_at
        )
    if not ours:  # another key was put meanwhile
        await _rest(services, run, f"{side}_unavailable")
        return
    log.warning(_BLOCKED[side], tenant_id=run.tenant_id, code=meant.code)
    await _wait(services, run, meant.code)


_BLOCKED: Final[dict[Side, str]] = {"vindi": "vindi_blocked", "issuer": "issuer_blocked"}


async def _wait(services: Services, run: Backfill, code: str) -> None:
    """Wait until the connection is good again, which others look at, and wake the run for.

    It looks by itself too, ever more rarely, whether they did.
    """
    async with services.pool.acquire() as conn, conn.transaction():
        now = await clock.now(conn)
        state = await connections_store.blocked_since(conn, run.tenant_id, code)
        until = now + (rest_after(now - state) if state is not None else timedelta())
        await backfills_store.wait(conn, run, error=code, until=until)
    log.warning("backfill_waits", tenant_id=run.tenant_id, backfill_id=run.id, code=code)


async def _fail(services: Services, run: Backfill, code: str) -> None:
    async with services.pool.acquire() as conn, conn.transaction():
        await backfills_store.end(
            conn, run.tenant_id, run.id, "failed", attempt=run.attempt, error=code
        )
    log.warning("backfill_failed", tenant_id=run.tenant_id, backfill_id=run.id, code=code)


async def _rest(services: Services, run: Backfill, code: str) -> None:
    """Put a run off; it fails for good after many failures without a step between them."""
    async with services.pool.acquire() as conn:
        failures = await backfills_store.release(conn, run, error=code)
    if failures >= MOST_FAILURES:
        await _fail(services, run, code)
