"""Who reads which account when: leases in PostgreSQL, shared by every replica.

The rows are the schedule: Redis and arq have no part in it, and losing them changes nothing.
"""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import structlog
from prometheus_client import Counter, Histogram
from structlog.contextvars import bind_contextvars

from services.reconciler.accounts.plan import retry
from services.reconciler.accounts.run_pass import INTERNAL, run_pass
from services.reconciler.rounds import alone
from services.reconciler.services import Services
from shared.db.away import database_away
from shared.db.tenants import connections_store
from shared.db.vindi import passes_store
from shared.db.vindi.passes_store import Claimed, PassResult
from shared.domain.ids import TenantId
from shared.run.loops import Periodic
from shared.telemetry import traces
from shared.telemetry.severity import severity

log = structlog.get_logger()

LEASE: Final = timedelta(seconds=30)  # a dead replica delays its accounts by no more than this
RENEW_EVERY: Final = timedelta(seconds=10)
PASSES_AT_ONCE: Final = 128  # most of a pass is waiting: for Vindi, or for the account's budget
POLL: Final = timedelta(seconds=0.25)
ENROL_EVERY: Final = timedelta(seconds=5)
FIRST_PASS_WITHIN: Final = timedelta(seconds=10)
AFTER_FAILURE: Final = timedelta(seconds=5)

PASSES: Final = Counter(
    "notaponte_reconciler_passes_total", "Passes over an account, by outcome.", ["outcome"]
)
PASS_SECONDS: Final = Histogram(
    "notaponte_reconciler_pass_seconds",
    "How long a pass took.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800),
)
FOUND: Final = Counter(
    "notaponte_reconciler_found_total", "Sales that differed from what was stored."
)
MISSED: Final = Counter(
    "notaponte_reconciler_missed_events_total", "Sales found whose event never came."
)


@dataclass(slots=True)
class Scheduler:
    """Claims due passes and runs them; remembers only what is running right now."""

    services: Services
    worker: str
    _running: dict[TenantId, tuple[int, asyncio.Task[None]]] = field(default_factory=dict)

    async def enrol(self) -> None:
        """Begin with accounts that were connected since."""
        spread = min(FIRST_PASS_WITHIN, self.services.reconcile_every)
        async with self.services.pool.acquire() as conn:
            await passes_store.enrol_any_tenant(conn, spread=spread)

    async def start_due(self) -> int:
        """Start the passes that are due and fit in; returns how many."""
        room = PASSES_AT_ONCE - len(self._running)
        if room <= 0:
            return 0
        async with self.services.pool.acquire() as conn:
            due = await passes_store.tenants_due_any_tenant(conn, limit=room)
            claims: list[Claimed] = []
            for tenant in due:
                if tenant in self._running:
                    continue
                with alone("pass_not_claimed", tenant_id=tenant):
                    claimed = await passes_store.claim(
                        conn, tenant, lease=LEASE, worker=self.worker
                    )
                    claims += [claimed] if claimed else []
        for claimed in claims:
            self._start(claimed)
        return len(claims)

    async def drain(self) -> None:
        """Wait for everything that was started."""
        while self._running:
            await asyncio.wait([task for _, task in self._running.values()])

    async def stop(self) -> None:
        """Cancel what runs; its leases end by themselves."""
        for _, task in self._running.values():
            task.cancel()
        await self.drain()

    async def renew(self) -> None:
        """Prolong the leases of what runs; a pass that lost its lease is cancelled."""
        if not self._running:
            return
        attempts = {tenant: attempt for tenant, (attempt, _) in self._running.items()}
        async with self.services.pool.acquire() as conn:
            ours = await passes_store.renew_any_tenant(conn, attempts, lease=LEASE)
        for tenant, attempt in attempts.items():
            running = self._running.get(tenant)
            if tenant not in ours and running is not None and running[0] == attempt:
                running[1].cancel()

    def _start(self, claimed: Claimed) -> None:
        tenant = claimed.state.tenant_id
        task = asyncio.create_task(self._run(claimed), name=f"pass-{tenant}")
        self._running[tenant] = (claimed.state.attempt, task)
        task.add_done_callback(lambda _: self._running.pop(tenant, None))

    async def _run(self, claimed: Claimed) -> None:
        tenant = claimed.state.tenant_id
        bind_contextvars(tenant_id=tenant)  # a task of its own
        try:
            with PASS_SECONDS.time():
                result = await self._result_surely(claimed)
            async with self.services.pool.acquire() as conn:
                kept = await passes_store.finish(conn, tenant, claimed.state.attempt, result)
        except Exception as error:
            # The lease runs out and the pass is run again.
            PASSES.labels("failed").inc()
            if not database_away(error):
                log.exception("pass_failed", tenant_id=tenant, error=type(error).__name__)
                return
            log.log(severity(error), "pass_failed", tenant_id=tenant, error=type(error).__name__)
            return
        PASSES.labels(_outcome(result) if kept else "lease_lost").inc()
        FOUND.inc(result.found)
        MISSED.inc(result.missed)
        if result.found:
            await self.services.waker.ring()

    async def _result_surely(self, claimed: Claimed) -> PassResult:
        """What a pass found; a fault of ours is written down too, and the pass put off for it."""
        try:
            return await self._result(claimed)
        except Exception as error:
            if database_away(error):
                raise
            log.exception("pass_failed", tenant_id=claimed.state.tenant_id)
            after = retry(claimed.now, claimed.state.failures, self.services.reconcile_every)
            return PassResult(next_pass_at=after, error=INTERNAL, complete=False)

    async def _result(self, claimed: Claimed) -> PassResult:
        services, tenant = self.services, claimed.state.tenant_id
        async with services.pool.acquire() as conn:
            connection = await connections_store.get_vindi(conn, services.sealer, tenant)
        if connection is None:
            after = retry(claimed.now, claimed.state.failures, services.reconcile_every)
            return PassResult(next_pass_at=after, error="vindi_not_connected", complete=False)
        with traces.span("pass", tenant_id=tenant) as told:
            result = await run_pass(
                services.pool,
                services.clients,
                services.sealer,
                claimed,
                connection,
                every=services.reconcile_every,
            )
            told.note(outcome=result.error or _outcome(result), count=result.found)
        return result


def _outcome(result: PassResult) -> str:
    return "complete" if result.complete else "incomplete"


async def reconcile_accounts(services: Services) -> None:
    """Read every account once an interval, until cancelled."""
    worker = f"{socket.gethostname()}:{os.getpid()}"
    scheduler = Scheduler(services=services, worker=worker)
    steps = (
        (scheduler.enrol, ENROL_EVERY),
        (scheduler.renew, RENEW_EVERY),
        (scheduler.start_due, POLL),
    )
    try:
        await asyncio.gather(*(_often(step, every).run() for step, every in steps))
    finally:
        await scheduler.stop()


def _often(step: Callable[[], Awaitable[object]], every: timedelta) -> Periodic:
    return Periodic(
        name=step.__name__,
        step=step,
        every=every,
        after_failure=AFTER_FAILURE,
        failed="reconciler_rests",
    )
