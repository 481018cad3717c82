"""The figures of a month, and its bills one by one, as our own tables have them.

A sale belongs to the month of the moment its rule counts. A bill that is live and was not decided
yet belongs to the month of the moment the rule in force would count.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime
from typing import Final

import asyncpg
from msgspec import Struct

from shared.db.connection import Connection, Pool
from shared.db.tenants.nota_connections_store import BORN_UNDER
from shared.db.vindi import passes_store
from shared.domain.closing import Figures, Kinds, Sum, WhyNoNota
from shared.domain.ids import BillId, ExternalId, TenantId
from shared.domain.money import Cents


class Span(Struct, frozen=True, kw_only=True):
    """Which tenant and which month: from `first`, before `end`; `kinds` of the rule in force."""

    tenant: TenantId
    first: datetime
    end: datetime
    kinds: Kinds


class Line(Struct, frozen=True, kw_only=True):
    """One bill of a month; amounts in centavos. `nota_amount` is None without a valid nota."""

    bill_id: BillId
    moment_at: datetime
    customer_name: str
    amount: Cents
    status: str
    code: str | None
    number: str | None
    external_id: ExternalId | None
    nota_amount: Cents | None
    explained: Cents | None  # by an exception; None without one

    @property
    def difference(self) -> Cents:
        """What neither the nota nor the exception explains."""
        return Cents(self.amount - (self.nota_amount or 0) - (self.explained or 0))


# A sale whose bill was never stored is none of Vindi's: its money is then a difference. What waits
# for its payment has no moment, whatever an older rule once gave it.
OF_MONTH: Final = """
           s.tenant_id = $1 AND s.moment_at >= $2 AND s.moment_at < $3
       AND s.status <> 'waiting_payment'
"""
_UNDECIDED: Final = """
           b.tenant_id = $1 AND b.status IN ('pending', 'paid')
       AND (($4 AND b.paid_moment >= $2 AND b.paid_moment < $3)
            OR ($5 AND NOT ($4 AND b.paid_moment IS NOT NULL)
                AND b.created_moment >= $2 AND b.created_moment < $3))
       AND NOT EXISTS (
           SELECT FROM sales s WHERE s.tenant_id = $1 AND s.bill_id = b.bill_id)
"""

# A sale has a reason unless its nota stands. One that has a valid nota and yet is not done (one
# of several parts is denied, say) is in the notas, and its rest an exception.
_REASON: Final = """
           CASE WHEN s.status NOT IN ('issued', 'cancelling', 'cancel_refused')
                THEN coalesce(s.code, s.attention, s.status) END AS code,
           CASE WHEN s.status NOT IN ('issued', 'cancelling', 'cancel_refused')
                THEN s.status END AS status,
"""

SOLD: Final = f"""
    -- closing_read.sold
    SELECT {_REASON}
           count(*) AS bills, sum(coalesce(b.moment_amount, s.amount))::bigint AS amount,
           count(b.bill_id) AS vindi_bills, coalesce(sum(b.moment_amount), 0)::bigint
           AS vindi_amount, min(b.read_at) AS read_at
      FROM sales s LEFT JOIN bills b ON b.tenant_id = s.tenant_id AND b.bill_id = s.bill_id
     WHERE {OF_MONTH}
     GROUP BY 1, 2
"""  # noqa: S608 - only our own constant is put in

NOTED: Final = f"""
    -- closing_read.noted
    SELECT {_REASON}
           count(DISTINCT n.bill_id) AS bills, sum(n.amount)::bigint AS amount
      FROM sales s JOIN notas n ON n.tenant_id = s.tenant_id AND n.bill_id = s.bill_id
     WHERE {OF_MONTH}
       AND n.tenant_id = $1 AND n.status IN ('issued', 'cancelling', 'cancel_refused')
       AND n.environment = 'Producao'
     GROUP BY 1, 2
"""  # noqa: S608 - only our own constant is put in

# A nota without fiscal value stands for nothing: its sale is an exception.
TESTED: Final = f"""
    -- closing_read.tested
    SELECT s.status, count(DISTINCT n.bill_id) AS bills, sum(n.amount)::bigint AS amount
      FROM sales s JOIN notas n ON n.tenant_id = s.tenant_id AND n.bill_id = s.bill_id
     WHERE {OF_MONTH}
       AND n.tenant_id = $1 AND n.status IN ('issued', 'cancelling', 'cancel_refused')
       AND n.environment <> 'Producao' AND s.status IN ('issued', 'cancelling', 'cancel_refused')
     GROUP BY 1
