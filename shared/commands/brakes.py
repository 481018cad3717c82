"""A tenant's limits, and releasing its brake. Panel and internal API both come through here."""

from shared.db.connection import Pool
from shared.db.outbox import outbox_store, outbox_wakes
from shared.db.sales import timeline_store
from shared.db.sales.timeline_store import Happening
from shared.db.tenants import audit_store, brakes_store
from shared.domain.brakes import TenantLimits
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
        locked = await outbox_store.lock(conn, tenant, await brakes_store.held(conn, tenant))
        freed = await brakes_store.free(conn, tenant, list(locked))
        await outbox_wakes.wake(conn, tenant, freed, about_bill=True)
        told = [Happening(bill_id=bill, what="brake_released", why=reason, by=by) for bill in freed]
        await timeline_store.add(conn, tenant, told)
    await waker.ring()
    return was_on, len(freed)


async def put_limits(
    pool: Pool, tenant: TenantId, limits: TenantLimits, *, by: str
) -> brakes_store.BrakeState:
    """Set the limits; a brake that is on stays on until it is released."""
    async with pool.acquire() as conn, conn.transaction():
        await brakes_store.put(conn, tenant, limits)
        detail = {
            "notas_a_day": limits.notas_a_day,
            "amount_a_day": limits.amount_a_day,
            "amount_a_nota": limits.amount_a_nota,
            "unusual": limits.unusual,
            "old_days": limits.old_days,
        }
        await audit_store.add(conn, tenant, actor=by, action="limits_put", detail=detail)
        return await brakes_store.get(conn, tenant)
