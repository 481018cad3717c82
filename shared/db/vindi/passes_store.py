"""The reconciler's memory of each account: when to read it next, up to when it was read whole."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final, Literal

from msgspec import Struct

from shared.db import clock
from shared.db.connection import Connection
from shared.domain.ids import BillId, TenantId

Zone = Literal["unknown", "brasilia", "utc"]


class PassState(Struct, frozen=True, kw_only=True):
    """What is remembered of one account; times are the database's."""

    tenant_id: TenantId
    next_pass_at: datetime
    attempt: int
    failures: int
    bills_mark: datetime
    charges_mark: datetime
    refunds_mark: datetime
    customers_mark: datetime
    complete_at: datetime | None
    error: str | None
    error_since: datetime | None
    zone: Zone
    zone_at: datetime | None
    plain_lanes: frozenset[str]
    plain_since: datetime | None
    nightly_day: date | None
    weekly_day: date | None
    skew_seconds: float | None
    found: int
    missed: int
    silent_passes: int
    silent_since: datetime | None
    silent_at: datetime | None
    events_due: Mapping[BillId, datetime]  # of sales found, whose events had no time to come yet


class Claimed(Struct, frozen=True, kw_only=True):
    """The right to one pass over one account until the lease ends; `now` is its start."""

    state: PassState
    now: datetime


class PassResult(Struct, frozen=True, kw_only=True):
    """What a pass leaves behind. None keeps what is stored, except for `error`: None clears it.

    `heard` says that some event came for what the pass found, which ends a silence.
    """

    next_pass_at: datetime
    error: str | None
    complete: bool
    bills_mark: datetime | None = None
    charges_mark: datetime | None = None
    refunds_mark: datetime | None = None
    customers_mark: datetime | None = None
    zone: Zone | None = None
    plain_lanes: frozenset[str] | None = None
    nightly_day: date | None = None
    weekly_day: date | None = None
    skew_seconds: float | None = None
    found: int = 0
    missed: int = 0
    heard: bool = False
    events_due: Mapping[BillId, datetime] | None = None
    began_at: datetime | None = None


COLUMNS: Final = """p.tenant_id, p.next_pass_at, p.attempt, p.failures, p.bills_mark,
           p.charges_mark, p.refunds_mark, p.customers_mark, p.complete_at, p.error, p.error_since,
           p.zone, p.zone_at, p.plain_lanes, p.plain_since, p.nightly_day, p.weekly_day,
           p.skew_seconds, p.found, p.missed, p.silent_passes, p.silent_since, p.silent_at,
           p.events_due"""

# History before the connection belongs to backfills. The first pass comes within `spread`.
ENROL: Final = """
    -- passes_store.enrol_any_tenant
    INSERT INTO reconciler_passes (tenant_id, next_pass_at, bills_mark, charges_mark, refunds_mark,
                                   nightly_day, weekly_day)
    SELECT c.tenant_id, now() + random() * $1::interval, c.connected_at, c.connected_at,
           c.connected_at, (c.connected_at AT TIME ZONE 'UTC')::date,
           (c.connected_at AT TIME ZONE 'UTC')::date
      FROM vindi_connections c
     WHERE NOT EXISTS (SELECT FROM reconciler_passes p WHERE p.tenant_id = c.tenant_id)
        ON CONFLICT (tenant_id) DO NOTHING
"""


async def enrol_any_tenant(conn: Connection, *, spread: timedelta) -> int:
    """Begin with accounts that were connected since; returns how many."""
    tag: str = await conn.execute(ENROL, spread)
    return int(tag.rpartition(" ")[2])


# A key that was refused is left alone until a person replaces it. An account that Vindi has
# blocked is tried again at the hour its row names.
TENANTS_DUE: Final = """
    -- passes_store.tenants_due_any_tenant
    SELECT p.tenant_id
      FROM reconciler_passes p
      JOIN vindi_connections c ON c.tenant_id = p.tenant_id
     WHERE p.next_pass_at <= now() AND (p.lease_until IS NULL OR p.lease_until <= now())
       AND c.state IN ('ok', 'vindi_account_blocked')
       AND (c.not_before IS NULL OR c.not_before <= now())
     ORDER BY p.next_pass_at
     LIMIT $1
"""


async def tenants_due_any_tenant(conn: Connection, *, limit: int) -> list[TenantId]:
    """Name accounts that are due, the longest waiting first."""
    return [row["tenant_id"] for row in await conn.fetch(TENANTS_DUE, limit)]


