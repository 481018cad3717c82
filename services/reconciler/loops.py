"""What the reconciler does beside answering: loops that each run until cancelled."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from functools import partial
from typing import Final

import structlog

from services.reconciler.accounts.schedule import reconcile_accounts
from services.reconciler.backfill.worker import work_on_backfills
from services.reconciler.deep_check.check import check_closings
from services.reconciler.deliver import deliver_status_webhooks, forget_deliveries
from services.reconciler.mirror import mirror_issuers
from services.reconciler.refused import look_again_at_refused
from services.reconciler.services import Services
from services.reconciler.watch_loop import watch_tenants
from shared.db.tenants import idempotency_store
from shared.run.loops import Periodic, beside

log = structlog.get_logger()

FORGET_EVERY: Final = timedelta(hours=1)
AFTER_FAILURE: Final = timedelta(seconds=30)


async def forget_idempotency_keys(services: Services) -> None:
    """Forget keys once nobody repeats their calls any more, until cancelled."""

    async def step() -> None:
        async with services.pool.acquire() as conn:
            forgotten = await idempotency_store.forget_old_any_tenant(conn)
        log.info("idempotency_keys_forgotten", count=forgotten)

    await Periodic(
        name="forget-idempotency-keys",
        step=step,
        every=FORGET_EVERY,
        after_failure=AFTER_FAILURE,
        failed="idempotency_keys_kept",
    ).run()


LOOPS: Final[tuple[Callable[[Services], Awaitable[None]], ...]] = (
    forget_idempotency_keys,
    deliver_status_webhooks,
    forget_deliveries,
    mirror_issuers,
    reconcile_accounts,
    watch_tenants,
    work_on_backfills,
    check_closings,
    look_again_at_refused,
)


def run_loops(services: Services) -> AbstractAsyncContextManager[None]:
    """Run every loop as long as the block runs."""
    return beside(**{loop.__name__: partial(loop, services) for loop in LOOPS})
