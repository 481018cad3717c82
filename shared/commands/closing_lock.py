"""Locking a month and opening it again, by a person who says why."""

from shared.db.closing import closing_locks_store
from shared.db.connection import Pool
from shared.db.outbox import outbox_wakes
from shared.db.tenants import audit_store, tenants_store
from shared.domain.closing import Closing, Lock, Month
from shared.domain.competencia import MONTH_CLOSED
from shared.domain.ids import TenantId
from shared.run.waker import Waker


class LockRefused(Exception):
    """The month stays as it is: `closing_locked`, `closing_not_balanced`, `closing_not_locked`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


async def lock_month(
    pool: Pool, tenant: TenantId, closing: Closing, *, reason: str, force: bool, by: str
) -> Lock:
    """Lock a month with the figures it was shown with; `force` one that does not balance."""
    if closing.lock is not None:
        raise LockRefused("closing_locked")
    if not closing.balanced and not force:
        raise LockRefused("closing_not_balanced")
    async with pool.acquire() as conn, conn.transaction():
        # The emitter sends nothing of this tenant meanwhile: what it sends next sees the lock.
        await tenants_store.lock(conn, tenant)
        made = await closing_locks_store.add(
            conn,
            tenant,
            closing.month,
            figures=closing.figures,
            by=by,
            reason=reason,
            forced=not closing.balanced,
        )
        if made is None:
            raise LockRefused("closing_locked")
        detail = {"month": str(closing.month), "reason": reason, "forced": made.forced}
        await audit_store.add(conn, tenant, actor=by, action="closing_locked", detail=detail)
    return made


async def unlock_month(
    pool: Pool, waker: Waker, tenant: TenantId, month: Month, *, reason: str, by: str
) -> Lock:
    """Open a locked month; what was held for it is decided afresh. Raises LockRefused."""
    async with pool.acquire() as conn, conn.transaction():
        await tenants_store.lock(conn, tenant)  # as for a lock: workers decide by its months
        removed = await closing_locks_store.remove(conn, tenant, month)
        if removed is None:
            raise LockRefused("closing_not_locked")
        detail = {"month": str(month), "reason": reason}
        await audit_store.add(conn, tenant, actor=by, action="closing_unlocked", detail=detail)
        await outbox_wakes.wake_stopped(conn, tenant, [MONTH_CLOSED])
    await waker.ring()
    return removed
