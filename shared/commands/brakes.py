"""Releasing a tenant's brake. Panel and internal API both come through here."""

from shared.db.connection import Pool
from shared.db.tenants import audit_store, brakes_store
from shared.domain.ids import TenantId
from shared.run.waker import Waker


async def release_brake(
    pool: Pool, waker: Waker, tenant: TenantId, *, reason: str, by: str
) -> tuple[bool, int]:
    """Let issuing go on: whether a brake was on, and how many held sales go out now.

    Safe to repeat. The held sales pass whatever the limits say, since a person saw them; what
    comes after them is measured anew.
    """
    # Two commits: a worker that pulled the brake holds it until its held sales are to be seen.
    async with pool.acquire() as conn, conn.transaction():
        was_on = await brakes_store.release(conn, tenant)
        detail = {"reason": reason, "was_on": was_on}
        await audit_store.add(conn, tenant, actor=by, action="brake_release", detail=detail)
    async with pool.acquire() as conn, conn.transaction():
        freed = await brakes_store.free_held(conn, tenant, reason=reason, by=by)
    await waker.ring()
    return was_on, freed
