"""Runs of backfills: asked for, leased, moved on, ended."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Literal

import asyncpg

from shared.db import clock
from shared.db.connection import Connection
from shared.db.tenants.rules_store import as_json
from shared.domain.account_lines import AccountName
from shared.domain.backfill_run import (
    Backfill,
    BackfillRequest,
    Group,
    Position,
    Summary,
    summarise,
)
from shared.domain.ids import BackfillId, TenantId
from shared.domain.money import Cents
from shared.domain.rule import STORED, Rule

ADD: Final = """
    -- backfills_store.add
    INSERT INTO backfills (tenant_id, backfill_id, dry_run, since, until, competencia, rule,
                           requested_by, reason)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        ON CONFLICT (tenant_id) WHERE status IN ('queued', 'running') DO NOTHING
 RETURNING backfill_id
"""
OPEN: Final = """
    -- backfills_store.open
    SELECT backfill_id FROM backfills WHERE tenant_id = $1 AND status IN ('queued', 'running')
"""


async def add(
    conn: Connection, tenant: TenantId, backfill: BackfillId, asked: BackfillRequest
) -> BackfillId | None:
    """Queue a backfill. Answers the id of the one still open if there is one: nothing is added."""
    added = await conn.fetchval(
        ADD,
        tenant,
        backfill,
        asked.dry_run,
        asked.since,
        asked.until,
        asked.competencia,
        None if asked.rule is None else as_json(asked.rule),
        asked.requested_by,
        asked.reason,
    )
    if added is not None:
        return None
    return await open_one(conn, tenant) or BackfillId("")


async def open_one(conn: Connection, tenant: TenantId) -> BackfillId | None:
    """The backfill of a tenant that has not ended: there is one at most."""
    running: str | None = await conn.fetchval(OPEN, tenant)
    return None if running is None else BackfillId(running)


GET: Final = """
    -- backfills_store.get
    SELECT * FROM backfills WHERE tenant_id = $1 AND backfill_id = $2
"""


async def get(conn: Connection, tenant: TenantId, backfill: BackfillId) -> Backfill | None:
    """One backfill; None when there is none of that id."""
    row = await conn.fetchrow(GET, tenant, backfill)
    return None if row is None else _backfill(row)


LIST: Final = """
    -- backfills_store.list_newest_first
    SELECT * FROM backfills
     WHERE tenant_id = $1
       AND ($2::timestamptz IS NULL OR (requested_at, backfill_id) < ($2, $3))
     ORDER BY requested_at DESC, backfill_id DESC LIMIT $4
"""


async def list_newest_first(
    conn: Connection,
    tenant: TenantId,
    *,
    before: tuple[datetime, BackfillId] | None,
    limit: int,
) -> list[Backfill]:
    """A tenant's backfills, beginning after the one named by its time and id."""
    at, backfill = before or (None, None)
    return [_backfill(row) for row in await conn.fetch(LIST, tenant, at, backfill, limit)]


WAITING: Final = """
    -- backfills_store.waiting_any_tenant
    SELECT tenant_id, backfill_id FROM backfills
     WHERE status IN ('queued', 'running') AND coalesce(lease_until, '-infinity') <= now()
       AND coalesce(not_before, '-infinity') <= now()
     ORDER BY requested_at LIMIT $1
"""


async def waiting_any_tenant(conn: Connection, *, limit: int) -> list[tuple[TenantId, BackfillId]]:
    """Backfills that nobody works on now, the longest waiting first."""
    rows = await conn.fetch(WAITING, limit)
    return [(row["tenant_id"], row["backfill_id"]) for row in rows]


CLAIM: Final = """
    -- backfills_store.claim
    UPDATE backfills
       SET status = 'running', started_at = coalesce(started_at, $4), attempt = attempt + 1,
           lease_until = $4 + $3::interval, not_before = NULL
     WHERE tenant_id = $1 AND backfill_id = $2 AND status IN ('queued', 'running')
       AND coalesce(lease_until, '-infinity') <= $4
       AND coalesce(not_before, '-infinity') <= $4
 RETURNING *
"""


async def claim(
    conn: Connection, tenant: TenantId, backfill: BackfillId, *, lease: timedelta
) -> Backfill | None:
    """Lease a backfill; None when somebody else has it, or it has ended."""
    row = await conn.fetchrow(CLAIM, tenant, backfill, lease, await clock.now(conn))
    return None if row is None else _backfill(row)


