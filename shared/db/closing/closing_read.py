"""The figures of a month, and its bills one by one, as our own tables have them.

A sale belongs to the month of the moment its rule counts. A bill that is live and was not decided
yet belongs to the month of the moment the rule in force would count.
"""

from collections.abc import AsyncIterator, Collection, Iterator
from datetime import datetime, timedelta
from typing import Final

import asyncpg
from msgspec import Struct

from shared.db.connection import Connection, Pool
from shared.db.tenants.nota_connections_store import BORN_UNDER
from shared.db.vindi import passes_store
from shared.domain.closing import Figures, Kinds, Sum, WhyNoNota
from shared.domain.ids import BillId, ExternalId, TenantId
from shared.domain.moment import VINDI_ZONE, local_day, start_of_day
from shared.domain.money import Cents


class Span(Struct, frozen=True, kw_only=True):
    """Which tenant and which month: from `first`, before `end`; `kinds` of the rule in force."""

    tenant: TenantId
    first: datetime
    end: datetime
    kinds: Kinds

    @property
    def paid_from(self) -> datetime:
        """Where Vindi's list of the month's payments begins: west of Brasília an hour before.

        Where only the day of a payment is known Vindi dates it by its own midnight.
        """
        midday = self.first + timedelta(hours=12)
        return min(self.first, start_of_day(local_day(midday, VINDI_ZONE), VINDI_ZONE))


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
_COUNTS: Final = """
           b.status IN ('pending', 'paid')
       AND (($4 AND b.paid_moment >= $2 AND b.paid_moment < $3)
            OR ($5 AND NOT ($4 AND b.paid_moment IS NOT NULL)
                AND b.created_moment >= $2 AND b.created_moment < $3))
"""
_UNDECIDED: Final = f"""
           b.tenant_id = $1 AND {_COUNTS}
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

_REAL: Final = "n.environment = 'Producao'"
# Whatever the planner believes of a table that is not analysed yet, bills are led to by their keys:
# a join of a month's sales and a tenant's notas may become one of each with each. So the sales are
# heaped up by their reason, and each heap's bills and notas are read through an array. A sale whose
# bill was never stored is rare: its own amount is asked for only where bills are fewer than sales.
# OFFSET 0, here and below, keeps a lookup by key from becoming a join.
# A nota without fiscal value stands for nothing: its sale is an exception.
HEAPS: Final = f"""
    -- closing_read.heaps
    WITH heaps AS MATERIALIZED (
        SELECT {_REASON}
               s.status AS sale_status, array_agg(s.bill_id) AS ids, count(*) AS bills
          FROM sales s WHERE {OF_MONTH}
         GROUP BY 1, 2, 3
    )
    SELECT h.code, h.status, h.sale_status, h.bills, b.vindi_bills, b.vindi_amount, b.read_at,
           b.counted,
           n.noted_bills, n.noted_amount, n.tested_bills, n.tested_amount,
           b.vindi_amount + CASE WHEN b.vindi_bills < h.bills THEN (
               SELECT coalesce(sum(s.amount), 0)::bigint FROM sales s
                WHERE s.tenant_id = $1 AND s.bill_id = ANY(h.ids)
                  AND NOT EXISTS (SELECT FROM bills b WHERE b.tenant_id = $1
                                     AND b.bill_id = s.bill_id OFFSET 0)) ELSE 0 END AS amount
      FROM heaps h
     CROSS JOIN LATERAL (
           SELECT count(*) AS vindi_bills, coalesce(sum(b.moment_amount), 0)::bigint
                  AS vindi_amount, min(b.read_at) AS read_at,
                  count(*) FILTER (WHERE {_COUNTS}) AS counted
             FROM bills b WHERE b.tenant_id = $1 AND b.bill_id = ANY(h.ids)) b
     CROSS JOIN LATERAL (
           SELECT count(DISTINCT n.bill_id) FILTER (WHERE {_REAL}) AS noted_bills,
                  coalesce(sum(n.amount) FILTER (WHERE {_REAL}), 0)::bigint AS noted_amount,
                  count(DISTINCT n.bill_id) FILTER (WHERE NOT {_REAL}) AS tested_bills,
                  coalesce(sum(n.amount) FILTER (WHERE NOT {_REAL}), 0)::bigint AS tested_amount
             FROM notas n
            WHERE n.tenant_id = $1 AND n.bill_id = ANY(h.ids)
              AND n.status IN ('issued', 'cancelling', 'cancel_refused')) n
