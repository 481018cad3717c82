"""One button for all denials of one cause. Panel and internal API both come through here."""

from collections.abc import Sequence

from shared.commands.company import try_company
from shared.db.connection import Connection, Pool
from shared.db.outbox import outbox_store, outbox_wakes
from shared.db.outbox.outbox_store import RECONCILE
from shared.db.sales import denials_store, timeline_store
from shared.db.sales.timeline_store import Happening
from shared.db.tenants import audit_store
from shared.domain.denials import may_be_company, policy_for
from shared.domain.ids import BillId, TenantId
from shared.run.waker import Waker


class NumberingNeedsPerson(Exception):
    """Notas of this cause may exist already at the city hall: a person has to look at each."""


async def retry_group(
    pool: Pool, waker: Waker, tenant: TenantId, group: str, *, reason: str, by: str
) -> int:
    """Have every denied sale of one cause sent again, under its own id; returns how many.

    Safe to repeat: what is already on its way is not counted again. Raises NumberingNeedsPerson.
    """
    if not policy_for(group.partition("-")[0]).ever:
        raise NumberingNeedsPerson
    accepted, after = 0, BillId(0)
    if may_be_company(group.partition("-")[0]):
        await try_company(pool, tenant)
    while True:
        async with pool.acquire() as conn, conn.transaction():
            chunk = await denials_store.of_group(conn, tenant, group, after=after)
            accepted += await _retry(conn, tenant, group, chunk, reason=reason, by=by)
        await waker.ring()
        if not chunk:
            break
        after = chunk[-1]
    async with pool.acquire() as conn:
        detail = {"group": group, "accepted": accepted, "reason": reason}
        await audit_store.add(conn, tenant, actor=by, action="denials_retry", detail=detail)
    return accepted


async def _retry(
    conn: Connection,
    tenant: TenantId,
    group: str,
    bills: Sequence[BillId],
    *,
    reason: str,
    by: str,
) -> int:
    """Have a chunk sent again, behind live sales; a leased one is left to its worker first."""
    locked = await outbox_store.lock(conn, tenant, bills)
    again = await denials_store.resend(conn, tenant, group, list(locked))
    await outbox_wakes.wake(conn, tenant, again, about_bill=True, lane=RECONCILE, asked=True)
    told = [Happening(bill_id=bill, what="retry", why=reason, by=by) for bill in again]
    await timeline_store.add(conn, tenant, told)
    return len(again)