CLAIM: Final = f"""
    -- passes_store.claim
    WITH picked AS MATERIALIZED (
        SELECT tenant_id FROM reconciler_passes
         WHERE tenant_id = $1 AND next_pass_at <= $4
           AND (lease_until IS NULL OR lease_until <= $4)
           FOR UPDATE SKIP LOCKED
    )
    UPDATE reconciler_passes p
       SET lease_until = $4 + $2::interval, leased_by = $3, attempt = p.attempt + 1
      FROM picked
     WHERE p.tenant_id = $1 AND p.tenant_id = picked.tenant_id
 RETURNING {COLUMNS}
"""  # noqa: S608 - only our own constant is put in


async def claim(
    conn: Connection, tenant: TenantId, *, lease: timedelta, worker: str
) -> Claimed | None:
    """Take a due pass of one account; None when another took it."""
    now = await clock.now(conn)
    row = await conn.fetchrow(CLAIM, tenant, lease, worker, now)
    return None if row is None else Claimed(now=now, state=_state(dict(row)))


RENEW: Final = """
    -- passes_store.renew_any_tenant
    UPDATE reconciler_passes p SET lease_until = now() + $3::interval
      FROM unnest($1::text[], $2::bigint[]) AS mine (tenant_id, attempt)
     WHERE p.tenant_id = mine.tenant_id AND p.attempt = mine.attempt AND p.lease_until IS NOT NULL
 RETURNING p.tenant_id
"""


async def renew_any_tenant(
    conn: Connection, attempts: Mapping[TenantId, int], *, lease: timedelta
) -> set[TenantId]:
    """Prolong the leases of these attempts; returns whose are still ours."""
    rows = await conn.fetch(RENEW, list(attempts), list(attempts.values()), lease)
    return {row["tenant_id"] for row in rows}


FINISH: Final = """
    -- passes_store.finish
    UPDATE reconciler_passes p
       SET next_pass_at = $3,
           lease_until = NULL, leased_by = NULL,
           error = $4,
           error_since = CASE WHEN $4::text IS NULL THEN NULL
                              ELSE coalesce(p.error_since, $20) END,
           complete_at = CASE WHEN $5 THEN $20 ELSE p.complete_at END,
           complete_from = CASE WHEN $5 THEN $19 ELSE p.complete_from END,
           failures = CASE WHEN $5 THEN 0 WHEN coalesce($4, 'busy') = 'busy' THEN p.failures
                         ELSE p.failures + 1 END,
           bills_mark = coalesce($6, p.bills_mark),
           charges_mark = coalesce($7, p.charges_mark),
           refunds_mark = coalesce($8, p.refunds_mark),
           customers_mark = coalesce($17, p.customers_mark),
           zone = coalesce($9, p.zone),
           zone_at = CASE WHEN $9::text IS NULL THEN p.zone_at ELSE $20 END,
           plain_lanes = coalesce($10, p.plain_lanes),
           plain_since = CASE WHEN coalesce($10, p.plain_lanes) = '{}' THEN NULL
                              ELSE coalesce(p.plain_since, $20) END,
           nightly_day = coalesce($11, p.nightly_day),
           weekly_day = coalesce($12, p.weekly_day),
           skew_seconds = coalesce($13, p.skew_seconds),
           found = p.found + $14,
           missed = p.missed + $15,
           silent_passes = CASE WHEN $16 THEN 0 WHEN $15 > 0 THEN p.silent_passes + 1
                                ELSE p.silent_passes END,
           silent_since = CASE WHEN $16 THEN NULL WHEN $15 > 0 THEN coalesce(p.silent_since, $20)
                               ELSE p.silent_since END,
           silent_at = CASE WHEN NOT $16 AND $15 > 0 THEN $20 ELSE p.silent_at END,
           events_due = coalesce($18, p.events_due)
     WHERE p.tenant_id = $1 AND p.attempt = $2 AND p.lease_until IS NOT NULL
"""


