"""Actions for many sales: asked for, worked on batch by batch, ended."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import asyncpg
from msgspec import Struct

from shared.db.connection import Connection
from shared.domain.actions import SaleAction
from shared.domain.bulk import BulkJob, BulkRefusal
from shared.domain.ids import BillId, JobId, TenantId
from shared.domain.privacy import terms

_COLUMNS: Final = """
           tenant_id, job_id, action, reason, about, asked_by, asked_at,
           cardinality(bills) AS sales, status, done, accepted, failures, started_at, ended_at
"""


class NewJob(Struct, frozen=True, kw_only=True):
    """What is asked for; `once` is a word of the form's own."""

    id: JobId
    action: SaleAction
    reason: str
    about: str
    by: str
    once: str
    bills: Sequence[BillId]


ADD: Final = """
    -- bulk_jobs_store.add
    INSERT INTO bulk_jobs (tenant_id, job_id, action, reason, about, asked_by, asked_at,
                           once_word, bills, turn_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $7)
        ON CONFLICT (tenant_id, once_word) DO NOTHING
 RETURNING job_id
"""
SAME: Final = """
    -- bulk_jobs_store.same
    SELECT job_id FROM bulk_jobs WHERE tenant_id = $1 AND once_word = $2
"""


async def add(
    conn: Connection, tenant: TenantId, asked: NewJob, now: datetime
) -> tuple[JobId, bool]:
    """Queue a job; its id, or that of the one which the same form asked for, and whether it is new.

    Of two at once the second waits for the first.
    """
    added = await conn.fetchval(
        ADD,
        tenant,
        asked.id,
        asked.action,
        asked.reason,
        asked.about,
        asked.by,
        now,
        asked.once,
        list(asked.bills),
    )
    if added is not None:
        return JobId(added), True
    return JobId(await conn.fetchval(SAME, tenant, asked.once)), False


GET: Final = f"""
    -- bulk_jobs_store.get
    SELECT {_COLUMNS} FROM bulk_jobs WHERE tenant_id = $1 AND job_id = $2
"""  # noqa: S608 - only our own constant is put in


async def get(conn: Connection, tenant: TenantId, job: JobId) -> BulkJob | None:
    """One job; None when there is none of that id."""
    row = await conn.fetchrow(GET, tenant, job)
    return None if row is None else _job(row)


NEWEST: Final = f"""
    -- bulk_jobs_store.newest
    SELECT {_COLUMNS} FROM bulk_jobs WHERE tenant_id = $1
     ORDER BY asked_at DESC, job_id LIMIT $2
"""  # noqa: S608 - only our own constant is put in


async def newest(conn: Connection, tenant: TenantId, *, limit: int) -> list[BulkJob]:
    """A tenant's jobs, the newest first."""
    return [_job(row) for row in await conn.fetch(NEWEST, tenant, limit)]


WAITING: Final = """
    -- bulk_jobs_store.waiting_any_tenant
    SELECT tenant_id, job_id FROM bulk_jobs
     WHERE status IN ('queued', 'running') AND turn_at <= now()
     ORDER BY turn_at LIMIT $1
"""


async def waiting_any_tenant(conn: Connection, *, limit: int) -> list[tuple[TenantId, JobId]]:
    """Jobs with more to do, the one first whose last turn is longest ago."""
    rows = await conn.fetch(WAITING, limit)
    return [(row["tenant_id"], row["job_id"]) for row in rows]


TAKE: Final = f"""
    -- bulk_jobs_store.take
    SELECT {_COLUMNS}, bills[done + 1 : done + $3] AS batch
      FROM bulk_jobs
     WHERE tenant_id = $1 AND job_id = $2 AND status IN ('queued', 'running')
       FOR UPDATE SKIP LOCKED
"""  # noqa: S608 - only our own constant is put in


async def take(
    conn: Connection, tenant: TenantId, job: JobId, *, limit: int
) -> tuple[BulkJob, list[BillId]] | None:
    """A job and its next sales, held until the transaction ends; None where another has it."""
    row = await conn.fetchrow(TAKE, tenant, job, limit)
    return None if row is None else (_job(row), [BillId(bill) for bill in row["batch"]])


