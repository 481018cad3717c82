"""What the reconciler does for the panel, by hand."""

from shared.commands.bulk import step_bulk
from shared.db.sales import bulk_jobs_store
from shared.run.waker import Waker
from tests.services.panel.support import Panel


async def worked_off(panel: Panel) -> None:
    """Every job that waits, to its end; nobody is rung for."""
    waker = Waker("redis://127.0.0.1:1")
    while True:
        async with panel.pool.acquire() as conn:
            waiting = await bulk_jobs_store.waiting_any_tenant(conn, limit=10)
        if not waiting:
            return
        for tenant, job in waiting:
            await step_bulk(panel.pool, waker, tenant, job)
