"""Vindi's side: each bill as it was last read."""

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import asyncpg
import msgspec
from msgspec import Struct
from msgspec.structs import replace

from shared.db.connection import Connection
from shared.db.rows import rows_json
from shared.db.tenants import tenants_store
from shared.domain.bill import Bill, BillStatus
from shared.domain.ids import BillId, ChargeId, CustomerId, TenantId
from shared.domain.moment import VINDI_ZONE, moment_created, moment_paid
from shared.domain.money import Cents
from shared.domain.stream import NEVER_SEEN, Sighting


class KnownBill(Struct, frozen=True, kw_only=True):
    """What we know of a bill from earlier reads."""

    bill_id: BillId
    status: str
    updated_at: datetime  # Vindi's, whole seconds
    moment_amount: Cents
    customer_id: int
    created_at: datetime  # Vindi's, whole seconds
    came_alive_at: datetime | None
    refunds: Mapping[ChargeId, Cents]
    body: bytes  # sealed (`columns.BILL`)
    read_at: datetime
    seen: Sighting


FIRST_YEAR: Final = 2000  # a row of before this was kept has `-infinity`
ROUNDED: Final = timedelta(seconds=1)  # sub-seconds vanish when a bill is read again
AS_STORED: Final = b""  # the body stays, bare where somebody was erased meanwhile


class ReadBill(Struct, frozen=True, kw_only=True):
    """A bill as just read, with the refunds known of it.

    `body` is sealed already; of a bill that is the same as it was it is `AS_STORED`.
    """

    bill: Bill
    body: bytes
    refunds: Mapping[ChargeId, Cents] = msgspec.field(default_factory=dict)
    refunded_at: datetime | None = None  # when the newest of these was made; None keeps it
    came_alive_at: datetime | None = None
    read_at: datetime
    settled: bool = False  # said again and again, though its stamp is older than the stored one


class _BillRow(Struct, frozen=True, kw_only=True):
    """A row as STORE takes it; the body goes beside it, since it is long and no text."""

    bill_id: BillId
    status: BillStatus
    amount: Cents
    moment_amount: Cents
    customer_id: CustomerId
    created_at: datetime
    updated_at: datetime
    created_moment: datetime | None
    paid_moment: datetime | None
    recorded_at: datetime | None
    came_alive_at: datetime | None
    refunds: Mapping[ChargeId, Cents]
    refunded_at: datetime | None
    read_at: datetime
    charges_paid_at: Sequence[datetime]


LOAD: Final = """
    -- bills_store.load
    SELECT bill_id, status, updated_at, moment_amount, customer_id, created_at, came_alive_at,
           refunds::text, body, read_at, paid_seen_at, unpaid_seen_at
      FROM bills WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[])
"""


async def load(
    conn: Connection, tenant: TenantId, bills: Sequence[BillId]
) -> dict[BillId, KnownBill]:
    """Read what is known of these bills; unknown ones are absent."""
    rows = await conn.fetch(LOAD, tenant, bills)
    return {row["bill_id"]: _known(row) for row in rows}


def _known(row: asyncpg.Record) -> KnownBill:
    values = dict(row)
    refunds = json.loads(values.pop("refunds"))
    paid_at, unpaid_at = values.pop("paid_seen_at"), values.pop("unpaid_seen_at")
    if paid_at is None:  # a row of before these were kept says by its state what it was seen as
        paid_at = values["read_at"] if values["status"] == BillStatus.PAID else None
    if paid_at is None:
        unpaid_at = values["read_at"]
    return KnownBill(
        **values,
        seen=Sighting(paid_at=paid_at, unpaid_at=unpaid_at),
        refunds={ChargeId(int(key)): Cents(value) for key, value in refunds.items()},
    )


