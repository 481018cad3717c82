"""Where one customer of one tenant stands in our rows: read a page at a time, by key."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Final
from uuid import UUID

import asyncpg
from msgspec import Struct

from shared.db.connection import Connection
from shared.domain.ids import BillId, CustomerId, TenantId
from shared.domain.spoken import CUSTOMER, passed_pattern


class PersonPage(Struct, frozen=True, kw_only=True):
    """What a page of rows has of somebody; `last` is where the next begins, None at the end."""

    bills: tuple[BillId, ...]
    customers: tuple[CustomerId, ...]
    last: int | None


class NamedSale(Struct, frozen=True, kw_only=True):
    """A sale with the number that it names and the customer that was read for it, sealed."""

    bill_id: BillId
    customer_id: CustomerId
    customer: bytes | None  # purpose "customer"


OF_DOCUMENT: Final = """
    -- person_read.named_by
    SELECT DISTINCT ON (customer_id) customer_id, bill_id, customer FROM sales
     WHERE tenant_id = $1 AND document_word = ANY($2::bytea[]) AND customer_id IS NOT NULL
     ORDER BY customer_id, bill_id DESC LIMIT $3
"""
AMONG: Final = """
    -- person_read.named_among
    SELECT customer_id, bill_id, customer FROM sales
     WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[]) AND customer_id = ANY($3::bigint[])
"""


async def named_by(
    conn: Connection, tenant: TenantId, document_words: Sequence[bytes], *, limit: int
) -> list[NamedSale]:
    """Of whoever has a document, by each word of it: the newest sale of each of their numbers."""
    rows = await conn.fetch(OF_DOCUMENT, tenant, document_words, limit)
    return [NamedSale(**dict(row)) for row in rows]


async def named_among(
    conn: Connection, tenant: TenantId, bills: Sequence[BillId], customers: Sequence[CustomerId]
) -> list[NamedSale]:
    """Those of these sales that name one of these numbers."""
    rows = await conn.fetch(AMONG, tenant, bills, customers)
    return [NamedSale(**dict(row)) for row in rows]


# Customers have no index: each nota would have to write to it, for what is asked for some times a
# year. A page is walked by key, and short.
SALES: Final = """
    -- person_read.in_sales
    SELECT max(bill_id) AS last, count(*) AS seen,
           coalesce(array_agg(bill_id) FILTER (WHERE theirs), '{}') AS bills,
           coalesce(array_agg(DISTINCT customer_id)
                    FILTER (WHERE theirs AND customer_id IS NOT NULL), '{}') AS customers
      FROM (SELECT bill_id, customer_id,
                   coalesce(customer_id = ANY($3::bigint[]), false)
                   OR coalesce(document_word = ANY($4::bytea[]), false) AS theirs
              FROM sales WHERE tenant_id = $1 AND bill_id > $2 ORDER BY bill_id LIMIT $5) page
"""
BILLS: Final = """
    -- person_read.in_bills
    SELECT max(bill_id) AS last, count(*) AS seen,
           coalesce(array_agg(bill_id) FILTER (WHERE theirs), '{}') AS bills,
           '{}'::bigint[] AS customers
      FROM (SELECT bill_id, customer_id = ANY($3::bigint[]) AS theirs
              FROM bills WHERE tenant_id = $1 AND bill_id > $2 ORDER BY bill_id LIMIT $4) page
"""


# Where somebody was the customer once is told by the history of the sale alone (`spoken.passed`).
ONCE: Final = """
    -- person_read.in_histories
    SELECT max(bill_id) AS last, count(*) AS seen,
           coalesce(array_agg(bill_id) FILTER (WHERE theirs), '{}') AS bills,
           '{}'::bigint[] AS customers
      FROM (SELECT s.bill_id,
                   EXISTS (SELECT FROM timeline t
                            WHERE t.tenant_id = $1 AND t.bill_id = s.bill_id
                              AND t.what = 'changed' AND t.why ~ $3) AS theirs
              FROM sales s WHERE s.tenant_id = $1 AND s.bill_id > $2
             ORDER BY s.bill_id LIMIT $4) page