OF_ACCOUNT: Final = """
    -- backfills_store.is_of
    UPDATE backfills SET account = coalesce(account, $4)
     WHERE tenant_id = $1 AND backfill_id = $2 AND attempt = $3 AND status = 'running'
 RETURNING account
"""


async def is_of(conn: Connection, run: Backfill, account: AccountName) -> bool:
    """Whether a leased run reads this account: the one that it read first, for good."""
    named = await conn.fetchval(OF_ACCOUNT, run.tenant_id, run.id, run.attempt, account)
    return named in (account, None)


RENEW: Final = """
    -- backfills_store.renew
    UPDATE backfills SET lease_until = now() + $4::interval
     WHERE tenant_id = $1 AND backfill_id = $2 AND attempt = $3 AND status = 'running'
 RETURNING true
"""


async def renew(conn: Connection, run: Backfill, *, lease: timedelta) -> bool:
    """Prolong a lease; False when the run is not ours any more, or was cancelled."""
    return bool(await conn.fetchval(RENEW, run.tenant_id, run.id, run.attempt, lease))


ADVANCE: Final = """
    -- backfills_store.advance
    UPDATE backfills
       SET phase = $4, anchor = $5, page = $6, reading = $7, rows_read = $8, rows_left = $9,
           seen = coalesce($10, seen), list_total = $11, again = $12, omitted = $13,
           failures = 0, error = NULL
     WHERE tenant_id = $1 AND backfill_id = $2 AND attempt = $3 AND status = 'running'
 RETURNING true
"""


async def advance(conn: Connection, run: Backfill, position: Position) -> bool:
    """Move a run on, and fence what its step writes in the same transaction.

    False when the run is not ours any more, or was cancelled: then nothing may be written.
    """
    return bool(
        await conn.fetchval(
            ADVANCE,
            run.tenant_id,
            run.id,
            run.attempt,
            position.phase,
            position.anchor,
            position.page,
            position.reading,
            position.rows_read,
            position.rows_left,
            # Thousands of numbers, which only reading a page changes.
            None
            if position.seen is run.position.seen
            else [number for pair in position.seen.items() for number in pair],
            position.list_total,
            position.again,
            position.omitted,
        )
    )


# Pauses double from a second to a minute; a step that works starts the count anew. When each would
# be over is brought along: Citus adds nothing to an instant by what a column says.
PAUSES: Final = tuple(timedelta(seconds=seconds) for seconds in (1, 2, 4, 8, 16, 32, 60))
RELEASE: Final = """
    -- backfills_store.release
    UPDATE backfills
       SET lease_until = NULL, failures = failures + 1, error = $4,
           not_before = ($5::timestamptz[])[1 + least(failures, cardinality($5) - 1)]
     WHERE tenant_id = $1 AND backfill_id = $2 AND attempt = $3 AND status = 'running'
 RETURNING failures
"""


async def release(conn: Connection, run: Backfill, *, error: str) -> int:
    """Put a run off after a failure, named by a stable word; returns how many there were in a row.

    Zero when the run was not ours any more.
    """
    now = await clock.now(conn)
    failures: int | None = await conn.fetchval(
        RELEASE, run.tenant_id, run.id, run.attempt, error, [now + pause for pause in PAUSES]
    )
    return failures or 0


WAIT: Final = """
    -- backfills_store.wait
    UPDATE backfills SET lease_until = NULL, failures = 0, error = $4, not_before = $5
     WHERE tenant_id = $1 AND backfill_id = $2 AND attempt = $3 AND status = 'running'
"""


async def wait(conn: Connection, run: Backfill, *, error: str, until: datetime) -> None:
    """Have a run wait for what a person has to mend, however long that takes: no failure counts."""
    await conn.execute(WAIT, run.tenant_id, run.id, run.attempt, error, until)


WAKE: Final = """
    -- backfills_store.wake
    UPDATE backfills SET not_before = NULL
     WHERE tenant_id = $1 AND status = 'running' AND error = ANY($2::text[])
"""


async def wake(conn: Connection, tenant: TenantId, errors: Sequence[str]) -> None:
    """Let a tenant's backfill go on at once, if it waits for one of these words."""
    await conn.execute(WAKE, tenant, list(errors))


