"""What nobody asks for any more is forgotten, every hour, until cancelled."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

import structlog

from services.reconciler.services import Services
from shared.db.closing import month_files_store
from shared.db.connection import Connection
from shared.db.hooks import status_webhooks_store
from shared.db.sales import bulk_jobs_store
from shared.db.tenants import idempotency_store
from shared.run.loops import Periodic

log = structlog.get_logger()

FORGET_EVERY: Final = timedelta(hours=1)
AFTER_FAILURE: Final = timedelta(seconds=30)


async def forget_idempotency_keys(services: Services) -> None:
    """Forget keys once nobody repeats their calls any more."""
    forget = idempotency_store.forget_old_any_tenant
    await _forget(
        services, forget, done="idempotency_keys_forgotten", failed="idempotency_keys_kept"
    )


async def forget_deliveries(services: Services) -> None:
    """Forget deliveries that ended long ago."""
    forget = status_webhooks_store.forget_old_any_tenant
    await _forget(services, forget, done="status_webhooks_forgotten", failed="status_webhooks_kept")


async def forget_month_files(services: Services) -> None:
    """Forget files of months that lay ready for a day."""
    forget = month_files_store.forget_old_any_tenant
    await _forget(services, forget, done="month_files_forgotten", failed="month_files_kept")


async def forget_bulk_jobs(services: Services) -> None:
    """Forget actions for many sales that ended long ago."""
    forget = bulk_jobs_store.forget_old_any_tenant
    await _forget(services, forget, done="bulk_jobs_forgotten", failed="bulk_jobs_kept")


async def _forget(
    services: Services, forget: Callable[[Connection], Awaitable[int]], *, done: str, failed: str
) -> None:
    async def step() -> None:
        async with services.pool.acquire() as conn:
            forgotten = await forget(conn)
        log.info(done, count=forgotten)

    await Periodic(
        name="forget", step=step, every=FORGET_EVERY, after_failure=AFTER_FAILURE, failed=failed
    ).run()