"""  # noqa: S608 - only our own constant is put in

# A divided sale that is done and yet lacks a nota: cancelled beside one the city would not cancel,
# say. What it lacks is an exception of its own; few sales are divided, and fewer end so.
LACKING: Final = f"""
    -- closing_read.lacking
    SELECT coalesce(s.code, s.attention, 'part_without_nota') AS code, s.status,
           count(DISTINCT s.bill_id) AS bills, sum(p.amount)::bigint AS amount
      FROM sale_parts p JOIN sales s ON s.tenant_id = p.tenant_id AND s.bill_id = p.bill_id
     WHERE {OF_MONTH}
       AND p.tenant_id = $1 AND s.status IN ('issued', 'cancelling', 'cancel_refused')
       AND NOT EXISTS (
           SELECT FROM notas n
            WHERE n.tenant_id = $1 AND n.bill_id = p.bill_id
              AND (n.part = p.part OR n.part = 0)
              AND n.status IN ('issued', 'cancelling', 'cancel_refused'))
     GROUP BY 1, 2
"""  # noqa: S608 - only our own constant is put in

# What a person chose where a bill's lines and amount disagreed: the rest is explained by that word.
CHOSEN: Final = f"""
    -- closing_read.chosen
    SELECT 'amount_chosen' AS code, s.status, count(*) AS bills,
           sum(coalesce(b.moment_amount, s.amount) - n.amount)::bigint AS amount
      FROM sales s
      JOIN notas n ON n.tenant_id = s.tenant_id AND n.bill_id = s.bill_id
      LEFT JOIN bills b ON b.tenant_id = s.tenant_id AND b.bill_id = s.bill_id
     WHERE {OF_MONTH}
       AND s.amount_choice IS NOT NULL AND n.tenant_id = $1 AND n.part = 0
       AND s.status IN ('issued', 'cancelling', 'cancel_refused')
       AND n.status IN ('issued', 'cancelling', 'cancel_refused') AND n.environment = 'Producao'
       AND coalesce(b.moment_amount, s.amount) <> n.amount
     GROUP BY 1, 2
"""  # noqa: S608 - only our own constant is put in

# Nearly every bill of the month has its sale in the month, so those are told off first: to look
# among all sales of all time would cost more with every year.
UNDECIDED: Final = """
    -- closing_read.undecided
    WITH strange AS MATERIALIZED (
        SELECT b.bill_id, b.moment_amount, b.read_at FROM bills b
         WHERE b.tenant_id = $1 AND b.status IN ('pending', 'paid')
           AND (($4 AND b.paid_moment >= $2 AND b.paid_moment < $3)
                OR ($5 AND NOT ($4 AND b.paid_moment IS NOT NULL)
                    AND b.created_moment >= $2 AND b.created_moment < $3))
           AND b.bill_id NOT IN (
               SELECT s.bill_id FROM sales s
                WHERE s.tenant_id = $1 AND s.moment_at >= $2 AND s.moment_at < $3)
    )
    SELECT count(*) AS bills, coalesce(sum(moment_amount), 0)::bigint AS amount,
           min(read_at) AS read_at
      FROM strange b
     WHERE NOT EXISTS (SELECT FROM sales s WHERE s.tenant_id = $1 AND s.bill_id = b.bill_id)
"""

# A hundred thousand sales are joined in memory: the usual 4 MB would send them over the disk. And
# a month is a small part of a tenant's rows, which lie together: its indexes lead there cheaply.
ROOM: Final = """
    -- closing_read.room
    SELECT set_config('work_mem', '64MB', true), set_config('random_page_cost', '1.1', true)