GO_ON: Final = """
    -- bulk_jobs_store.go_on
    UPDATE bulk_jobs
       SET done = done + $3::int, accepted = accepted + $4::int, failures = 0,
           turn_at = $5::timestamptz,
           started_at = CASE WHEN started_at IS NULL THEN $5::timestamptz ELSE started_at END,
           status = CASE WHEN done + $3::int < cardinality(bills) THEN 'running'
                         ELSE 'completed' END,
           ended_at = CASE WHEN done + $3::int < cardinality(bills) THEN NULL
                           ELSE $5::timestamptz END
     WHERE tenant_id = $1 AND job_id = $2
"""
REFUSE: Final = """
    -- bulk_jobs_store.refuse
    INSERT INTO bulk_refusals (tenant_id, job_id, bill_id, code, why)
    SELECT $1, $2, * FROM unnest($3::bigint[], $4::text[], $5::text[])
        ON CONFLICT DO NOTHING
"""


async def go_on(
    conn: Connection,
    job: BulkJob,
    *,
    done: int,
    accepted: int,
    refused: Sequence[BulkRefusal],
    now: datetime,
) -> None:
    """Write a batch down, in the transaction that asked for it."""
    if refused:
        await conn.execute(
            REFUSE,
            job.tenant_id,
            job.id,
            [one.bill_id for one in refused],
            [one.code for one in refused],
            [one.why for one in refused],
        )
    await conn.execute(GO_ON, job.tenant_id, job.id, done, accepted, now)


FAIL: Final = """
    -- bulk_jobs_store.fail
    UPDATE bulk_jobs
       SET failures = failures + 1, turn_at = $4::timestamptz,
           status = CASE WHEN failures + 1 < $3 THEN status ELSE 'failed' END,
           ended_at = CASE WHEN failures + 1 < $3 THEN NULL ELSE $4::timestamptz END
     WHERE tenant_id = $1 AND job_id = $2 AND status IN ('queued', 'running')
"""


async def fail(
    conn: Connection, tenant: TenantId, job: JobId, *, most: int, again_at: datetime
) -> None:
    """Count a step that failed; after `most` in a row the job ends, what it did stays."""
    await conn.execute(FAIL, tenant, job, most, again_at)


CANCEL: Final = """
    -- bulk_jobs_store.cancel
    UPDATE bulk_jobs SET status = 'cancelled', ended_at = $3
     WHERE tenant_id = $1 AND job_id = $2 AND status IN ('queued', 'running')
 RETURNING true
"""


async def cancel(conn: Connection, tenant: TenantId, job: JobId, now: datetime) -> bool:
    """Ask for no more sales; False for one that has ended. Waits for a batch under way."""
    return bool(await conn.fetchval(CANCEL, tenant, job, now))


REFUSALS: Final = """
    -- bulk_jobs_store.refusals
    SELECT bill_id, code, why FROM bulk_refusals
     WHERE tenant_id = $1 AND job_id = $2 AND bill_id < $3
     ORDER BY bill_id DESC LIMIT $4
"""


async def refusals(
    conn: Connection, tenant: TenantId, job: JobId, *, before: BillId, limit: int
) -> list[BulkRefusal]:
    """Sales that did not take the action, the newest bill first, below `before`."""
    rows = await conn.fetch(REFUSALS, tenant, job, before, limit)
    return [BulkRefusal(**dict(row)) for row in rows]


FORGET: Final = """
    -- bulk_jobs_store.forget_old_any_tenant
    DELETE FROM bulk_jobs WHERE ended_at < now() - $1::interval
"""


async def forget_old_any_tenant(conn: Connection, kept: timedelta = terms.BULK_JOBS) -> int:
    """Forget jobs that ended long ago, with their refusals; what was asked for stays in audit."""
    return int((await conn.execute(FORGET, kept)).rpartition(" ")[2])


def _job(row: asyncpg.Record) -> BulkJob:
    fields = {name: value for name, value in row.items() if name != "batch"}
    return BulkJob(id=JobId(fields.pop("job_id")), **fields)
