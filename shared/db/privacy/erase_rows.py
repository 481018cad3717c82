"""Taking a person out of rows: each a change by key, in the transaction of whoever asks."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import Struct

from shared.db.connection import Connection
from shared.db.rows import columns_of
from shared.domain.ids import BillId, CustomerId, TenantId


class BareSale(Struct, frozen=True, kw_only=True):
    """What a sale says from now on of its customer; `named` keeps name and document's word."""

    bill_id: BillId
    named: bool
    customer: bytes | None


SALES: Final = """
    -- erase_rows.write_sales
    UPDATE sales s
       SET customer = w.customer, unread = NULL,
           customer_name = CASE WHEN w.named THEN s.customer_name ELSE '' END,
           document_word = CASE WHEN w.named THEN s.document_word END
      FROM unnest($2::bigint[], $3::boolean[], $4::bytea[]) AS w (bill_id, named, customer)
     WHERE s.tenant_id = $1 AND s.bill_id = ANY($2::bigint[]) AND s.bill_id = w.bill_id
"""


async def write_sales(conn: Connection, tenant: TenantId, sales: Sequence[BareSale]) -> None:
    """Write sales; when they were decided does not change."""
    await conn.execute(SALES, tenant, *columns_of(sales, "bill_id", "named", "customer"))


LOCK_BILLS: Final = """
    -- erase_rows.lock_bills
    SELECT bill_id FROM bills WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[])
     ORDER BY bill_id FOR NO KEY UPDATE
"""


async def lock_bills(conn: Connection, tenant: TenantId, bills: Sequence[BillId]) -> None:
    """Hold bills until the transaction ends; after their sales, as whoever writes both does."""
    await conn.execute(LOCK_BILLS, tenant, bills)


BILLS: Final = """
    -- erase_rows.write_bills
    UPDATE bills b SET body = w.body
      FROM unnest($2::bigint[], $3::bytea[]) AS w (bill_id, body)
     WHERE b.tenant_id = $1 AND b.bill_id = ANY($2::bigint[]) AND b.bill_id = w.bill_id
"""


async def write_bills(
    conn: Connection, tenant: TenantId, bodies: Sequence[tuple[BillId, bytes]]
) -> None:
    """Write bills' bodies, sealed."""
    await conn.execute(BILLS, tenant, [bill for bill, _ in bodies], [body for _, body in bodies])


class BareNota(Struct, frozen=True, kw_only=True):
    """A nota with what is kept of its draft, sealed; what the issuer said of it goes."""

    bill_id: BillId
    part: int
    revision: int
    request: bytes


NOTAS: Final = """
    -- erase_rows.write_notas
    UPDATE notas n SET request = w.request, reason = NULL
      FROM unnest($2::bigint[], $3::smallint[], $4::int[], $5::bytea[])
           AS w (bill_id, part, revision, request)
     WHERE n.tenant_id = $1 AND n.bill_id = ANY($2::bigint[])
       AND n.bill_id = w.bill_id AND n.part = w.part AND n.revision = w.revision
"""


async def write_notas(conn: Connection, tenant: TenantId, notas: Sequence[BareNota]) -> None:
    """Write notas; their state, numbers and amounts do not change."""
    given = columns_of(notas, "bill_id", "part", "revision", "request")
    await conn.execute(NOTAS, tenant, *given)


EVENTS_OF: Final = """
    -- erase_rows.forget_events_of
    DELETE FROM events e
     WHERE e.tenant_id = $1 AND e.bill_id = ANY($2::bigint[])
       AND NOT EXISTS (SELECT FROM bills b
                        WHERE b.tenant_id = $1 AND b.bill_id = ANY($2::bigint[])
                          AND b.bill_id = e.bill_id AND b.customer_id <> ALL($3::bigint[]))
"""


async def forget_events_of(
    conn: Connection, tenant: TenantId, bills: Sequence[BillId], customers: Sequence[CustomerId]
) -> int:
    """Delete the raw events of these bills; what they said was read from Vindi since.

    Those of a bill that is another's by now stay: which of them are theirs is told by each.
    """
    return _count(await conn.execute(EVENTS_OF, tenant, bills, customers))


EVENTS: Final = """
    -- erase_rows.forget_events
    DELETE FROM events e USING unnest($2::timestamptz[], $3::uuid[]) AS w (received_at, event_id)
     WHERE e.tenant_id = $1 AND e.received_at = ANY($2::timestamptz[])
       AND e.received_at = w.received_at AND e.event_id = w.event_id
"""


async def forget_events(
    conn: Connection, tenant: TenantId, events: Sequence[tuple[datetime, UUID]]
) -> int:
    """Delete these raw events."""
    if not events:
        return 0
    return _count(
        await conn.execute(EVENTS, tenant, [at for at, _ in events], [one for _, one in events])
    )


MONTH_FILES: Final = """
    -- erase_rows.forget_month_files
    DELETE FROM month_files WHERE tenant_id = $1 AND state IN ('ready', 'failed')
"""
BEGIN_FILES_ANEW: Final = """
    -- erase_rows.forget_month_files under way
    UPDATE month_files
       SET state = 'queued', attempt = attempt + 1, lease_until = NULL, rows_done = 0,
           rows_total = NULL
     WHERE tenant_id = $1 AND state = 'working'
"""
FILE_PIECES: Final = """
    -- erase_rows.forget_month_files pieces
    DELETE FROM month_file_pieces WHERE tenant_id = $1
"""


async def forget_month_files(conn: Connection, tenant: TenantId) -> int:
    """Delete files of months that lie ready; one that is being made begins anew.

    They name everybody, and are made again if wanted.
    """
    ready = _count(await conn.execute(MONTH_FILES, tenant))
    anew = _count(await conn.execute(BEGIN_FILES_ANEW, tenant))
    await conn.execute(FILE_PIECES, tenant)
    return ready + anew


CUSTOMERS: Final = """
    -- erase_rows.in_backfills
    SELECT (SELECT count(*) FROM backfill_customers
             WHERE tenant_id = $1 AND customer_id = ANY($2::bigint[]))
         + (SELECT count(*) FROM backfill_bills
             WHERE tenant_id = $1 AND customer_id = ANY($2::bigint[]) AND body IS NOT NULL)
"""


async def in_backfills(conn: Connection, tenant: TenantId, customers: Sequence[CustomerId]) -> int:
    """How many rows of backfills under way are somebody's; they go when those end."""
    return int(await conn.fetchval(CUSTOMERS, tenant, customers))


MIRRORED: Final = """
    -- erase_rows.in_mirror
    SELECT count(*) FROM foreign_notas WHERE tenant_id = $1 AND document_word = ANY($2::bytea[])
"""


async def in_mirror(conn: Connection, tenant: TenantId, document_words: Sequence[bytes]) -> int:
    """How many notas that others issued at the company's issuer have a document of these words."""
    return int(await conn.fetchval(MIRRORED, tenant, document_words))


def _count(tag: str) -> int:
    return int(tag.rpartition(" ")[2])
