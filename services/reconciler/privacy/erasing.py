"""Works on erasures, a batch of each in turn: none waits for the customer of a large tenant."""

from datetime import timedelta
from functools import partial
from typing import Final

import structlog
from prometheus_client import Counter

from services.reconciler.services import Services
from shared.commands.privacy.erase import put_off_erasure, step_erasure
from shared.db.away import database_away
from shared.db.privacy import erasures_store
from shared.run.loops import Next, Periodic

log = structlog.get_logger()

LOOK_EVERY: Final = timedelta(seconds=5)
A_ROUND: Final = 20

STEPS: Final = Counter(
    "notaponte_erasure_steps_total", "Batches of erasures of customers, by outcome.", ["outcome"]
)
for _outcome in ("done", "failed"):
    STEPS.labels(_outcome)  # shown as 0 before the first, so that the first is a rise


async def work_on_erasures(services: Services) -> None:
    """Take what waits round by round, until cancelled."""
    await Periodic(
        name="erasures",
        step=partial(erasure_round, services),
        every=LOOK_EVERY,
        failed="erasures_wait",
    ).run()


async def erasure_round(services: Services) -> Next | None:
    """A batch of every erasure whose turn it is, the one first that waits longest."""
    async with services.pool.acquire() as conn:
        waiting = await erasures_store.waiting_any_tenant(conn, limit=A_ROUND)
    worked = False
    for tenant, erasure in waiting:
        try:
            worked |= await step_erasure(
                services.pool, services.sealer, tenant, erasure, years=services.fiscal_years
            )
            STEPS.labels("done").inc()
        except Exception as error:
            if database_away(error):
                raise
            STEPS.labels("failed").inc()
            log.exception("erasure_failed", tenant_id=tenant, erasure_id=erasure)
            await put_off_erasure(services.pool, tenant, erasure)
    return Next.AT_ONCE if worked else None
