"""The outbox: one row a sale, which sales are due, and who works on them (design D2, D12)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Literal

import asyncpg
from msgspec import Struct

from shared.db.connection import Connection
from shared.db.rows import rows_json
from shared.domain.ids import BillId, TenantId
from shared.domain.sale import Origin
from shared.telemetry import traces

Lane = Literal[0, 1, 2]
LIVE: Final[Lane] = 0
RECONCILE: Final[Lane] = 1
BACKFILL: Final[Lane] = 2
# News of a bill that was heard of before, and not read up on, is told apart no finer than this.
HEARD_WITHIN: Final = timedelta(seconds=1)
State = Literal["due", "leased", "settled"]


class Mark(Struct, frozen=True, kw_only=True):
    """A sale that is due now, and by which road we heard of it."""

    tenant_id: TenantId
    bill_id: BillId
    lane: Lane
    origin: Origin
    about_bill: bool = True  # False for news of the issuer, which ask for no read of Vindi
    about_nota: bool = False  # True for news of the issuer: it is asked where the notas are
    # The bill was asked for at this instant (the database's clock) and is stored in the same
    # commit; None when the mark is hearsay that nobody has read up on yet.
    read_at: datetime | None = None
    # Of the trace in which we heard of it; None: of what is being done as it is marked.
    traceparent: str | None = None
    # A person wants it decided, or we found it ourselves: no talk of others'.
    asked: bool = False


class Entry(Struct, frozen=True, kw_only=True):
    """A leased row: the right to work on one sale until the lease ends."""

    tenant_id: TenantId
    bill_id: BillId
    lane: Lane
    origin: Origin
    due_at: datetime
    generation: int
    bill_facts: int
    bill_facts_read: int
    heard_at: datetime | None
    attempt: int
    tries: int
    issuer_facts: int = 0
    issuer_facts_read: int = 0
    asked_facts: int = 0  # the newest of `bill_facts` that is no talk of others'
    traceparent: str | None = None  # of what made it due last, at that instant, where it was traced
    traced_at: datetime | None = None

    @property
    def of_past(self) -> bool:
        """Say whether it was asked for as a past sale."""
        return self.lane == BACKFILL or self.origin == "backfill"

    @property
    def bill_changed(self) -> bool:
        """Say whether a fact about the bill came since it was last read."""
        return self.bill_facts > self.bill_facts_read

    def is_covered_by(self, read_at: datetime) -> bool:
        """Say whether a reading asked for at that instant surely covers all that was heard."""
        within = HEARD_WITHIN if self.bill_changed else timedelta()
        return self.heard_at is None or self.heard_at + within < read_at

    @property
    def is_hearsay(self) -> bool:
        """Say whether it is due since it was talked of, and nobody has read up on that.

        What a person asked for, or we found, is none, whatever is said of it beside.
        """
        talk = self.bill_changed and self.asked_facts <= self.bill_facts_read
        return talk and self.heard_at is not None and not self.nota_changed

    @property
    def nota_changed(self) -> bool:
        """Say whether the issuer had news of a nota that no read of it has covered yet."""
        return self.issuer_facts > self.issuer_facts_read


class Settlement(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What becomes of a leased row: due again at `due_at`, or settled when it is None.

    `failed` keeps counting failures for the back-off; anything else starts the count anew.
    """

    bill_id: BillId
    attempt: int
    generation: int
    due_at: datetime | None
    bill_facts_read: int
    issuer_facts_read: int = 0
    failed: bool = False


# A row that is due already is left alone: the read that follows covers the new fact too. Without
# that, a burst of copies of one event would write the row once a copy. News that is left out came
# at most HEARD_WITHIN after `heard_at`: only a reading asked for after that surely covers it.
# The clock is read where rows are made, once; what follows takes it from the row that was refused.
MARK_DUE: Final = """
    -- outbox_store.mark_due
    INSERT INTO outbox AS o (tenant_id, bill_id, lane, due_at, origin, bill_facts, heard_at,
                             issuer_facts, asked_facts, traceparent, traced_at)
    SELECT DISTINCT ON (tenant_id, bill_id) tenant_id, bill_id, lane, now(), origin,
           about_bill::int, CASE WHEN about_bill AND read_at IS NULL THEN instant END,
           bool_or(about_nota) OVER (PARTITION BY tenant_id, bill_id)::int,
           bool_or(about_bill AND asked) OVER (PARTITION BY tenant_id, bill_id)::int,
           traceparent, CASE WHEN traceparent IS NOT NULL THEN instant END
      FROM (SELECT *, clock_timestamp() AS instant
              FROM unnest($1::text[], $2::bigint[], $3::smallint[], $4::text[], $5::boolean[],
                          $6::timestamptz[], $7::boolean[], $9::text[], $10::boolean[])
                   AS m (tenant_id, bill_id, lane, origin, about_bill, read_at, about_nota,
                         traceparent, asked)) m
     ORDER BY tenant_id, bill_id, about_bill DESC, read_at NULLS FIRST, lane
        ON CONFLICT (tenant_id, bill_id) DO UPDATE
       SET generation = o.generation + 1,
           bill_facts = o.bill_facts + excluded.bill_facts,
           issuer_facts = o.issuer_facts + excluded.issuer_facts,
           asked_facts = CASE WHEN excluded.asked_facts > 0 THEN o.bill_facts + 1
                              ELSE o.asked_facts END,
           heard_at = greatest(o.heard_at, excluded.heard_at),
           lane = CASE WHEN o.state = 'settled' THEN excluded.lane
                       ELSE least(o.lane, excluded.lane) END,
           due_at = least(o.due_at, excluded.due_at),
           tries = 0,
           traceparent = coalesce(excluded.traceparent, o.traceparent),
           traced_at = coalesce(excluded.traced_at, o.traced_at),
           state = CASE WHEN o.state = 'leased' THEN 'leased' ELSE 'due' END
     WHERE NOT (o.state = 'due' AND o.due_at <= excluded.due_at AND o.tries = 0
                AND o.lane <= excluded.lane
                AND o.bill_facts >= o.bill_facts_read + excluded.bill_facts
                AND o.issuer_facts >= o.issuer_facts_read + excluded.issuer_facts
                AND (excluded.asked_facts = 0 OR o.asked_facts > o.bill_facts_read)
                AND (excluded.heard_at IS NULL
                     OR coalesce(excluded.heard_at - o.heard_at < $8::interval, false)))
"""