LET_GO: Final = """
    -- backfills_store.let_go
    UPDATE backfills SET lease_until = NULL
     WHERE tenant_id = $1 AND backfill_id = $2 AND attempt = $3 AND status = 'running'
"""


async def let_go(conn: Connection, run: Backfill) -> None:
    """Free a lease, so that anybody may take the run up at once, or when its pause is over."""
    await conn.execute(LET_GO, run.tenant_id, run.id, run.attempt)


END: Final = """
    -- backfills_store.end
    UPDATE backfills
       SET status = $4, finished_at = now(), error = $5, summary = $6, lease_until = NULL,
           seen = '{}'
     WHERE tenant_id = $1 AND backfill_id = $2 AND status IN ('queued', 'running')
       AND ($3::bigint IS NULL OR attempt = $3)
 RETURNING true
"""
LOCK: Final = """
    -- backfills_store.lock
    SELECT true FROM backfills
     WHERE tenant_id = $1 AND backfill_id = $2 AND status IN ('queued', 'running') FOR UPDATE
"""
FORGET_BILLS: Final = """
    -- backfills_store.forget_bills
    DELETE FROM backfill_bills WHERE tenant_id = $1 AND backfill_id = $2
"""
FORGET_CUSTOMERS: Final = """
    -- backfills_store.forget_customers
    DELETE FROM backfill_customers WHERE tenant_id = $1 AND backfill_id = $2
"""


async def end(
    conn: Connection,
    tenant: TenantId,
    backfill: BackfillId,
    status: Literal["completed", "failed", "cancelled"],
    *,
    attempt: int | None = None,
    error: str | None = None,
) -> bool:
    """End a backfill, keep what it found and forget what it read.

    False when it had ended before, or `attempt` is not the lease of now. Must be called in a
    transaction: a step under way either counts whole or not at all.
    """
    if not await conn.fetchval(LOCK, tenant, backfill):
        return False
    summary = (await found(conn, tenant, backfill)).to_json()
    ended = await conn.fetchval(END, tenant, backfill, attempt, status, error, summary)
    if not ended:
        return False
    await conn.execute(FORGET_BILLS, tenant, backfill)
    await conn.execute(FORGET_CUSTOMERS, tenant, backfill)
    return True


FOUND: Final = """
    -- backfills_store.found
    SELECT outcome, code, month, count(*) AS bills, sum(amount)::bigint AS amount,
           sum(to_issue)::bigint AS to_issue,
           count(*) FILTER (WHERE taken_before OR outcome = 'known') AS known
      FROM backfill_bills WHERE tenant_id = $1 AND backfill_id = $2
     GROUP BY outcome, code, month
"""


async def found(conn: Connection, tenant: TenantId, backfill: BackfillId) -> Summary:
    """Add up what a run has found so far; nothing once it has ended."""
    rows = await conn.fetch(FOUND, tenant, backfill)
    return summarise(
        Group(
            outcome=row["outcome"],
            code=row["code"],
            day=row["month"],
            bills=row["bills"],
            known=row["known"],
            amount=Cents(row["amount"]),
            to_issue=Cents(row["to_issue"]),
        )
        for row in rows
    )


def _backfill(row: asyncpg.Record) -> Backfill:
    summary = row["summary"]
    return Backfill(
        id=row["backfill_id"],
        tenant_id=row["tenant_id"],
        status=row["status"],
        asked=_asked(row),
        position=Position(
            phase=row["phase"],
            anchor=row["anchor"],
            page=row["page"],
            reading=row["reading"],
            rows_read=row["rows_read"],
            rows_left=row["rows_left"],
            seen=dict(zip(row["seen"][::2], row["seen"][1::2], strict=True)),
            list_total=row["list_total"],
            again=row["again"],
            omitted=row["omitted"],
        ),
        requested_at=row["requested_at"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        error=row["error"],
        not_before=row["not_before"],
        attempt=row["attempt"],
        failures=row["failures"],
        summary=None if summary is None else Summary.from_json(summary),
    )


def _asked(row: asyncpg.Record) -> BackfillRequest:
    rule = row["rule"]
    return BackfillRequest(
        since=row["since"],
        until=row["until"],
        dry_run=row["dry_run"],
        competencia=row["competencia"],
        rule=None if rule is None else Rule.model_validate(rule, context=STORED),
        requested_by=row["requested_by"],
        reason=row["reason"],
    )
