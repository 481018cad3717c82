"""One pass over all tenants with due work, each within its own share (design D12)."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import structlog

from services.emitter.batch import Tools, work_batch
from services.emitter.leases import LEASE
from services.emitter.one_by_one import divided, hold_failed
from shared.db.outbox import outbox_store
from shared.db.outbox.outbox_store import Entry, Lane
from shared.domain.ids import TenantId

log = structlog.get_logger()

TENANTS_A_PASS: Final = 200
BATCH: Final = 100  # two list calls of Vindi bring it up to date
BATCHES_A_TENANT: Final = 4  # some are read while others are at the issuer
BATCHES_AT_ONCE: Final = 12
# A backfill leaves room for what happens now: in the process, and in each tenant's share.
BACKFILLS_AT_ONCE: Final = 8
LANES: Final[tuple[Lane, ...]] = (outbox_store.LIVE, outbox_store.RECONCILE, outbox_store.BACKFILL)


@dataclass(slots=True)
class Dispatcher:
    """Claims due work and runs it in batches; remembers only what is running right now."""

    tools: Tools
    worker: str  # names this process in leases
    _running: Counter[TenantId] = field(default_factory=Counter)
    _backfilling: set[TenantId] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def dispatch_once(self, on_done: Callable[[], None]) -> int:
        """Start work on what is due and return how many sales were claimed.

        `on_done` is called whenever a batch ends, since there may be more of that tenant.
        """
        room = BATCHES_AT_ONCE - len(self._tasks)
        if room <= 0:
            return 0
        async with self.tools.pool.acquire() as conn:
            tenants = await outbox_store.tenants_with_due_any_tenant(conn, limit=TENANTS_A_PASS)
        claimed = 0
        for tenant in tenants:
            if len(self._tasks) >= BATCHES_AT_ONCE:
                break
            if self._running[tenant] >= BATCHES_A_TENANT:
                continue
            started = time.monotonic()
            entries = await self._claim(tenant)
            if entries:
                claimed += len(entries)
                self._start(tenant, entries, started, on_done)
        return claimed

    async def drain(self) -> None:
        """Wait for everything that was started."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _claim(self, tenant: TenantId) -> list[Entry]:
        async with self.tools.pool.acquire() as conn:
            for lane in self._lanes(tenant):
                entries = await outbox_store.claim_due(
                    conn, tenant, lane=lane, limit=BATCH, lease=LEASE, worker=self.worker
                )
                if entries:
                    return entries
        return []

    def _lanes(self, tenant: TenantId) -> tuple[Lane, ...]:
        full = len(self._backfilling) >= BACKFILLS_AT_ONCE
        return LANES[:-1] if full or tenant in self._backfilling else LANES

    def _start(
        self,
        tenant: TenantId,
        entries: list[Entry],
        started: float,
        on_done: Callable[[], None],
    ) -> None:
        self._running[tenant] += 1
        backfilling = entries[0].lane == outbox_store.BACKFILL
        if backfilling:
            self._backfilling.add(tenant)
        task = asyncio.create_task(self._run(tenant, entries, started), name=f"batch-{tenant}")
        self._tasks.add(task)

        def done(finished: asyncio.Task[None]) -> None:
            self._tasks.discard(finished)
            self._running[tenant] -= 1
            if not self._running[tenant]:
                del self._running[tenant]
            if backfilling:
                self._backfilling.discard(tenant)
            on_done()

        task.add_done_callback(done)

    async def _run(self, tenant: TenantId, entries: list[Entry], started: float) -> None:
        try:
            with self.tools.leases.holding(entries, started):
                await divided(
                    partial(work_batch, self.tools, tenant),
                    lambda entry, error: hold_failed(
                        self.tools.pool, tenant, entry, error, "worked"
                    ),
                    entries,
                )
        except Exception as error:
            # The database is away. The leases run out and the work starts again.
            log.exception("batch_failed", tenant_id=tenant, error=type(error).__name__)
