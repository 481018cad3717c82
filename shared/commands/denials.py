"""One button for all denials of one cause. Panel and internal API both come through here."""

from shared.db.connection import Pool
from shared.db.sales import denials_store
from shared.db.tenants import audit_store
from shared.domain.denials import policy_for
from shared.domain.ids import TenantId
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
    accepted, after = 0, 0
    while True:
        async with pool.acquire() as conn, conn.transaction():
            count, last = await denials_store.retry(
                conn, tenant, group, after=after, reason=reason, by=by
            )
        accepted += count
        await waker.ring()
        if last is None:
            break
        after = last
    async with pool.acquire() as conn:
        detail = {"group": group, "accepted": accepted, "reason": reason}
        await audit_store.add(conn, tenant, actor=by, action="denials_retry", detail=detail)
    return accepted