"""  # noqa: S608 - only our own constants are put in

# A divided sale that is done and yet lacks a nota: cancelled beside one the city would not cancel,
# say. What it lacks is an exception of its own; few sales are divided, and fewer end so. Most
# tenants divide none.
LACKING: Final = f"""
    -- closing_read.lacking
    WITH lacking AS MATERIALIZED (
        SELECT p.bill_id, sum(p.amount)::bigint AS amount FROM sale_parts p
         WHERE p.tenant_id = $1 AND p.bill_id = ANY(CASE WHEN EXISTS (
               SELECT FROM sale_parts WHERE tenant_id = $1) THEN ARRAY(
               SELECT s.bill_id FROM sales s
                WHERE {OF_MONTH} AND s.status IN ('issued', 'cancelling', 'cancel_refused'))
               ELSE '{{}}' END)
           AND NOT EXISTS (
               SELECT FROM notas n
                WHERE n.tenant_id = $1 AND n.bill_id = p.bill_id
                  AND (n.part = p.part OR n.part = 0)
                  AND n.status IN ('issued', 'cancelling', 'cancel_refused') OFFSET 0)
         GROUP BY p.bill_id
    )
    SELECT coalesce(s.code, s.attention, 'part_without_nota') AS code, s.status,
           count(*) AS bills, sum(l.amount)::bigint AS amount
      FROM lacking l
     CROSS JOIN LATERAL (
           SELECT s.code, s.attention, s.status FROM sales s
            WHERE s.tenant_id = $1 AND s.bill_id = l.bill_id OFFSET 0) s
     GROUP BY 1, 2
"""  # noqa: S608 - only our own constant is put in

# What a person chose where a bill's lines and amount disagreed: the rest is explained by that word.
CHOSEN: Final = f"""
    -- closing_read.chosen
    SELECT 'amount_chosen' AS code, s.status, count(*) AS bills,
           sum(coalesce(b.moment_amount, s.amount) - n.amount)::bigint AS amount
      FROM sales s
     CROSS JOIN LATERAL (
           SELECT n.amount FROM notas n
            WHERE n.tenant_id = $1 AND n.bill_id = s.bill_id AND n.part = 0 AND {_REAL}
              AND n.status IN ('issued', 'cancelling', 'cancel_refused') OFFSET 0) n
      LEFT JOIN LATERAL (
           SELECT b.moment_amount FROM bills b
            WHERE b.tenant_id = $1 AND b.bill_id = s.bill_id OFFSET 0) b ON true
     WHERE {OF_MONTH}
       AND s.amount_choice IS NOT NULL
       AND s.status IN ('issued', 'cancelling', 'cancel_refused')
       AND coalesce(b.moment_amount, s.amount) <> n.amount
     GROUP BY 1, 2
"""  # noqa: S608 - only our own constants are put in

# Nearly every bill of the month has its sale in the month. Where as many bills count as were
# counted of the month's sales, they are the same, and none is left to be looked for.
COUNTING: Final = f"""
    -- closing_read.counting
    SELECT count(*) FROM bills b WHERE b.tenant_id = $1 AND {_COUNTS}
