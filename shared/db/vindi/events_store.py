"""Raw events: append-only, sealed, partitioned by day."""

import os
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from asyncpg.pgproto import pgproto
from msgspec import Struct, field

from shared.db.connection import Connection
from shared.domain.ids import BillId, TenantId

Source = Literal["vindi", "enotas"]


def new_event_id() -> UUID:
    """A random UUID (RFC 9562, 5.4), of the driver's own kind: each delivery makes and writes one.

    The library's takes four times as long to make, and more to say and to send.
    """
    some = bytearray(os.urandom(16))
    some[6] = some[6] & 0x0F | 0x40
    some[8] = some[8] & 0x3F | 0x80
    return pgproto.UUID(bytes(some))


class StoredEvent(Struct, frozen=True, kw_only=True):
    """One delivery as it came; `body` is sealed already (`columns.EVENT`).

    `flag` says why it could not be read.
    """

    tenant_id: TenantId
    event_id: UUID = field(default_factory=new_event_id)
    source: Source
    type: str | None
    bill_id: BillId | None
    event_at: datetime | None
    flag: str | None
    headers: Mapping[str, str]
    body: bytes


ADD: Final = """
    -- events_store.add
    INSERT INTO events (tenant_id, source, type, bill_id, event_at, flag, headers, body, event_id)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::timestamptz[],
                         $6::text[], $7::jsonb[], $8::bytea[], $9::uuid[])
 RETURNING bill_id
"""


async def add(conn: Connection, events: Sequence[StoredEvent]) -> None:
    """Store deliveries. Lives in the caller's transaction."""
    await conn.execute(
        ADD,
        [e.tenant_id for e in events],
        [e.source for e in events],
        [e.type for e in events],
        [e.bill_id for e in events],
        [e.event_at for e in events],
        [e.flag for e in events],
        [dict(e.headers) for e in events],
        [e.body for e in events],
        [e.event_id for e in events],
    )


OF_BILL: Final = """
    -- events_store.of_bill
    SELECT received_at, source, type, event_at FROM events
     WHERE tenant_id = $1 AND bill_id = $2 ORDER BY received_at LIMIT $3
"""


CLAIMS: Final = """
    -- events_store.claims_of
    SELECT bill_id, array_agg(DISTINCT type) AS types FROM events
     WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[]) AND received_at > now() - $3::interval
       AND type IS NOT NULL
     GROUP BY bill_id
"""


async def claims_of(
    conn: Connection, tenant: TenantId, bills: Sequence[BillId], *, within: timedelta
) -> dict[BillId, set[str]]:
    """The types of the events heard lately about these bills: what they claim of their state."""
    rows = await conn.fetch(CLAIMS, tenant, bills, within)
    return {row["bill_id"]: set(row["types"]) for row in rows}


class HeardEvent(Struct, frozen=True, kw_only=True):
    """An event as a timeline shows it."""

    received_at: datetime
    source: Source
    type: str | None
    event_at: datetime | None


async def of_bill(
    conn: Connection, tenant: TenantId, bill: BillId, *, limit: int = 200
) -> list[HeardEvent]:
    """The events heard about one bill, oldest first."""
    rows = await conn.fetch(OF_BILL, tenant, bill, limit)
    return [HeardEvent(**dict(row)) for row in rows]


HEARD_OF: Final = """
    -- events_store.heard_of
    SELECT DISTINCT bill_id FROM events
     WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[]) AND source = 'vindi'
       AND received_at >= $3
"""


async def heard_of(
    conn: Connection, tenant: TenantId, bills: Sequence[BillId], *, since: datetime
) -> set[BillId]:
    """Which of these bills Vindi has sent an event about since then."""
    rows = await conn.fetch(HEARD_OF, tenant, bills, since)
    return {row["bill_id"] for row in rows}