# What was surely heard before a read was asked for is covered by that read.
READ_UP: Final = """
    -- outbox_store.read_up
    UPDATE outbox o SET heard_at = NULL
      FROM unnest($1::text[], $2::bigint[], $3::timestamptz[]) AS m (tenant_id, bill_id, read_at)
     WHERE o.tenant_id = m.tenant_id AND o.bill_id = m.bill_id
       AND m.read_at - o.heard_at >= $4::interval
"""


async def mark_due(conn: Connection, marks: Sequence[Mark]) -> None:
    """Mark sales as due now; repeating it is harmless. Lives in the caller's transaction."""
    await conn.execute(
        MARK_DUE,
        [mark.tenant_id for mark in marks],
        [mark.bill_id for mark in marks],
        [mark.lane for mark in marks],
        [mark.origin for mark in marks],
        [mark.about_bill for mark in marks],
        [mark.read_at for mark in marks],
        [mark.about_nota for mark in marks],
        HEARD_WITHIN,
        [_trace_of(mark, len(marks)) for mark in marks],
        [mark.asked for mark in marks],
    )
    read = [mark for mark in marks if mark.read_at is not None]
    if read:
        await conn.execute(
            READ_UP,
            [mark.tenant_id for mark in read],
            [mark.bill_id for mark in read],
            [mark.read_at for mark in read],
            HEARD_WITHIN,
        )


def _trace_of(mark: Mark, together: int) -> str | None:
    return mark.traceparent or traces.handed_on(
        together=together, tenant_id=mark.tenant_id, bill_id=mark.bill_id, origin=mark.origin
    )


TRACE_OF: Final = """
    -- outbox_store.trace_of
    SELECT traceparent FROM outbox
     WHERE tenant_id = $1 AND bill_id = $2 AND now() - traced_at < $3::interval
"""


async def trace_of(
    conn: Connection, tenant: TenantId, bill: BillId, *, within: timedelta
) -> str | None:
    """The trace of what last made a sale due, if that was not long ago."""
    found: str | None = await conn.fetchval(TRACE_OF, tenant, bill, within)
    return found


# Those that follow find their rows by key, and say so twice: the join alone leaves the planner free
# to walk all rows of the tenant. To name the state would offer it the index of leased rows, which
# it believes to be almost empty: it would walk all leases once for each row.
#
# The generation decides: a fact that came during the work makes the row due again at once.
SETTLE: Final = """
    -- outbox_store.settle
    UPDATE outbox o
       SET state = CASE WHEN o.generation > s.generation OR s.due_at IS NOT NULL
                        THEN 'due' ELSE 'settled' END,
           due_at = CASE WHEN o.generation > s.generation THEN $4
                         ELSE coalesce(s.due_at, o.due_at) END,
           tries = CASE WHEN s.failed THEN o.tries + 1 ELSE 0 END,
           bill_facts_read = greatest(o.bill_facts_read, s.bill_facts_read),
           issuer_facts_read = greatest(o.issuer_facts_read, s.issuer_facts_read),
           lease_until = NULL, leased_by = NULL
      FROM json_to_recordset($3::text::json)
           AS s (bill_id bigint, attempt bigint, generation bigint, due_at timestamptz,
                 bill_facts_read bigint, issuer_facts_read bigint, failed boolean)
     WHERE o.tenant_id = $1 AND o.bill_id = ANY($2::bigint[]) AND o.bill_id = s.bill_id
       AND o.attempt = s.attempt AND o.lease_until IS NOT NULL
 RETURNING o.bill_id
"""


