"""Works on actions for many sales, a batch of each in turn: none waits for a large one."""

from datetime import timedelta
from functools import partial
from typing import Final

from services.reconciler.rounds import Pieces, round_of
from services.reconciler.services import Services
from shared.commands.bulk import put_off_bulk, step_bulk
from shared.db.sales import bulk_jobs_store
from shared.domain.ids import JobId, TenantId
from shared.run.loops import Next, Periodic
from shared.telemetry import traces

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
    work = Pieces(
        waiting=partial(bulk_jobs_store.waiting_any_tenant, limit=JOBS_A_ROUND),
        step=partial(_step, services),
        put_off=lambda one: put_off_bulk(services.pool, *one),
        failed="bulk_job_failed",
        told=lambda one: {"tenant_id": one[0], "job_id": one[1]},
    )
    return await round_of(services.pool, work)


async def _step(services: Services, one: tuple[TenantId, JobId]) -> bool:
    tenant, job = one
    with traces.span("action for many", tenant_id=tenant, run_id=str(job)):
        return await step_bulk(services.pool, services.waker, tenant, job)
