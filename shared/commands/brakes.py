"""A tenant's limits, and releasing its brake. Panel and internal API both come through here."""

from typing import Final

from shared.db.connection import Pool
from shared.db.outbox import outbox_store, outbox_wakes
from shared.db.sales import timeline_store
from shared.db.sales.timeline_store import Happening
from shared.db.tenants import audit_store, brakes_store
from shared.domain.brakes import TenantLimits
from shared.domain.ids import TenantId
from shared.run.waker import Waker

# Workers go on while their sales are freed, and may hold more: those are freed in another round.
ROUNDS: Final = 50


async def release_brake(
    pool: Pool, waker: Waker, tenant: TenantId, *, reason: str, by: str
) -> tuple[bool, int]:
    """Let issuing go on: whether a brake was on, and how many held sales go out now.

    Safe to repeat. The held sales pass whatever the limits say, since a person saw them; what
    comes after them is measured anew. The brake goes last: however this ends, no sale is left that
    a brake holds which is not on, and which nobody would be shown to release.
    """
    freed, was_on = 0, None
    for turn in range(ROUNDS):
        freed += await _free_held(pool, tenant, reason=reason, by=by)
        was_on = await _take_off(pool, tenant, reason=reason, by=by, leaves_some=turn == ROUNDS - 1)
        if was_on is not None:
            break
    if was_on is None:
        raise AssertionError("the last round takes the brake off")
    await waker.ring()
    return was_on, freed


async def _free_held(pool: Pool, tenant: TenantId, *, reason: str, by: str) -> int:
    async with pool.acquire() as conn, conn.transaction():
        locked = await outbox_store.lock(conn, tenant, await brakes_store.held(conn, tenant))
        freed = await brakes_store.free(conn, tenant, list(locked))
        await outbox_wakes.wake(conn, tenant, freed, about_bill=True, asked=True)
        told = [Happening(bill_id=bill, what="brake_released", why=reason, by=by) for bill in freed]
        await timeline_store.add(conn, tenant, told)
    return len(freed)


async def _take_off(
    pool: Pool, tenant: TenantId, *, reason: str, by: str, leaves_some: bool
) -> bool | None:
    """Whether a brake was on; None, with nothing done, where it holds more sales by now."""
    async with pool.acquire() as conn, conn.transaction():
        code = await brakes_store.lock_on(conn, tenant)
        if code is not None:
            if not leaves_some and await brakes_store.held(conn, tenant):
                return None
            await brakes_store.release(conn, tenant, code)
        detail = {"reason": reason, "was_on": code is not None}
        await audit_store.add(conn, tenant, actor=by, action="brake_release", detail=detail)
    return code is not None


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
