"""A tenant's sales in figures, as the first page of the panel shows them."""

from collections.abc import Sequence
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
    """Sales that are alike; `code` is why, where the status does not say it all.

    `day` is the local day of their moment; None for what lies further back than was asked for.
    `oldest` and `newest` are two of them, by their bills.
    """

    status: SaleStatus
    code: str | None
    sales: int
    amount: Cents
    day: date | None = None
    oldest: BillId | None = None
    newest: BillId | None = None


class SentDay(Struct, frozen=True, kw_only=True):
    """Notas that were asked for on one local day."""

    day: date
    notas: int
    amount: Cents


class DueDay(Struct, frozen=True, kw_only=True):
    """Sales whose guarantee ends on one local day."""

    day: date
    sales: int
    amount: Cents


class Speed(Struct, frozen=True, kw_only=True):
    """How long the last notas took until they were authorised; None without any.

    `median` and `slowest` count from when each was due; `from_sale` and `slowest_from_sale` from
    the sale's moment, which is its payment unless the rule counts from the bill's creation.
    """

    notas: int
    median: timedelta | None
    slowest: timedelta | None
    from_sale: timedelta | None = None
    slowest_from_sale: timedelta | None = None
    slowest_bill: BillId | None = None  # the slowest from its moment


# Denied sales say why in their nota, all others by themselves. Days are told by where they begin:
# to work the zone out for each row costs more than to read it. A denied sale leads to its notas by
# key: a join may go through all for each, where the tables are not analysed yet.
OPEN_SALES: Final = """
    -- overview_read.open_sales
    SELECT status, coalesce(attention, code) AS code, count(*) AS sales,
           sum(amount)::bigint AS amount, width_bucket(moment_at, $3::timestamptz[]) AS day,
           min(bill_id) AS oldest, max(bill_id) AS newest
      FROM sales
     WHERE tenant_id = $1 AND status = ANY($2::text[]) AND status <> 'denied'
     GROUP BY 1, 2, 5
     UNION ALL
    SELECT s.status, coalesce(s.attention, s.code, n.denial), count(DISTINCT s.bill_id),
           sum(n.amount)::bigint, width_bucket(s.moment_at, $3::timestamptz[]),
           min(s.bill_id), max(s.bill_id)
      FROM sales s
     CROSS JOIN LATERAL (
           SELECT n.denial, n.amount FROM notas n
            WHERE n.tenant_id = $1 AND n.bill_id = s.bill_id AND n.status = 'denied' OFFSET 0) n
     WHERE s.tenant_id = $1 AND s.status = 'denied'
     GROUP BY 1, 2, 5
     UNION ALL
    SELECT status, attention, count(*), sum(amount)::bigint, 0, min(bill_id), max(bill_id)
      FROM sales
     WHERE tenant_id = $1 AND attention IS NOT NULL AND NOT status = ANY($2::text[])
     GROUP BY 1, 2
"""


async def open_sales(
    conn: Connection, tenant: TenantId, days: Sequence[tuple[date, datetime]]
) -> list[Heap]:
    """Everything that is not finished, and finished sales that somebody should look at.

    By local day from the first of `days` on, each with the instant at which it begins, in order.
    """
    rows = await conn.fetch(OPEN_SALES, tenant, OPEN, [begins for _, begins in days])
    return [
        Heap(
            status=SaleStatus(row["status"]),
            code=row["code"],
            sales=row["sales"],
            amount=Cents(row["amount"]),
            day=days[row["day"] - 1][0] if row["day"] else None,
            oldest=BillId(row["oldest"]),
            newest=BillId(row["newest"]),
        )
        for row in rows
    ]


SENT: Final = """
    -- overview_read.sent
    SELECT day, notas, amount FROM nota_days
     WHERE tenant_id = $1 AND day >= $2 AND notas > 0 ORDER BY day
"""


async def sent(conn: Connection, tenant: TenantId, since: date) -> list[SentDay]:
    """Notas asked for each day since one; days without any are absent."""
    return [
        SentDay(day=row["day"], notas=row["notas"], amount=Cents(row["amount"]))
        for row in await conn.fetch(SENT, tenant, since)
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


# The newest bills with a nota: what became of the last ones says how quick it is now.
SPEED: Final = """
    -- overview_read.speed
    SELECT count(*) AS notas,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM took)) AS median,
           max(extract(epoch FROM took))::float AS slowest,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM waited)) AS from_sale,
           max(extract(epoch FROM waited))::float AS slowest_from_sale,
           (array_agg(bill_id ORDER BY waited DESC NULLS LAST))[1] AS slowest_bill
      FROM (SELECT n.bill_id, n.issued_at - s.issue_at AS took,
                   n.issued_at - s.moment_at AS waited
              FROM (SELECT bill_id, issued_at FROM notas
                     WHERE tenant_id = $1 AND status IN ('issued', 'cancelling', 'cancel_refused')
                     ORDER BY bill_id DESC LIMIT $3) n
              JOIN sales s ON s.tenant_id = $1 AND s.bill_id = n.bill_id
             WHERE n.issued_at >= $2) lately
     WHERE took >= interval '0'
"""
LAST_NOTAS: Final = 300


async def speed(conn: Connection, tenant: TenantId, since: datetime) -> Speed:
    """How quickly the last notas came that were authorised since an instant."""
    row = await conn.fetchrow(SPEED, tenant, since, LAST_NOTAS)
    if row is None or not row["notas"]:
        return Speed(notas=0, median=None, slowest=None)
    return Speed(
        notas=row["notas"],
        median=timedelta(seconds=row["median"]),
        slowest=timedelta(seconds=row["slowest"]),
        from_sale=_seconds(row["from_sale"]),
        slowest_from_sale=_seconds(row["slowest_from_sale"]),
        slowest_bill=row["slowest_bill"],
    )


def _seconds(count: float | None) -> timedelta | None:
    return None if count is None else timedelta(seconds=count)
