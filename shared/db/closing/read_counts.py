"""What we read of Vindi's lists, counted as Vindi counts them; and what we never read."""

from collections.abc import Sequence
from typing import Final

from shared.db.closing.closing_read import Span
from shared.db.connection import Connection
from shared.domain.ids import BillId, TenantId

# Of the many bills with one paid charge its time is the bill's own moment, which has an index.
COUNT_PAID: Final = """
    -- read_counts.count_paid_charges
    SELECT (SELECT count(*) FROM bills
             WHERE tenant_id = $1 AND paid_moment >= $2 AND paid_moment < $3
               AND charges_paid_at = ARRAY[paid_moment])
         + (SELECT count(*) FROM bills b CROSS JOIN unnest(b.charges_paid_at) AS paid (at)
             WHERE b.tenant_id = $1 AND b.charges_paid_at <> '{}'
               AND b.charges_paid_at IS DISTINCT FROM ARRAY[b.paid_moment]
               AND paid.at >= $2 AND paid.at < $3)
"""


async def count_paid_charges(conn: Connection, span: Span) -> int:
    """How many charges that we read are paid, with a `paid_at` inside the month's list."""
    return int(await conn.fetchval(COUNT_PAID, span.tenant, span.paid_from, span.end))


COUNT_CREATED: Final = """
    -- read_counts.count_live_bills
    SELECT count(*) FROM bills
     WHERE tenant_id = $1 AND created_at >= $2 AND created_at < $3
       AND status IN ('pending', 'paid')
"""


async def count_live_bills(conn: Connection, span: Span) -> int:
    """How many bills that we read are live, with a `created_at` inside the month."""
    return int(await conn.fetchval(COUNT_CREATED, span.tenant, span.first, span.end))


UNKNOWN: Final = """
    -- read_counts.unknown_bills
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
