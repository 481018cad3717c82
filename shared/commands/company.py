"""A company that may not issue is tried again once a person says that it is mended."""

from shared.db import clock
from shared.db.connection import Pool
from shared.db.outbox import outbox_wakes
from shared.db.tenants import issuer_health_store
from shared.domain.ids import TenantId


async def try_company(pool: Pool, tenant: TenantId) -> None:
    """Let one sale of a stopped company leave at once; the others follow as that goes well.

    A transaction of its own: rows of the outbox are locked in their order, and by nobody who
    holds others. Safe to repeat; changes nothing where the company is not stopped.
    """
    async with pool.acquire() as conn, conn.transaction():
        if await issuer_health_store.probe_company(conn, tenant, await clock.now(conn)):
            await outbox_wakes.wake_queued(conn, tenant)