"""


async def in_histories(
    conn: Connection,
    tenant: TenantId,
    *,
    after: int,
    customers: Sequence[CustomerId],
    limit: int,
) -> PersonPage:
    """The sales of a page that passed from or to somebody, of the same rows as `in_sales`."""
    pattern = passed_pattern(customers)
    return _page(await conn.fetchrow(ONCE, tenant, after, pattern, limit), limit)


async def in_sales(
    conn: Connection,
    tenant: TenantId,
    *,
    after: int,
    customers: Sequence[CustomerId],
    document_words: Sequence[bytes],
    limit: int,
) -> PersonPage:
    """The sales of a page that are somebody's, by number or by document."""
    return _page(await conn.fetchrow(SALES, tenant, after, customers, document_words, limit), limit)


async def in_bills(
    conn: Connection,
    tenant: TenantId,
    *,
    after: int,
    customers: Sequence[CustomerId],
    limit: int,
) -> PersonPage:
    """The bills of a page that are somebody's; some have no sale yet."""
    return _page(await conn.fetchrow(BILLS, tenant, after, customers, limit), limit)


# As `bills_store.lately`: what changes is new, paid lately or open, and each has its index.
LATELY: Final = """
    -- person_read.bills_lately
    SELECT bill_id FROM bills
     WHERE tenant_id = $1 AND customer_id = ANY($2::bigint[]) AND read_at >= $3
       AND (created_at >= $3::timestamptz - interval '1 day'
            OR paid_moment >= $3::timestamptz - interval '4 days'
            OR status IN ('review', 'scheduled', 'pending'))
"""


async def bills_lately(
    conn: Connection, tenant: TenantId, customers: Sequence[CustomerId], since: datetime
) -> list[BillId]:
    """Somebody's bills that came in since then."""
    rows = await conn.fetch(LATELY, tenant, customers, since)
    return [BillId(row["bill_id"]) for row in rows]


def _page(row: asyncpg.Record | None, limit: int) -> PersonPage:
    if row is None:
        raise AssertionError("an aggregate gives its row")
    return PersonPage(
        bills=tuple(row["bills"]),
        customers=tuple(row["customers"]),
        last=row["last"] if row["seen"] == limit else None,
    )


class PersonSale(Struct, frozen=True, kw_only=True):
    """A sale and its bill, with what is sealed in them; a bill without a sale has a None status.

    `under_way`: a worker has it, or it is to be worked on.
    """

    bill_id: BillId
    status: str | None
    customer_id: int | None  # of the sale: whom its nota is made out to
    bill_customer_id: int | None  # of the bill, which may have passed to another since
    customer_name: str
    customer: bytes | None  # purpose "customer"
    unread: bytes | None  # purpose "unread"
    detail: str
    amount: int
    moment_at: datetime | None
    code: str | None
    products: str | None
    bill_status: str | None
    bill_body: bytes | None  # purpose "bill"
    bill_created_at: datetime | None
    under_way: bool
    passed: bool  # its history tells of another customer than it has now


SALES_OF: Final = """
    -- person_read.sales_of
    SELECT w.bill_id, s.status, s.customer_id, b.customer_id AS bill_customer_id,
           coalesce(s.customer_name, '') AS customer_name, s.customer, s.unread,
           coalesce(s.detail, '') AS detail, coalesce(s.amount, b.amount, 0) AS amount,
           s.moment_at, s.code, s.products, b.status AS bill_status, b.body AS bill_body,
           b.created_at AS bill_created_at,
           coalesce(o.state <> 'settled', false) AS under_way,
           EXISTS (SELECT FROM timeline t
                    WHERE t.tenant_id = $1 AND t.bill_id = ANY($2::bigint[])
                      AND t.bill_id = w.bill_id AND t.what = 'changed'
                      AND strpos(t.why, $3) > 0) AS passed
      FROM unnest($2::bigint[]) AS w (bill_id)
      LEFT JOIN sales s ON s.tenant_id = $1 AND s.bill_id = ANY($2::bigint[])
                       AND s.bill_id = w.bill_id
      LEFT JOIN bills b ON b.tenant_id = $1 AND b.bill_id = ANY($2::bigint[])
                       AND b.bill_id = w.bill_id
      LEFT JOIN outbox o ON o.tenant_id = $1 AND o.bill_id = ANY($2::bigint[])
                        AND o.bill_id = w.bill_id
     ORDER BY w.bill_id
"""


async def sales_of(conn: Connection, tenant: TenantId, bills: Sequence[BillId]) -> list[PersonSale]:
    """These sales and bills, in the order of their numbers."""
    rows = await conn.fetch(SALES_OF, tenant, bills, f"{CUSTOMER}: ")
    return [PersonSale(**dict(row)) for row in rows]


