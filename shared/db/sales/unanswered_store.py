"""Sales in doubt for hours, since nobody gives an answer that can be understood."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from shared.db.connection import Connection
from shared.domain.ids import BillId, TenantId

# By the index of sales by status, a probe for each tenant.
FIND: Final = """
    -- unanswered_store.find_any_tenant
    SELECT s.tenant_id, s.bill_id FROM sales s
     WHERE s.tenant_id = ANY($1::text[]) AND s.status = 'uncertain' AND s.attention IS NULL
       AND EXISTS (
           SELECT FROM notas n
            WHERE n.tenant_id = s.tenant_id AND n.bill_id = s.bill_id
              AND n.status IN ('sending', 'uncertain') AND n.sent_at < $2)
     ORDER BY s.tenant_id, s.bill_id LIMIT $3
"""


async def find_any_tenant(
    conn: Connection, tenants: Sequence[TenantId], before: datetime, *, limit: int
) -> dict[TenantId, list[BillId]]:
    """Sales of these tenants whose nota was asked for before, in doubt since, and not told of."""
    found: dict[TenantId, list[BillId]] = {}
    for row in await conn.fetch(FIND, tenants, before, limit):
        found.setdefault(row["tenant_id"], []).append(row["bill_id"])
    return found


TELL: Final = """
    -- unanswered_store.tell
    UPDATE sales SET attention = $3
     WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[]) AND status = 'uncertain'
       AND attention IS NULL
 RETURNING bill_id
"""


async def tell(
    conn: Connection, tenant: TenantId, bills: Sequence[BillId], attention: str
) -> list[BillId]:
    """Have a person look at those that are in doubt still; returns which those were."""
    return [row["bill_id"] for row in await conn.fetch(TELL, tenant, bills, attention)]
