"""A tenant's sales in figures, as the first page of the panel shows them."""

from datetime import date, datetime, timedelta
from typing import Final

from msgspec import Struct

from shared.db.connection import Connection
from shared.domain.ids import BillId, TenantId
from shared.domain.money import Cents
from shared.domain.sale import SaleStatus

# What is not finished, and so is little even where a million sales are.
OPEN: Final = tuple(
    status.value
    for status in SaleStatus
    if status not in (SaleStatus.ISSUED, SaleStatus.SKIPPED, SaleStatus.CANCELLED)
)


class Heap(Struct, frozen=True, kw_only=True):
    """Sales that are alike; `code` is why, where the status does not say it all."""

    status: SaleStatus
    code: str | None
    sales: int
    amount: Cents


class DayHeap(Struct, frozen=True, kw_only=True):
    """Sales of one local day, by what became of them."""

    day: date
    status: SaleStatus
    sales: int
    amount: Cents


class DueDay(Struct, frozen=True, kw_only=True):
    """Sales whose guarantee ends on one local day."""

    day: date
    sales: int
    amount: Cents


class Speed(Struct, frozen=True, kw_only=True):
    """How long notas took from being due to being authorised; None without any."""

    notas: int
    median: timedelta | None
    slowest: timedelta | None


OPEN_SALES: Final = """
    -- overview_read.open_sales
    SELECT s.status, coalesce(s.attention, s.code, n.denial) AS code, count(*) AS sales,
           sum(s.amount)::bigint AS amount
      FROM sales s
      LEFT JOIN LATERAL (
           SELECT denial FROM notas n
            WHERE n.tenant_id = $1 AND n.bill_id = s.bill_id AND n.status = 'denied'
              AND s.status = 'denied'
            ORDER BY n.revision DESC LIMIT 1) n ON true
     WHERE s.tenant_id = $1 AND s.status = ANY($2::text[])
     GROUP BY 1, 2
"""
WITH_ATTENTION: Final = """
    -- overview_read.open_sales with_attention
    SELECT status, attention AS code, count(*) AS sales, sum(amount)::bigint AS amount
      FROM sales
     WHERE tenant_id = $1 AND attention IS NOT NULL AND NOT status = ANY($2::text[])
     GROUP BY 1, 2
"""


async def open_sales(conn: Connection, tenant: TenantId) -> list[Heap]:
    """Everything that is not finished, and finished sales that somebody should look at."""
    rows = await conn.fetch(OPEN_SALES, tenant, OPEN)
    rows += await conn.fetch(WITH_ATTENTION, tenant, OPEN)
    return [
        Heap(
            status=SaleStatus(row["status"]),
            code=row["code"],
            sales=row["sales"],
            amount=Cents(row["amount"]),
        )
        for row in rows
    ]


# A sale's day is that of its payment, or of its bill while it is not paid. Two ranges of two
# indexes, since no index knows both.
BY_DAY: Final = """
    -- overview_read.by_day
    WITH lately AS (
        SELECT bill_id, paid_moment AS moment FROM bills
         WHERE tenant_id = $1 AND paid_moment >= $2
         UNION ALL
        SELECT bill_id, created_moment FROM bills
         WHERE tenant_id = $1 AND created_moment >= $2 AND paid_moment IS NULL)
    SELECT (l.moment AT TIME ZONE $3)::date AS day, s.status, count(*) AS sales,
           sum(s.amount)::bigint AS amount
      FROM lately l JOIN sales s ON s.tenant_id = $1 AND s.bill_id = l.bill_id
     GROUP BY 1, 2
"""


async def by_day(
    conn: Connection, tenant: TenantId, since: datetime, timezone: str
) -> list[DayHeap]:
    """Sales from an instant on, by local day and status."""
    return [
        DayHeap(
            day=row["day"],
            status=SaleStatus(row["status"]),
            sales=row["sales"],
            amount=Cents(row["amount"]),
        )
        for row in await conn.fetch(BY_DAY, tenant, since, timezone)
    ]


GUARANTEES: Final = """
    -- overview_read.guarantees
    SELECT (issue_at AT TIME ZONE $2)::date AS day, count(*) AS sales,
           sum(amount)::bigint AS amount
      FROM sales
     WHERE tenant_id = $1 AND status = 'in_guarantee' AND issue_at IS NOT NULL
     GROUP BY 1 ORDER BY 1 LIMIT $3
"""


async def guarantees(
    conn: Connection, tenant: TenantId, timezone: str, *, limit: int
) -> list[DueDay]:
    """When guarantees end, the next days first."""
    return [
        DueDay(day=row["day"], sales=row["sales"], amount=Cents(row["amount"]))
        for row in await conn.fetch(GUARANTEES, tenant, timezone, limit)
    ]


SPEED: Final = """
    -- overview_read.speed
    SELECT count(*) AS notas,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM took)) AS median,
           max(extract(epoch FROM took))::float AS slowest
      FROM (SELECT n.issued_at - s.issue_at AS took
              FROM bills b
              JOIN sales s ON s.tenant_id = $1 AND s.bill_id = b.bill_id
              JOIN notas n ON n.tenant_id = $1 AND n.bill_id = b.bill_id
             WHERE b.tenant_id = $1 AND b.paid_moment >= $2 AND n.status = 'issued'
               AND n.issued_at IS NOT NULL AND s.issue_at >= $2) lately
     WHERE took >= interval '0'
"""


async def speed(conn: Connection, tenant: TenantId, since: datetime) -> Speed:
    """How quickly sales that were paid and became due since an instant got their notas."""
    row = await conn.fetchrow(SPEED, tenant, since)
    if row is None or not row["notas"]:
        return Speed(notas=0, median=None, slowest=None)
    return Speed(
        notas=row["notas"],
        median=timedelta(seconds=row["median"]),
        slowest=timedelta(seconds=row["slowest"]),
    )


EXAMPLES: Final = """
    -- overview_read.examples
    SELECT code, (array_agg(bill_id ORDER BY bill_id DESC))[1:$3] AS bills
      FROM sales WHERE tenant_id = $1 AND status = $2 AND code IS NOT NULL GROUP BY 1
"""


async def examples(
    conn: Connection, tenant: TenantId, status: SaleStatus, *, most: int
) -> dict[str, tuple[BillId, ...]]:
    """Some sales of a status for each of its codes, the newest bills first."""
    rows = await conn.fetch(EXAMPLES, tenant, status.value, most)
    return {row["code"]: tuple(BillId(bill) for bill in row["bills"]) for row in rows}
