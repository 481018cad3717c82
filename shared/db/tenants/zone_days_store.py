"""What another zone of a tenant moves: payments of which Vindi knows the day alone.

They are stored by the beginning of their day where the tenant is (decision 0053), so that under
another zone the same day begins at another instant. Bills before sales, by number, as whoever
decides locks them.
"""

from typing import Final

from shared.db.connection import Connection
from shared.domain.ids import TenantId
from shared.domain.moment import TO_THE_SECOND

# Whatever is paid to the second stays where it is, also where that second is midnight.
MOVE_BILLS: Final = """
    -- zone_days_store.move_bills
    WITH moved AS MATERIALIZED (
        SELECT b.bill_id FROM bills b
         WHERE b.tenant_id = $1 AND b.paid_moment IS NOT NULL
           AND (b.paid_moment AT TIME ZONE $2)::time = '00:00'::time
           AND NOT EXISTS (
               SELECT FROM sales s
                WHERE s.tenant_id = $1 AND s.bill_id = b.bill_id
                  AND coalesce(s.method, '') = ANY($4::text[]))
         ORDER BY b.bill_id FOR UPDATE OF b
    )
    UPDATE bills b
       SET paid_moment = (b.paid_moment AT TIME ZONE $2) AT TIME ZONE $3
     WHERE b.tenant_id = $1 AND b.bill_id = ANY(ARRAY(SELECT bill_id FROM moved))
"""

# Of a sale that counts by its creation the payment is none of its moment.
MOVE_SALES: Final = """
    -- zone_days_store.move_sales
    WITH moved AS MATERIALIZED (
        SELECT s.bill_id FROM sales s
         WHERE s.tenant_id = $1 AND coalesce(s.method, '') <> ALL($4::text[])
           AND (s.moment_at AT TIME ZONE $2)::time = '00:00'::time
           AND EXISTS (
               SELECT FROM bills b
                WHERE b.tenant_id = $1 AND b.bill_id = s.bill_id
                  AND b.paid_moment = (s.moment_at AT TIME ZONE $2) AT TIME ZONE $3)
         ORDER BY s.bill_id FOR UPDATE OF s
    )
    UPDATE sales s
       SET moment_at = (s.moment_at AT TIME ZONE $2) AT TIME ZONE $3
     WHERE s.tenant_id = $1 AND s.bill_id = ANY(ARRAY(SELECT bill_id FROM moved))
"""


async def move_days(conn: Connection, tenant: TenantId, *, before: str, after: str) -> None:
    """Let payments keep their day when a tenant's zone (IANA names) becomes another.

    Lives in the caller's transaction, whose `tenants` row is locked.
    """
    at_once = sorted(TO_THE_SECOND)
    for statement in (MOVE_BILLS, MOVE_SALES):
        await conn.execute(statement, tenant, before, after, at_once)
