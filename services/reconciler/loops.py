"""What the reconciler does beside answering: loops that each run until cancelled."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

import structlog

from services.reconciler.accounts.schedule import reconcile_accounts
from services.reconciler.backfill.worker import work_on_backfills
from services.reconciler.deep_check.check import check_closings
from services.reconciler.deliver import deliver_status_webhooks, forget_deliveries
from services.reconciler.mirror import mirror_issuers
from services.reconciler.services import Services
from services.reconciler.watch_loop import watch_tenants
from shared.db.tenants import idempotency_store

log = structlog.get_logger()

Background = Callable[[Services], Awaitable[None]]
FORGET_EVERY: Final = timedelta(hours=1)
AFTER_FAILURE: Final = timedelta(seconds=30)


async def forget_idempotency_keys(services: Services) -> None:
    """Forget keys once nobody repeats their calls any more, until cancelled."""
    while True:
        try:
            async with services.pool.acquire() as conn:
                forgotten = await idempotency_store.forget_old_any_tenant(conn)
            log.info("idempotency_keys_forgotten", count=forgotten)
            rest = FORGET_EVERY
        except Exception as error:  # noqa: BLE001 - the database is away: try again later
            log.warning("idempotency_keys_kept", error=type(error).__name__)
            rest = AFTER_FAILURE
        await asyncio.sleep(rest.total_seconds())


# A loop handles its own failures; one that ends anyway is a bug and is logged.
LOOPS: Final[tuple[Background, ...]] = (
    forget_idempotency_keys,
    deliver_status_webhooks,
    forget_deliveries,
    mirror_issuers,
    reconcile_accounts,
    watch_tenants,
    work_on_backfills,
    check_closings,
)


@asynccontextmanager
async def run_background(
    services: Services, loops: Sequence[Background] = LOOPS
) -> AsyncIterator[None]:
    """Run every loop as long as the block runs; then cancel and wait for them."""
    tasks = [asyncio.create_task(_watched(loop, services)) for loop in loops]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _watched(loop: Background, services: Services) -> None:
    name = getattr(loop, "__name__", "loop")
    try:
        await loop(services)
    except Exception:
        log.exception("background_loop_failed", loop=name)
        raise