"""
ISSUED_AS_TEST: Final = "issued_as_test"
NOT_DECIDED: Final = WhyNoNota(code="not_decided", status="queued")


async def figures(conn: Connection, span: Span) -> Figures:
    """Add a month up: Vindi's side, the valid notas, and every exception by its reason.

    To be called inside a transaction that sees one state of things (repeatable read).
    """
    await conn.execute(ROOM)
    month = (span.tenant, span.first, span.end)
    sold = await conn.fetch(SOLD, *month)
    noted = {(row["code"], row["status"]): row for row in await conn.fetch(NOTED, *month)}
    lacking = [*await conn.fetch(LACKING, *month), *await conn.fetch(CHOSEN, *month)]
    tested = await conn.fetch(TESTED, *month)
    shown_from = await passes_store.shown_from(conn, span.tenant)
    left = await conn.fetchrow(UNDECIDED, *month, span.kinds.paid, span.kinds.created)
    if left is None:
        raise AssertionError("an aggregate gives its row")
    exceptions = {
        WhyNoNota(code=row["code"], status=row["status"]): _rest(row, noted)
        for row in sold
        if row["status"] is not None
    }
    for row in lacking:
        reason = WhyNoNota(code=row["code"], status=row["status"])
        missing = Sum(bills=row["bills"], amount=Cents(row["amount"]))
        exceptions[reason] = exceptions.get(reason, Sum()).plus(missing)
    for row in tested:
        reason = WhyNoNota(code=ISSUED_AS_TEST, status=row["status"])
        exceptions[reason] = Sum(bills=row["bills"], amount=Cents(row["amount"]))
    undecided = Sum(bills=left["bills"], amount=Cents(left["amount"]))
    if undecided.bills:
        exceptions[NOT_DECIDED] = exceptions.get(NOT_DECIDED, Sum()).plus(undecided)
    reads = [row["read_at"] for row in (*sold, left) if row["read_at"] is not None]
    return Figures(
        vindi=_total(sold, "vindi_bills", "vindi_amount").plus(undecided),
        notas=_total(noted.values(), "bills", "amount"),
        exceptions=exceptions,
        read_at=_as_of(min(reads, default=None), shown_from),
    )


def _as_of(oldest: datetime | None, shown_from: datetime | None) -> datetime | None:
    """As of when Vindi's side is known: a complete pass would have shown a change of any bill."""
    if oldest is None or shown_from is None:
        return oldest
    return max(oldest, shown_from)


def _rest(row: asyncpg.Record, noted: Mapping[tuple[str, str], asyncpg.Record]) -> Sum:
    valid = noted.get((row["code"], row["status"]))
    return Sum(bills=row["bills"], amount=Cents(row["amount"] - (valid["amount"] if valid else 0)))


def _total(rows: Collection[asyncpg.Record], bills: str, amount: str) -> Sum:
    return Sum(
        bills=sum(row[bills] for row in rows),
        amount=Cents(sum(row[amount] for row in rows)),
    )


BILLS: Final = f"""
    -- closing_read.bills
    SELECT s.bill_id FROM sales s WHERE {OF_MONTH} AND s.bill_id > $6
     UNION ALL
    SELECT b.bill_id FROM bills b WHERE {_UNDECIDED} AND b.bill_id > $6
     ORDER BY bill_id LIMIT $7
"""  # noqa: S608 - only our own constants are put in


async def bills(
    conn: Connection, span: Span, *, after: int = 0, limit: int | None = None
) -> list[BillId]:
    """The bills of a month by their number, beginning above `after`; all without a limit."""
    kinds = span.kinds
    rows = await conn.fetch(
        BILLS, span.tenant, span.first, span.end, kinds.paid, kinds.created, after, limit
    )
    return [BillId(row["bill_id"]) for row in rows]


LINES: Final = """
    -- closing_read.lines
    SELECT asked.bill_id,
           coalesce(s.moment_at, CASE WHEN $3 THEN b.paid_moment END, b.created_moment)
               AS moment_at,
           coalesce(s.customer_name, '') AS customer_name,
           coalesce(b.moment_amount, s.amount) AS amount,
           coalesce(s.status, 'queued') AS status,
           CASE WHEN s.bill_id IS NULL THEN 'not_decided'
                WHEN t.amount IS NOT NULL AND s.status IN ('issued', 'cancelling', 'cancel_refused')
                THEN 'issued_as_test'
                ELSE coalesce(s.code, s.attention) END AS code,
           n.number, n.external_id, n.nota_amount,
           CASE WHEN s.status IS NULL
                  OR s.status NOT IN ('issued', 'cancelling', 'cancel_refused')
                THEN coalesce(b.moment_amount, s.amount) - coalesce(n.nota_amount, 0)
                WHEN s.amount_choice IS NOT NULL AND l.amount IS NULL AND t.amount IS NULL
                THEN coalesce(b.moment_amount, s.amount) - n.nota_amount
                ELSE coalesce(l.amount + t.amount, l.amount, t.amount)
           END AS explained
      FROM unnest($2::bigint[]) AS asked (bill_id)
      LEFT JOIN sales s ON s.tenant_id = $1 AND s.bill_id = asked.bill_id
      LEFT JOIN bills b ON b.tenant_id = $1 AND b.bill_id = asked.bill_id
      LEFT JOIN (
           SELECT bill_id, sum(amount)::bigint AS nota_amount,
                  string_agg(number, ' ' ORDER BY part) AS number,
                  string_agg(external_id, ' ' ORDER BY part) AS external_id
             FROM notas
            WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[])
              AND status IN ('issued', 'cancelling', 'cancel_refused')
              AND environment = 'Producao'
            GROUP BY bill_id) n ON n.bill_id = asked.bill_id
      LEFT JOIN (
           SELECT bill_id, sum(amount)::bigint AS amount FROM notas
            WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[])
              AND status IN ('issued', 'cancelling', 'cancel_refused')
              AND environment <> 'Producao'
            GROUP BY bill_id) t ON t.bill_id = asked.bill_id
      LEFT JOIN (
           SELECT p.bill_id, sum(p.amount)::bigint AS amount FROM sale_parts p
            WHERE p.tenant_id = $1 AND p.bill_id = ANY($2::bigint[])
              AND NOT EXISTS (
                  SELECT FROM notas m
                   WHERE m.tenant_id = $1 AND m.bill_id = p.bill_id
                     AND (m.part = p.part OR m.part = 0)
                     AND m.status IN ('issued', 'cancelling', 'cancel_refused'))
            GROUP BY p.bill_id) l ON l.bill_id = asked.bill_id
     ORDER BY asked.bill_id
"""


