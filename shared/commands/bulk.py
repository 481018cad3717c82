"""One action for many sales, as a job that outlives whoever asked for it.

The panel queues it with the sales as they were shown; the reconciler asks for them batch by batch.
What is asked of a batch, and that it was, are one commit: however a worker ends, no sale is asked
for twice and none is left out.
"""

from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

from shared.commands.actions import BATCH, ActionRefused, Asked, act_within
from shared.commands.company import try_company
from shared.commands.refusals import refusal_text
from shared.db import clock
from shared.db.connection import Connection, Pool
from shared.db.outbox.outbox_store import LIVE, RECONCILE
from shared.db.sales import bulk_jobs_store, denials_store, sale_actions_store
from shared.db.sales.bulk_jobs_store import NewJob
from shared.db.tenants import audit_store, tenants_store
from shared.domain.bulk import MOST_AT_ONCE, BulkRefusal
from shared.domain.ids import BillId, JobId, TenantId
from shared.run.waker import Waker

FEW: Final = 500  # more than these stand behind the sales of the day
MOST_FAILURES: Final = 20
AFTER_FAILURE: Final = timedelta(seconds=10)


class TooManySales(Exception):
    """More sales than one job takes."""


async def queue_bulk(conn: Connection, tenant: TenantId, asked: NewJob) -> JobId:
    """Queue an action for many sales in the caller's transaction; raises TooManySales.

    The same `once` is the same job, whoever is first.
    """
    if len(asked.bills) > MOST_AT_ONCE:
        raise TooManySales
    job, is_new = await bulk_jobs_store.add(conn, tenant, asked, await clock.now(conn))
    if is_new:
        detail = {"job_id": job, "sales": len(asked.bills), "reason": asked.reason}
        await audit_store.add(
            conn, tenant, actor=asked.by, action=f"bulk_{asked.action}", detail=detail
        )
    return job


async def cancel_bulk(conn: Connection, tenant: TenantId, job: JobId, *, by: str) -> bool:
    """Ask for no more of a job's sales; False for one that has ended, or is not there."""
    if not await bulk_jobs_store.cancel(conn, tenant, job, await clock.now(conn)):
        return False
    await audit_store.add(conn, tenant, actor=by, action="bulk_cancelled", detail={"job_id": job})
    return True


async def step_bulk(pool: Pool, waker: Waker, tenant: TenantId, job: JobId) -> bool:
    """Ask for the next batch of a job; False where there was nothing to do for us."""
    async with pool.acquire() as conn, conn.transaction():
        taken = await bulk_jobs_store.take(conn, tenant, job, limit=BATCH)
        if taken is None:
            return False
        found, batch = taken
        asked = Asked(
            action=found.action,
            reason=found.reason,
            by=found.asked_by,
            lane=LIVE if found.sales <= FEW else RECONCILE,
        )
        outcome = await act_within(conn, tenant, batch, asked)
        of = await tenants_store.get(conn, tenant)
        zone = ZoneInfo(of.timezone if of else "UTC")
        await bulk_jobs_store.go_on(
            conn,
            found,
            done=len(batch),
            accepted=outcome.accepted,
            refused=[_said(one, zone) for one in outcome.refused],
            now=await clock.now(conn),
        )
    if outcome.of_company:
        await try_company(pool, tenant)
    if outcome.accepted:
        await waker.ring()
    return True


async def put_off_bulk(pool: Pool, tenant: TenantId, job: JobId) -> None:
    """A step failed: the job has its next turn a little later, and ends after many of them."""
    async with pool.acquire() as conn:
        again = await clock.now(conn) + AFTER_FAILURE
        await bulk_jobs_store.fail(conn, tenant, job, most=MOST_FAILURES, again_at=again)


def _said(refused: ActionRefused, zone: ZoneInfo) -> BulkRefusal:
    return BulkRefusal(bill_id=refused.bill_id, code=refused.code, why=refusal_text(refused, zone))


async def bills_of_group(conn: Connection, tenant: TenantId, group: str) -> list[BillId]:
    """Every denied sale of one cause, as many as one job takes."""
    found: list[BillId] = []
    while len(found) < MOST_AT_ONCE:
        after = found[-1] if found else BillId(0)
        chunk = await denials_store.of_group(conn, tenant, group, after=after)
        if not chunk:
            break
        found += chunk
    return found[:MOST_AT_ONCE]


async def bills_of_code(conn: Connection, tenant: TenantId, code: str) -> list[BillId]:
    """Every sale that carries a code now, as many as one job takes."""
    return list(await sale_actions_store.with_code(conn, tenant, code, after=0, limit=MOST_AT_ONCE))
