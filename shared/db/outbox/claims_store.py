"""Leases of sales that are due: the right to work on one, until it ends or is renewed (D12)."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final

from msgspec import Struct

from shared.db.connection import Connection
from shared.db.outbox.due_read import DueToRead, due_to_read
from shared.db.outbox.outbox_store import Entry, Lane
from shared.db.rows import rows_json
from shared.domain.ids import BillId, TenantId

NO_BOUND: Final = 2**31 - 1
# What is held is counted by the claim itself: it begins once the turn is ours, and so sees all that
# was claimed in the turns before.
CLAIM_DUE: Final = """
    -- claims_store.claim_due
    WITH picked AS MATERIALIZED (
        SELECT bill_id FROM outbox
         WHERE tenant_id = $1 AND state = 'due' AND lane = $2 AND due_at <= now()
           AND ($6 OR bill_facts <= bill_facts_read)
           AND ($8::boolean IS NULL
                OR $8 = (bill_facts > bill_facts_read AND heard_at IS NOT NULL
                         AND issuer_facts <= issuer_facts_read
                         AND asked_facts <= bill_facts_read))
           AND ($9::boolean IS NULL OR $9 = (bill_facts > bill_facts_read))
         ORDER BY due_at
         LIMIT least($3::int, greatest(0, $7::int - (
                   SELECT count(*) FROM (SELECT FROM outbox
                                          WHERE tenant_id = $1 AND state = 'leased' AND lane <= $2
                                          LIMIT $7) AS leased)))
           FOR UPDATE SKIP LOCKED
    )
    UPDATE outbox o
       SET state = 'leased', lease_until = now() + $4::interval, leased_by = $5,
           attempt = o.attempt + 1
     WHERE o.tenant_id = $1 AND o.bill_id = ANY(ARRAY(SELECT bill_id FROM picked))
 RETURNING o.tenant_id, o.bill_id, o.lane, o.origin, o.due_at, o.generation, o.bill_facts,
           o.bill_facts_read, o.heard_at, o.attempt, o.tries, o.issuer_facts,
           o.issuer_facts_read, o.asked_facts, o.traceparent, o.traced_at
"""


async def claim_due(
    conn: Connection,
    tenant: TenantId,
    *,
    lane: Lane,
    limit: int,
    lease: timedelta,
    worker: str,
    unread: bool = True,
    held: int = NO_BOUND,
    hearsay: bool | None = None,
    told: bool | None = None,
) -> list[Entry]:
    """Lease up to `limit` due rows of one tenant and lane, the longest waiting first.

    Without `unread` those are left out of whose bill we heard something that nobody read yet. No
    more are leased than leave all workers with `held` of this lane and of more urgent ones.
    `hearsay`: only what is `Entry.is_hearsay`, or only what is not; `told`: the same of
    `Entry.bill_changed`.
    """
    rows = await conn.fetch(
        CLAIM_DUE, tenant, lane, limit, lease, worker, unread, held, hearsay, told
    )
    return sorted((Entry(**dict(row)) for row in rows), key=lambda entry: entry.due_at)


# One process at a time claims for a tenant, so that those that wake together do not take all of it
# between them; who comes second has nothing to wait for.
CLAIM_TURN: Final = """
    -- claims_store.claim_turn
    SELECT pg_try_advisory_xact_lock($1, hashtext($2))
"""
CLAIMING: Final = 0x4E6F7461  # "Nota": any number no other program locks beside a text's hash
LEASED: Final = """
    -- claims_store.leased
    SELECT count(*) FROM (SELECT FROM outbox
                           WHERE tenant_id = $1 AND state = 'leased' AND lane <= $2
                           LIMIT $3) AS leased
"""


async def claim_within(
    conn: Connection,
    tenant: TenantId,
    *,
    lane: Lane,
    limit: int,
    held: int,
    lease: timedelta,
    worker: str,
    unread: bool = True,
    unless: Callable[[DueToRead], bool] | None = None,
    hearsay: bool | None = None,
    told: bool | None = None,
) -> list[Entry] | None:
    """Claim as `claim_due` does, while all workers hold fewer than `held` of a tenant's sales.

    Counted are those of this lane and of more urgent ones. None when they hold as many already.
    `unless` may call it off when it is our turn: another worker may have been here since.
    """
    async with conn.transaction():
        if not await conn.fetchval(CLAIM_TURN, CLAIMING, tenant):
            return []
        if unless and unless(await due_to_read(conn, tenant, lane=lane, most=limit)):
            return []
        claimed = await claim_due(
            conn,
            tenant,
            lane=lane,
            limit=limit,
            lease=lease,
            worker=worker,
            unread=unread,
            held=held,
            hearsay=hearsay,
            told=told,
        )
        if claimed or await conn.fetchval(LEASED, tenant, lane, held) < held:
            return claimed
        return None


# Rows are found by key, and that is said twice: see `outbox_store.SETTLE`.
RENEW: Final = """
    -- claims_store.renew
    WITH held AS MATERIALIZED (
        SELECT o.bill_id FROM outbox o
          JOIN unnest($2::bigint[], $3::bigint[]) AS mine (bill_id, attempt)
            ON o.bill_id = mine.bill_id AND o.attempt = mine.attempt
         WHERE o.tenant_id = $1 AND o.bill_id = ANY($2::bigint[]) AND o.lease_until IS NOT NULL
         ORDER BY o.bill_id
           FOR UPDATE OF o
    )
    UPDATE outbox o SET lease_until = now() + $4::interval
      FROM held
     WHERE o.tenant_id = $1 AND o.bill_id = ANY($2::bigint[]) AND o.bill_id = held.bill_id
 RETURNING o.bill_id
"""


async def renew(
    conn: Connection, tenant: TenantId, entries: Sequence[Entry], *, lease: timedelta
) -> set[BillId]:
    """Prolong leases; returns the bills still ours."""
    rows = await conn.fetch(
        RENEW, tenant, [e.bill_id for e in entries], [e.attempt for e in entries], lease
    )
    return {row["bill_id"] for row in rows}


OVERTAKEN: Final = """
    -- claims_store.overtaken_any_tenant
    SELECT mine.tenant_id, mine.bill_id, mine.attempt
      FROM json_to_recordset($1::text::json)
           AS mine (tenant_id text, bill_id bigint, attempt bigint, generation bigint)
      JOIN outbox o ON o.tenant_id = mine.tenant_id AND o.bill_id = mine.bill_id
                   AND o.attempt = mine.attempt
      JOIN tenants t ON t.tenant_id = o.tenant_id
     WHERE o.tenant_id = ANY($2::text[])
       AND (o.generation <> mine.generation OR t.status <> 'active')
"""


class _Waiting(Struct, frozen=True, kw_only=True):
    tenant_id: TenantId
    bill_id: BillId
    attempt: int
    generation: int


async def overtaken_any_tenant(
    conn: Connection, entries: Sequence[Entry]
) -> set[tuple[TenantId, BillId, int]]:
    """Those of these attempts of whose sale there was news since, or whose tenant issues no more.

    Each by tenant, bill and attempt. Nothing is locked: by the time it is told there may be more.
    """
    waiting = [
        _Waiting(
            tenant_id=entry.tenant_id,
            bill_id=entry.bill_id,
            attempt=entry.attempt,
            generation=entry.generation,
        )
        for entry in entries
    ]
    tenants = list({entry.tenant_id for entry in entries})
    rows = await conn.fetch(OVERTAKEN, rows_json(waiting), tenants)
    return {(row["tenant_id"], row["bill_id"], row["attempt"]) for row in rows}