# A read that is older than what is stored (a lagging replica) changes nothing; equal stamps do,
# since a partial refund moves no stamp. Then who asked first does not undo who asked later, as a
# process that was stopped between its answer and its commit would, unless it brings other refunds:
# who asked first may still have been answered last. Nor does another bill of the same number change
# anything, see `is_another`. The amount at its moment survives a cancellation.
STORE: Final = """
    -- bills_store.store
    INSERT INTO bills AS b (
        tenant_id, bill_id, status, amount, moment_amount, customer_id, created_at, updated_at,
        created_moment, paid_moment, recorded_at, came_alive_at, refunds, refunded_at,
        refunds_read_at, body, read_at, charges_paid_at, paid_seen_at)
    SELECT $1, bill_id, status, amount, moment_amount, customer_id, created_at, updated_at,
           created_moment, paid_moment, recorded_at, came_alive_at, refunds, refunded_at, read_at,
           body, read_at, charges_paid_at, CASE WHEN status = 'paid' THEN read_at END
      FROM ROWS FROM (
               json_to_recordset($2::text::json)
                   AS (bill_id bigint, status text, amount bigint, moment_amount bigint,
                       customer_id bigint, created_at timestamptz, updated_at timestamptz,
                       created_moment timestamptz, paid_moment timestamptz,
                       recorded_at timestamptz, came_alive_at timestamptz, refunds jsonb,
                       refunded_at timestamptz, read_at timestamptz, charges_paid_at timestamptz[]),
               unnest($3::bytea[]))
           AS r (bill_id, status, amount, moment_amount, customer_id, created_at, updated_at,
                 created_moment, paid_moment, recorded_at, came_alive_at, refunds, refunded_at,
                 read_at, charges_paid_at, body)
        ON CONFLICT (tenant_id, bill_id) DO UPDATE
       SET status = excluded.status,
           amount = excluded.amount,
           moment_amount = CASE WHEN excluded.status IN ('pending', 'paid') AND excluded.amount <> 0
                                THEN excluded.moment_amount ELSE b.moment_amount END,
           customer_id = excluded.customer_id,
           updated_at = excluded.updated_at,
           created_moment = coalesce(b.created_moment, excluded.created_moment),
           paid_moment = coalesce(excluded.paid_moment, b.paid_moment),
           recorded_at = coalesce(excluded.recorded_at, b.recorded_at),
           came_alive_at = coalesce(b.came_alive_at, excluded.came_alive_at),
           refunds = excluded.refunds,
           refunded_at = coalesce(excluded.refunded_at, b.refunded_at),
           refunds_read_at = excluded.refunds_read_at,
           body = CASE WHEN excluded.body = ''::bytea THEN b.body ELSE excluded.body END,
           read_at = excluded.read_at,
           charges_paid_at = excluded.charges_paid_at,
           unpaid_seen_at = CASE WHEN b.paid_seen_at IS NULL AND b.status <> 'paid'
                                 THEN b.read_at ELSE b.unpaid_seen_at END,
           paid_seen_at = CASE WHEN b.paid_seen_at IS NULL AND b.status = 'paid' THEN b.read_at
                               ELSE coalesce(b.paid_seen_at, excluded.paid_seen_at) END
     WHERE excluded.updated_at >= b.updated_at
       AND (excluded.updated_at > b.updated_at OR excluded.read_at >= b.read_at
            OR excluded.refunds NOT IN ('{}'::jsonb, b.refunds))
       AND CASE WHEN b.created_at = '-infinity' THEN true
                ELSE excluded.created_at - b.created_at
                     BETWEEN interval '-1 second' AND interval '1 second' END
"""


# What a clock that was set back has stamped takes the place of what it stamped before.
SETTLE: Final = """
    -- bills_store.settle
    UPDATE bills AS b SET updated_at = r.updated_at
      FROM unnest($2::bigint[], $3::timestamptz[]) AS r (bill_id, updated_at)
     WHERE b.tenant_id = $1 AND b.bill_id = r.bill_id AND b.updated_at > r.updated_at
"""


async def store(conn: Connection, tenant: TenantId, reads: Sequence[ReadBill]) -> None:
    """Store bills as read. Repeating it is harmless; it lives in the caller's transaction."""
    if not reads:
        return
    in_order = sorted(reads, key=lambda read: read.bill.id)  # as they are locked everywhere
    if settled := [read.bill for read in in_order if read.settled]:
        ids, stamps = [bill.id for bill in settled], [bill.updated_at for bill in settled]
        await conn.execute(SETTLE, tenant, ids, stamps)
    zone = VINDI_ZONE
    if any(_by_day(read) for read in in_order):
        zone = await tenants_store.zone_of(conn, tenant)
    rows = [_row(read, zone) for read in in_order]
    await conn.execute(STORE, tenant, rows_json(rows), [read.body for read in in_order])


def _by_day(read: ReadBill) -> bool:
    paid = moment_paid(read.bill)
    return paid is not None and paid.stated_day is not None