"""  # noqa: S608 - only our own constant is put in
# Those with a sale in the month are told off first: to look among all sales of all time would
# cost more with every year.
UNDECIDED: Final = f"""
    -- closing_read.undecided
    WITH strange AS MATERIALIZED (
        SELECT b.bill_id FROM bills b
         WHERE b.tenant_id = $1 AND {_COUNTS}
           AND b.bill_id NOT IN (
               SELECT s.bill_id FROM sales s
                WHERE s.tenant_id = $1 AND s.moment_at >= $2 AND s.moment_at < $3)
    )
    SELECT count(*) AS bills, coalesce(sum(moment_amount), 0)::bigint AS amount,
           min(read_at) AS read_at
      FROM bills b
     WHERE b.tenant_id = $1 AND b.bill_id = ANY(ARRAY(SELECT bill_id FROM strange))
       AND NOT EXISTS (
           SELECT FROM sales s WHERE s.tenant_id = $1 AND s.bill_id = b.bill_id OFFSET 0)
"""  # noqa: S608 - only our own constants are put in

# A hundred thousand sales are joined in memory: the usual 4 MB would send them over the disk. A
# month is a small part of a tenant's rows, which lie together: its indexes lead there cheaply. And
# where a join is one of many rows with many, a loop over both is never it, whatever a planner
# without statistics believes. Compiling a statement takes longer than all of them; planning it anew
# takes a hundredth, and a plan for whatever may be asked, which PostgreSQL falls back on after five
# times, does not know which of two kinds of sales count and cannot be led by an index.
ROOM: Final = """
    -- closing_read.room
    SELECT set_config('work_mem', '64MB', true), set_config('random_page_cost', '1.1', true),
           set_config('enable_nestloop', 'off', true), set_config('jit', 'off', true),
           set_config('enable_sort', 'off', true),
           set_config('plan_cache_mode', 'force_custom_plan', true)
"""
ISSUED_AS_TEST: Final = "issued_as_test"
NOT_DECIDED: Final = WhyNoNota(code="not_decided", status="queued")


async def make_room(conn: Connection) -> None:
    """Set the transaction up for statements over a whole month; to be called inside it."""
    await conn.execute(ROOM)


async def figures(conn: Connection, span: Span) -> Figures:
    """Add a month up: Vindi's side, the valid notas, and every exception by its reason.

    To be called inside a transaction that sees one state of things (repeatable read).
    """
    await make_room(conn)
    month = (span.tenant, span.first, span.end)
    kinds = (span.kinds.paid, span.kinds.created)
    heaps = await conn.fetch(HEAPS, *month, *kinds)
    lacking = [*await conn.fetch(LACKING, *month), *await conn.fetch(CHOSEN, *month)]
    shown_from = await passes_store.shown_from(conn, span.tenant)
    exceptions = dict(_exceptions(heaps))
    for row in lacking:
        reason = WhyNoNota(code=row["code"], status=row["status"])
        missing = Sum(bills=row["bills"], amount=Cents(row["amount"]))
        exceptions[reason] = exceptions.get(reason, Sum()).plus(missing)
    undecided, read_at = Sum(), [row["read_at"] for row in heaps]
    if await conn.fetchval(COUNTING, *month, *kinds) != sum(row["counted"] for row in heaps):
        undecided, oldest = await _undecided(conn, span)
        read_at.append(oldest)
    if undecided.bills:
        exceptions[NOT_DECIDED] = exceptions.get(NOT_DECIDED, Sum()).plus(undecided)
    reads = [at for at in read_at if at is not None]
    return Figures(
        vindi=_total(heaps, "vindi").plus(undecided),
        notas=_total(heaps, "noted"),
        exceptions=exceptions,
        read_at=_as_of(min(reads, default=None), shown_from),
    )


async def _undecided(conn: Connection, span: Span) -> tuple[Sum, datetime | None]:
    """What counts in the month and has no sale, and the oldest reading of it."""
    kinds = span.kinds
    row = await conn.fetchrow(
        UNDECIDED, span.tenant, span.first, span.end, kinds.paid, kinds.created
    )
    if row is None:
        raise AssertionError("an aggregate gives its row")
    return Sum(bills=row["bills"], amount=Cents(row["amount"])), row["read_at"]


def _exceptions(heaps: Collection[asyncpg.Record]) -> Iterator[tuple[WhyNoNota, Sum]]:
    """What has a reason, less what valid notas it has; and what was issued as a test only."""
    for row in heaps:
        if row["status"] is not None:
            rest = Cents(row["amount"] - row["noted_amount"])
            yield (
                WhyNoNota(code=row["code"], status=row["status"]),
                Sum(bills=row["bills"], amount=rest),
            )
        elif row["tested_bills"]:
            yield (
                WhyNoNota(code=ISSUED_AS_TEST, status=row["sale_status"]),
                Sum(bills=row["tested_bills"], amount=Cents(row["tested_amount"])),
            )


def _as_of(oldest: datetime | None, shown_from: datetime | None) -> datetime | None:
    """As of when Vindi's side is known: a complete pass would have shown a change of any bill."""
    if oldest is None or shown_from is None:
        return oldest
    return max(oldest, shown_from)