async def lines(pool: Pool, span: Span, *, page: int = 1000) -> AsyncIterator[list[Line]]:
    """Walk through the bills of a month by their number, holding no connection between pages."""
    async for part in _parts(pool, span, page):
        async with pool.acquire() as conn:
            rows = await conn.fetch(LINES, span.tenant, part, span.kinds.paid)
        yield [Line(**dict(row)) for row in rows]


async def _parts(pool: Pool, span: Span, page: int) -> AsyncIterator[list[BillId]]:
    """The bills of a month in parts: their numbers alone are little, even of a large month."""
    async with pool.acquire() as conn:
        wanted = await bills(conn, span)
    for start in range(0, len(wanted), page):
        yield wanted[start : start + page]


# Of the many bills with one paid charge its time is the bill's own moment, which has an index.
COUNT_PAID: Final = """
    -- closing_read.count_paid_charges
    SELECT (SELECT count(*) FROM bills
             WHERE tenant_id = $1 AND paid_moment >= $2 AND paid_moment < $3
               AND charges_paid_at = ARRAY[paid_moment])
         + (SELECT count(*) FROM bills b CROSS JOIN unnest(b.charges_paid_at) AS paid (at)
             WHERE b.tenant_id = $1 AND b.charges_paid_at <> '{}'
               AND b.charges_paid_at IS DISTINCT FROM ARRAY[b.paid_moment]
               AND paid.at >= $2 AND paid.at < $3)
"""


async def count_paid_charges(conn: Connection, span: Span) -> int:
    """How many charges that we read are paid, with a `paid_at` inside the month."""
    return int(await conn.fetchval(COUNT_PAID, span.tenant, span.first, span.end))


COUNT_CREATED: Final = """
    -- closing_read.count_live_bills
    SELECT count(*) FROM bills
     WHERE tenant_id = $1 AND created_at >= $2 AND created_at < $3
       AND status IN ('pending', 'paid')
"""


async def count_live_bills(conn: Connection, span: Span) -> int:
    """How many bills that we read are live, with a `created_at` inside the month."""
    return int(await conn.fetchval(COUNT_CREATED, span.tenant, span.first, span.end))


class ValidNota(Struct, frozen=True, kw_only=True):
    """A valid nota of a month, as its documents are asked for."""

    bill_id: BillId
    part: int
    external_id: ExternalId
    number: str | None
    status: str
    amount: Cents
    connection_id: int | None  # of the issuer's connection it was born under


# Of the real environment alone: a test is valid nowhere.
VALID_NOTAS: Final = f"""
    -- closing_read.valid_notas
    SELECT bill_id, part, external_id, number, status, amount, {BORN_UNDER} AS connection_id
      FROM notas n
     WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[])
       AND status IN ('issued', 'cancelling', 'cancel_refused') AND environment = 'Producao'
     ORDER BY bill_id, part
"""  # noqa: S608 - only our own constant is put in


async def valid_notas(pool: Pool, span: Span, *, page: int = 500) -> AsyncIterator[list[ValidNota]]:
    """Walk through the valid notas of a month, holding no connection between pages."""
    async for part in _parts(pool, span, page):
        async with pool.acquire() as conn:
            rows = await conn.fetch(VALID_NOTAS, span.tenant, part)
        yield [ValidNota(**dict(row)) for row in rows]


UNKNOWN: Final = """
    -- closing_read.unknown_bills
    SELECT asked.bill_id FROM unnest($2::bigint[]) AS asked (bill_id)
     WHERE NOT EXISTS (
           SELECT FROM bills WHERE tenant_id = $1 AND bill_id = asked.bill_id)
"""


async def unknown_bills(
    conn: Connection, tenant: TenantId, asked: Sequence[BillId]
) -> list[BillId]:
    """Those of these bills that were never read."""
    rows = await conn.fetch(UNKNOWN, tenant, asked)
    return [BillId(row["bill_id"]) for row in rows]
