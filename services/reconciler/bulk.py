"""Works on actions for many sales, a batch of each in turn: none waits for a large one."""

from datetime import timedelta
from functools import partial
from typing import Final

import structlog

from services.reconciler.services import Services
from shared.commands.bulk import put_off_bulk, step_bulk
from shared.db.away import database_away
from shared.db.sales import bulk_jobs_store
from shared.run.loops import Next, Periodic
from shared.telemetry import traces

log = structlog.get_logger()

LOOK_EVERY: Final = timedelta(seconds=1)
JOBS_A_ROUND: Final = 20


async def work_on_bulk_jobs(services: Services) -> None:
    """Take what waits round by round, until cancelled."""
    await Periodic(
        name="bulk_jobs",
        step=partial(bulk_round, services),
        every=LOOK_EVERY,
        failed="bulk_jobs_wait",
    ).run()


async def bulk_round(services: Services) -> Next | None:
    """A batch of every job that waits, the one first that waits longest."""
    async with services.pool.acquire() as conn:
        waiting = await bulk_jobs_store.waiting_any_tenant(conn, limit=JOBS_A_ROUND)
    worked = False
    for tenant, job in waiting:
        try:
            with traces.span("action for many", tenant_id=tenant, run_id=str(job)):
                worked |= await step_bulk(services.pool, services.waker, tenant, job)
        except Exception as error:
            if database_away(error):
                raise
            log.exception("bulk_job_failed", tenant_id=tenant, job_id=job)
            await put_off_bulk(services.pool, tenant, job)
    return Next.AT_ONCE if worked else None