def _total(heaps: Collection[asyncpg.Record], what: str) -> Sum:
    return Sum(
        bills=sum(row[f"{what}_bills"] for row in heaps),
        amount=Cents(sum(row[f"{what}_amount"] for row in heaps)),
    )


# In one array: a row for each of a hundred thousand would keep everybody else waiting.
BILLS: Final = f"""
    -- closing_read.bills
    SELECT coalesce(array_agg(bill_id ORDER BY bill_id), '{{}}') FROM (
    SELECT s.bill_id FROM sales s WHERE {OF_MONTH} AND s.bill_id > $6
     UNION ALL
    SELECT b.bill_id FROM bills b WHERE {_UNDECIDED} AND b.bill_id > $6
     ORDER BY bill_id LIMIT $7) of_month
"""  # noqa: S608 - only our own constants are put in


async def bills(
    conn: Connection, span: Span, *, after: int = 0, limit: int | None = None
) -> list[BillId]:
    """The bills of a month by their number, beginning above `after`; all without a limit."""
    kinds = span.kinds
    found: list[BillId] = await conn.fetchval(
        BILLS, span.tenant, span.first, span.end, kinds.paid, kinds.created, after, limit
    )
    return found


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
# Few bills of a month are unexplained: the others never leave the database.
UNEXPLAINED: Final = f"""
    -- closing_read.unexplained
    SELECT l.* FROM ({LINES}) l
     WHERE l.amount - coalesce(l.nota_amount, 0) - coalesce(l.explained, 0) <> 0
"""  # noqa: S608 - only our own constant is put in


async def lines(pool: Pool, span: Span, *, page: int = 1000) -> AsyncIterator[list[Line]]:
    """Walk through the bills of a month by their number, holding no connection between pages."""
    async for part in _parts(pool, span, page):
        async with pool.acquire() as conn:
            rows = await conn.fetch(LINES, span.tenant, part, span.kinds.paid)
        yield [Line(**dict(row)) for row in rows]


async def unexplained(
    pool: Pool, span: Span, *, limit: int, page: int = 5000
) -> tuple[list[Line], int]:
    """The first bills that neither nota nor reason explains; and how many the month has.

    A connection is held for one page at a time.
    """
    async with pool.acquire() as conn:
        wanted = await bills(conn, span)
    found: list[Line] = []
    for start in range(0, len(wanted), page):
        async with pool.acquire() as conn:
            part = wanted[start : start + page]
            rows = await conn.fetch(UNEXPLAINED, span.tenant, part, span.kinds.paid)
        found += [Line(**dict(row)) for row in rows]
        if len(found) >= limit:
            break
    return found[:limit], len(wanted)


async def _parts(pool: Pool, span: Span, page: int) -> AsyncIterator[list[BillId]]:
    """The bills of a month in parts: their numbers alone are little, even of a large month."""
    async with pool.acquire() as conn:
        wanted = await bills(conn, span)
    for start in range(0, len(wanted), page):
        yield wanted[start : start + page]


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