async def settle(
    conn: Connection, tenant: TenantId, settlements: Sequence[Settlement], *, now: datetime
) -> set[BillId]:
    """Give leased rows back. Returns the bills that were still ours; the rest lost their lease."""
    bills = [one.bill_id for one in settlements]
    rows = await conn.fetch(SETTLE, tenant, bills, rows_json(settlements), now)
    return {row["bill_id"] for row in rows}


LOCK: Final = """
    -- outbox_store.lock
    SELECT bill_id, state FROM outbox WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[])
     ORDER BY bill_id FOR UPDATE
"""


async def lock(conn: Connection, tenant: TenantId, bills: Sequence[BillId]) -> dict[BillId, State]:
    """Lock the rows there are of these sales and say how they stand.

    Whoever changes a sale does so before anything else, as workers do: else two could wait for
    one another.
    """
    return {row["bill_id"]: row["state"] for row in await conn.fetch(LOCK, tenant, bills)}


class Leased(Struct, frozen=True, kw_only=True):
    """How a leased row is now."""

    attempt: int
    generation: int
    now: datetime  # at which the transaction began
    told_on: bool  # other systems want to hear of this tenant's sales

    def is_of(self, entry: Entry) -> bool:
        """Whether it is leased for that very entry."""
        return self.attempt == entry.attempt


STILL_OURS: Final = """
    -- outbox_store.lock_ours
    SELECT bill_id, attempt, generation, now() AS now,
           EXISTS (SELECT FROM status_webhooks w WHERE w.tenant_id = $1) AS told_on
      FROM outbox
     WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[]) AND lease_until > now()
     ORDER BY bill_id
       FOR UPDATE
"""


async def lock_ours(
    conn: Connection, tenant: TenantId, entries: Sequence[Entry]
) -> dict[BillId, Leased]:
    """Lock the rows of these entries that are leased, and say for which attempt.

    An entry is ours while that is its own attempt, and what is written next is fenced by that.
    A row that another worker leased meanwhile is locked as well, for that worker's short wait.
    """
    rows = await conn.fetch(STILL_OURS, tenant, [entry.bill_id for entry in entries])
    return {
        bill: Leased(attempt=attempt, generation=generation, now=now, told_on=told_on)
        for bill, attempt, generation, now, told_on in rows
    }


# One statement over all tenants; it locks no rows beforehand, which Citus refuses across tenants.
FREE_EXPIRED: Final = """
    -- outbox_store.free_expired_any_tenant
    UPDATE outbox SET state = 'due', lease_until = NULL, leased_by = NULL,
           generation = generation + 1
     WHERE state = 'leased' AND lease_until <= now()
"""


async def free_expired_any_tenant(conn: Connection) -> int:
    """Make rows of dead workers due again; returns how many."""
    return _count(await conn.execute(FREE_EXPIRED))


def _entry(row: asyncpg.Record) -> Entry:
    return Entry(**dict(row))


def _count(tag: str) -> int:
    return int(tag.rpartition(" ")[2])


PUT_UNPROVEN_LAST: Final = """
    -- outbox_store.put_unproven_last
    UPDATE outbox SET lane = $2
     WHERE tenant_id = $1 AND state = 'due' AND lane = $3 AND due_at <= now()
       AND origin = 'webhook' AND heard_at IS NOT NULL AND ($4 OR tries > 0)
       AND asked_facts <= bill_facts_read
       AND NOT EXISTS (SELECT FROM bills
                        WHERE bills.tenant_id = $1
                          AND bills.bill_id = outbox.bill_id)
"""


async def put_unproven_last(conn: Connection, tenant: TenantId, *, unlooked: bool) -> int:
    """Put due sales that only an event named, and no read ever showed, behind all others.

    With `unlooked` also those that were not looked for yet.
    """
    tag: str = await conn.execute(PUT_UNPROVEN_LAST, tenant, BACKFILL, LIVE, unlooked)
    return int(tag.rpartition(" ")[2])


BRING_FORWARD: Final = """
    -- outbox_store.bring_forward
    UPDATE outbox SET lane = $3
     WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[]) AND lane > $3
"""


async def bring_forward(conn: Connection, tenant: TenantId, bills: Sequence[BillId]) -> None:
    """Put these sales where an event puts what it names; whoever leases them goes on with them."""
    await conn.execute(BRING_FORWARD, tenant, bills, LIVE)


BRING_UP: Final = """
    -- outbox_store.bring_up
    UPDATE outbox SET heard_at = NULL, lane = $3, due_at = least(due_at, $4)
     WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[]) AND state = 'due'
       AND bill_facts > bill_facts_read AND $4 - heard_at >= $5::interval
"""


async def bring_up(
    conn: Connection, tenant: TenantId, bills: Sequence[BillId], *, read_at: datetime
) -> None:
    """Have these sales decided now, on what was read and stored of them: they are no hearsay.

    Left alone is what was heard so late that the reading asked for at `read_at` may not show it.
    """
    await conn.execute(BRING_UP, tenant, bills, LIVE, read_at, HEARD_WITHIN)