def _row(read: ReadBill, zone: ZoneInfo) -> _BillRow:
    bill = read.bill
    created, paid = moment_created(bill, read.came_alive_at), moment_paid(bill)
    return _BillRow(
        bill_id=bill.id,
        status=bill.status,
        amount=bill.amount,
        # A canceled bill says 0.0; its lines still say what it was.
        moment_amount=bill.amount or bill.lines_total,
        customer_id=bill.customer_id,
        created_at=bill.created_at,
        updated_at=bill.updated_at,
        created_moment=created.at if created else None,
        paid_moment=paid.counted_at(zone) if paid else None,
        recorded_at=paid.recorded_at if paid else None,
        came_alive_at=read.came_alive_at,
        refunds=read.refunds,
        refunded_at=read.refunded_at,
        read_at=read.read_at,
        charges_paid_at=sorted(charge.paid_at for charge in bill.paid_charges if charge.paid_at),
    )


def seen_with(known: KnownBill | None, bill: Bill, read_at: datetime) -> Sighting:
    """When a bill was first seen paid, this read of it included."""
    before = known.seen if known is not None else NEVER_SEEN
    if before.paid_at is not None or bill.status is not BillStatus.PAID:
        return before
    return replace(before, paid_at=read_at)


def is_another(known: KnownBill | None, bill: Bill) -> bool:
    """Whether a bill is not the one that we know by its number: a bill's creation never moves.

    Numbers are those of one environment of Vindi; a tenant may have gone on to another account.
    """
    if known is None or known.created_at.year < FIRST_YEAR:
        return False
    return abs(bill.created_at - known.created_at) > ROUNDED


def came_alive(known: KnownBill | None, bill: Bill) -> datetime | None:
    """The `updated_at` with which a bill that we saw in review or scheduled came alive."""
    if known is None:
        return None
    if known.came_alive_at is not None:
        return known.came_alive_at
    dormant = known.status in (BillStatus.REVIEW, BillStatus.SCHEDULED)
    alive = bill.status in (BillStatus.PENDING, BillStatus.PAID)
    return bill.updated_at if dormant and alive else None


OPEN_UNSEEN: Final = """
    -- bills_store.open_unseen
    SELECT bill_id FROM bills
     WHERE tenant_id = $1 AND status IN ('review', 'scheduled', 'pending') AND read_at < $2
       AND bill_id > $3
     ORDER BY bill_id LIMIT $4
"""


async def open_unseen(
    conn: Connection, tenant: TenantId, *, before: datetime, after: BillId, limit: int
) -> list[BillId]:
    """Bills known as open that were last read before an instant, by id, beginning after one."""
    return [row["bill_id"] for row in await conn.fetch(OPEN_UNSEEN, tenant, before, after, limit)]


# Changes come to bills that are new, paid lately or open; each of these three has an index, and
# every further one would be written to by every nota. Who asks must not need all there are.
LATELY: Final = """
    -- bills_store.lately
    SELECT bill_id, status, updated_at, moment_amount, customer_id, created_at, came_alive_at,
           refunds::text, body, read_at, paid_seen_at, unpaid_seen_at
      FROM bills
     WHERE tenant_id = $1 AND read_at >= $2
       AND (created_at >= $2::timestamptz - interval '1 day'
            OR paid_moment >= $2::timestamptz - interval '4 days'
            OR status IN ('review', 'scheduled', 'pending'))
"""


async def lately(
    conn: Connection, tenant: TenantId, since: datetime
) -> AsyncGenerator[KnownBill, None]:
    """Stored bills that were read since then, most of them at least; in no order.

    Lives in the caller's transaction, since it reads through a cursor.
    """
    async for row in conn.cursor(LATELY, tenant, since, prefetch=100):
        yield _known(row)


NEWEST: Final = """
    -- bills_store.newest
    SELECT bill_id, status, updated_at, moment_amount, customer_id, created_at, came_alive_at,
           refunds::text, body, read_at, paid_seen_at, unpaid_seen_at
      FROM bills
     WHERE tenant_id = $1 AND created_at > '-infinity' ORDER BY created_at DESC LIMIT 1
"""


async def newest(conn: Connection, tenant: TenantId) -> KnownBill | None:
    """The stored bill that was created last; None when there is none."""
    row = await conn.fetchrow(NEWEST, tenant)
    return None if row is None else _known(row)


PAID_BY_DAY: Final = """
    -- bills_store.paid_by_day
    SELECT (created_at AT TIME ZONE $4)::date AS day, count(*) AS bills FROM bills
     WHERE tenant_id = $1 AND status = 'paid' AND created_at >= $2 AND created_at < $3
     GROUP BY 1
"""


async def paid_by_day(
    conn: Connection, tenant: TenantId, *, since: datetime, until: datetime, zone: str
) -> dict[date, int]:
    """How many stored bills that are paid were created on each day of a zone."""
    rows = await conn.fetch(PAID_BY_DAY, tenant, since, until, zone)
    return {row["day"]: row["bills"] for row in rows}