class PersonNota(Struct, frozen=True, kw_only=True):
    """A nota with what was sent of it and what the issuer said, both sealed."""

    bill_id: BillId
    part: int
    revision: int
    external_id: str
    status: str
    environment: str
    number: str | None
    verification_code: str | None
    amount: int
    competencia: date
    issued_at: datetime | None
    request: bytes  # purpose "nota"
    reason: bytes | None  # purpose "reason"


NOTAS_OF: Final = """
    -- person_read.notas_of
    SELECT bill_id, part, revision, external_id, status, environment, number, verification_code,
           amount, competencia, issued_at, request, reason
      FROM notas WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[])
     ORDER BY bill_id, part, revision
"""


async def notas_of(conn: Connection, tenant: TenantId, bills: Sequence[BillId]) -> list[PersonNota]:
    """Every nota of these sales, also those that are no more."""
    return [PersonNota(**dict(row)) for row in await conn.fetch(NOTAS_OF, tenant, bills)]


class OthersNota(Struct, frozen=True, kw_only=True):
    """A nota that somebody else issued at the company's issuer."""

    issuer_id: str
    number: str | None
    environment: str
    amount: int
    competencia: date
    valid: bool
    document: bytes | None  # sealed (`columns.FOREIGN_DOCUMENT`)


OF_OTHERS: Final = """
    -- person_read.notas_of_others
    SELECT issuer_id, number, environment, amount, competencia, valid, document
      FROM foreign_notas WHERE tenant_id = $1 AND document_word = ANY($2::bytea[])
     ORDER BY competencia DESC, issuer_id LIMIT $3
"""


async def notas_of_others(
    conn: Connection, tenant: TenantId, document_words: Sequence[bytes], *, limit: int
) -> list[OthersNota]:
    """Those whose buyer has a document of these words, the newest first."""
    rows = await conn.fetch(OF_OTHERS, tenant, document_words, limit)
    return [OthersNota(**dict(row)) for row in rows]


class PersonEvent(Struct, frozen=True, kw_only=True):
    """A raw event; `body` is sealed, purpose "event".

    `bill_customer_id` is of the bill as last read, which may have passed to another since.
    """

    received_at: datetime
    event_id: UUID
    type: str | None
    bill_id: BillId | None
    bill_customer_id: int | None
    body: bytes


# Of a bill that is theirs the body is not asked for. Of every other it is: what was heard before
# the bill passed to another names who was its customer then.
EVENTS_AFTER: Final = """
    -- person_read.events_after
    SELECT e.received_at, e.event_id, e.type, e.bill_id, b.customer_id AS bill_customer_id,
           CASE WHEN b.customer_id = ANY($5::bigint[]) THEN ''::bytea ELSE e.body END AS body
      FROM events e LEFT JOIN bills b ON b.tenant_id = $1 AND b.bill_id = e.bill_id
     WHERE e.tenant_id = $1 AND e.received_at >= $2 AND (e.received_at, e.event_id) > ($2, $3)
     ORDER BY e.received_at, e.event_id LIMIT $4
"""
EVENTS_OF: Final = """
    -- person_read.events_of
    SELECT e.received_at, e.event_id, e.type, e.bill_id, b.customer_id AS bill_customer_id, e.body
      FROM events e LEFT JOIN bills b ON b.tenant_id = $1 AND b.bill_id = ANY($2::bigint[])
                                     AND b.bill_id = e.bill_id
     WHERE e.tenant_id = $1 AND e.bill_id = ANY($2::bigint[])
     ORDER BY e.received_at, e.event_id LIMIT $3
"""
NO_EVENT: Final = UUID(int=0)
BEFORE_ALL: Final = datetime(2000, 1, 1, tzinfo=UTC)


async def events_after(
    conn: Connection,
    tenant: TenantId,
    at: datetime,
    event: UUID,
    *,
    customers: Sequence[CustomerId],
    limit: int,
) -> list[PersonEvent]:
    """A page of a tenant's events behind a place; of bills of these customers without the body."""
    rows = await conn.fetch(EVENTS_AFTER, tenant, at, event, limit, customers)
    return [PersonEvent(**dict(row)) for row in rows]


async def events_of(
    conn: Connection, tenant: TenantId, bills: Sequence[BillId], *, limit: int
) -> list[PersonEvent]:
    """The events of these bills, the oldest first."""
    return [PersonEvent(**dict(row)) for row in await conn.fetch(EVENTS_OF, tenant, bills, limit)]
