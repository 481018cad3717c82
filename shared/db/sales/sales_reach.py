"""Where in a tenant's sales a page of a list has to be looked for, so that no page walks them all.

A list is walked from the newest bill down. What it is narrowed to says where to begin and where to
end, by an index of its own: days of the moment, a cause, a status. Whatever no index knows (part of
a name, an amount, a product) is looked for in the next `WALK` sales; the list then says how far it
looked, and goes on from there.
"""

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from msgspec import Struct

from shared.db.connection import Connection
from shared.db.sales.sales_read import SaleFilter, bounds_of
from shared.domain.ids import BillId, TenantId

WALK: Final = 20_000  # sales a page looks through: about 20 ms
CAUSED: Final = 1_000  # sales of a cause that a page looks through, each found by its key


class Reach(Struct, frozen=True, kw_only=True):
    """Where to look: below the bill `before`, above `above`, among `bills`; None is no bound.

    `ended` is the bill below which there may be more that fit; None: nothing below does.
    """

    before: BillId | None = None
    above: BillId | None = None
    bills: tuple[BillId, ...] | None = None
    ended: BillId | None = None


# Added to nothing, so that the planner does not look for the ends among all bills of the tenant.
OF_DAYS: Final = """
    -- sales_reach.of_days
    SELECT min(bill_id + 0) AS first, max(bill_id + 0) AS last FROM sales
     WHERE tenant_id = $1 AND moment_at IS NOT NULL
       AND moment_at >= coalesce($2::timestamptz, '-infinity')
       AND moment_at < coalesce($3::timestamptz, 'infinity')
"""
SINCE_DAY: Final = """
    -- sales_reach.since_day
    SELECT min(bill_id + 0) AS first, count(*) AS sales
      FROM (SELECT bill_id FROM sales
             WHERE tenant_id = $1 AND moment_at IS NOT NULL AND moment_at >= $2
             ORDER BY moment_at LIMIT $3) AS near
"""
STEP: Final = """
    -- sales_reach.step
    SELECT bill_id FROM sales
     WHERE tenant_id = $1 AND bill_id < $2 AND bill_id > $3
     ORDER BY bill_id DESC OFFSET $4 LIMIT 1
"""
STEP_OF_STATUS: Final = """
    -- sales_reach.step_of_status
    SELECT bill_id FROM sales
     WHERE tenant_id = $1 AND bill_id < $2 AND bill_id > $3 AND status = $5
     ORDER BY bill_id DESC OFFSET $4 LIMIT 1
"""
OF_CAUSE: Final = """
    -- sales_reach.of_cause
    SELECT bill_id FROM (
        (SELECT bill_id FROM sales
          WHERE tenant_id = $1 AND code = $2 AND bill_id < $3 ORDER BY bill_id DESC LIMIT $4)
         UNION
        (SELECT bill_id FROM sales
          WHERE tenant_id = $1 AND attention = $2 AND bill_id < $3 ORDER BY bill_id DESC LIMIT $4)
         UNION
        (SELECT bill_id FROM notas
          WHERE tenant_id = $1 AND status = 'denied' AND denial = $2 AND bill_id < $3
          ORDER BY bill_id DESC LIMIT $4)
    ) AS found ORDER BY bill_id DESC LIMIT $4
"""
_LAST: Final = 2**63 - 1


async def where_to_look(
    conn: Connection,
    tenant: TenantId,
    zone: ZoneInfo,
    wanted: SaleFilter,
    before: BillId | None,
    *,
    walk: int = WALK,
    caused: int = CAUSED,
) -> Reach:
    """Where the next page of a list has to be looked for; only where no bills are named."""
    if wanted.code is not None:
        return await _of_cause(conn, tenant, wanted.code, before, caused)
    days = await _of_days(conn, tenant, *bounds_of(wanted, zone), walk=walk)
    if days is None:
        return Reach(before=before, bills=())
    above, last = days
    first = min(before or _LAST, last)
    status = [] if wanted.status is None else [wanted.status.value]
    step = STEP_OF_STATUS if status else STEP
    beyond: int | None = await conn.fetchval(step, tenant, first, above, walk, *status)
    if beyond is None:
        return Reach(before=BillId(first), above=BillId(above))
    return Reach(before=BillId(first), above=BillId(beyond), ended=BillId(beyond + 1))


async def _of_cause(
    conn: Connection, tenant: TenantId, code: str, before: BillId | None, most: int
) -> Reach:
    """The newest sales that may have a cause."""
    rows = await conn.fetch(OF_CAUSE, tenant, code, before or _LAST, most)
    bills = tuple(BillId(row["bill_id"]) for row in rows)
    return Reach(before=before, bills=bills, ended=bills[-1] if len(bills) == most else None)


async def _of_days(
    conn: Connection,
    tenant: TenantId,
    since: datetime | None,
    until: datetime | None,
    *,
    walk: int,
) -> tuple[int, int] | None:
    """Bills above and below which those of the days are; None without any."""
    if until is not None:
        row = await conn.fetchrow(OF_DAYS, tenant, since, until)
        return None if row is None or row["first"] is None else (row["first"] - 1, row["last"] + 1)
    if since is None:
        return 0, _LAST
    row = await conn.fetchrow(SINCE_DAY, tenant, since, walk + 1)
    if row is None or not row["sales"]:
        return None
    # Of more than one page looks through, the lowest is not worth knowing.
    return (row["first"] - 1 if row["sales"] <= walk else 0), _LAST