async def finish(conn: Connection, tenant: TenantId, attempt: int, result: PassResult) -> bool:
    """Give a pass back with what it found; says whether it was still ours."""
    lanes, due = result.plain_lanes, result.events_due
    return await _changed(
        conn,
        FINISH,
        tenant,
        attempt,
        result.next_pass_at,
        result.error,
        result.complete,
        result.bills_mark,
        result.charges_mark,
        result.refunds_mark,
        result.zone,
        None if lanes is None else sorted(lanes),
        result.nightly_day,
        result.weekly_day,
        result.skew_seconds,
        result.found,
        result.missed,
        result.heard,
        result.customers_mark,
        None if due is None else {str(bill): at.isoformat() for bill, at in due.items()},
        result.began_at,
        await clock.now(conn),
    )


SHOWN_FROM: Final = """
    -- passes_store.shown_from
    SELECT complete_from FROM reconciler_passes WHERE tenant_id = $1
"""


async def shown_from(conn: Connection, tenant: TenantId) -> datetime | None:
    """When the last complete pass began, which would have shown any change until then."""
    began: datetime | None = await conn.fetchval(SHOWN_FROM, tenant)
    return began


GET: Final = f"""
    -- passes_store.get
    SELECT {COLUMNS} FROM reconciler_passes p WHERE p.tenant_id = $1
"""  # noqa: S608 - only our own constant is put in


async def get(conn: Connection, tenant: TenantId) -> PassState | None:
    """What is remembered of one account; None before its first pass was planned."""
    row = await conn.fetchrow(GET, tenant)
    return None if row is None else _state(dict(row))


BEGIN_ANEW: Final = """
    -- passes_store.begin_anew
    UPDATE reconciler_passes
       SET next_pass_at = now(), lease_until = NULL, leased_by = NULL, attempt = attempt + 1,
           bills_mark = least(bills_mark, $2), charges_mark = least(charges_mark, $2),
           refunds_mark = least(refunds_mark, $2), customers_mark = least(customers_mark, $2),
           zone = 'unknown', zone_at = NULL, plain_lanes = '{}', plain_since = NULL,
           complete_from = NULL, events_due = '{}', failures = 0, error = NULL, error_since = NULL
     WHERE tenant_id = $1
"""


async def begin_anew(
    conn: Connection, tenant: TenantId, *, since: datetime | None, most: datetime
) -> None:
    """The tenant has another account: how the one before reads its queries says nothing of it.

    One that was left at `since` is read from then on, from `most` at the earliest. A pass that is
    under way is nobody's any more.
    """
    await conn.execute(BEGIN_ANEW, tenant, None if since is None else max(since, most))


UNSEEN_REFUNDS: Final = """
    -- passes_store.unseen_refunds
    SELECT asked.transaction_id FROM unnest($2::bigint[]) AS asked (transaction_id)
     WHERE NOT EXISTS (SELECT FROM refunds_seen s
                        WHERE s.tenant_id = $1 AND s.transaction_id = asked.transaction_id)
"""


async def unseen_refunds(
    conn: Connection, tenant: TenantId, transactions: Sequence[int]
) -> set[int]:
    """Which of these refunds have not been dealt with."""
    rows = await conn.fetch(UNSEEN_REFUNDS, tenant, transactions)
    return {row["transaction_id"] for row in rows}


NOTE_REFUNDS: Final = """
    -- passes_store.note_refunds
    INSERT INTO refunds_seen (tenant_id, transaction_id)
    SELECT $1, transaction_id FROM unnest($2::bigint[]) AS seen (transaction_id)
        ON CONFLICT (tenant_id, transaction_id) DO NOTHING
"""


async def note_refunds(conn: Connection, tenant: TenantId, transactions: Sequence[int]) -> None:
    """Remember refunds whose bills were dealt with."""
    await conn.execute(NOTE_REFUNDS, tenant, transactions)


FORGET_REFUNDS: Final = """
    -- passes_store.forget_refunds
    DELETE FROM refunds_seen WHERE tenant_id = $1 AND seen_at < now() - $2::interval
"""


async def forget_refunds(conn: Connection, tenant: TenantId, *, older_than: timedelta) -> None:
    """Forget refunds that no pass will meet again."""
    await conn.execute(FORGET_REFUNDS, tenant, older_than)


async def _changed(conn: Connection, sql: str, *values: object) -> bool:
    tag: str = await conn.execute(sql, *values)
    return not tag.endswith(" 0")


def _state(fields: dict[str, Any]) -> PassState:
    lanes = frozenset(fields.pop("plain_lanes"))
    due = {
        BillId(int(bill)): datetime.fromisoformat(at)
        for bill, at in fields.pop("events_due").items()
    }
    return PassState(**fields, plain_lanes=lanes, events_due=due)
