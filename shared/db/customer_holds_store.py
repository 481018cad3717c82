"""Sales held for what their customer's data lacks, by customer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from shared.db.connection import Connection
from shared.domain.ids import BillId, CustomerId, TenantId


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerHold:
    """One held sale, and when that was decided."""

    bill_id: BillId
    customer_id: CustomerId
    decided_at: datetime


ANY_HELD: Final = r"""
    -- customer_holds_store.any_held
    SELECT EXISTS (SELECT FROM sales
                    WHERE tenant_id = $1 AND status = 'held' AND code LIKE 'customer\_%')
"""


async def any_held(conn: Connection, tenant: TenantId) -> bool:
    """Say whether any sale of a tenant waits for its customer's data."""
    held: bool = await conn.fetchval(ANY_HELD, tenant)
    return held


HELD_FOR: Final = r"""
    -- customer_holds_store.held_for
    SELECT bill_id, customer_id, updated_at AS decided_at FROM sales
     WHERE tenant_id = $1 AND customer_id = ANY($2::bigint[])
       AND status = 'held' AND code LIKE 'customer\_%'
"""


async def held_for(
    conn: Connection, tenant: TenantId, customers: Sequence[CustomerId]
) -> list[CustomerHold]:
    """The sales held for one of these customers."""
    return [CustomerHold(**row) for row in await conn.fetch(HELD_FOR, tenant, customers)]


CUSTOMERS_AFTER: Final = r"""
    -- customer_holds_store.customers_after
    SELECT DISTINCT customer_id FROM sales
     WHERE tenant_id = $1 AND customer_id > $2 AND status = 'held' AND code LIKE 'customer\_%'
     ORDER BY customer_id LIMIT $3
"""


async def customers_after(
    conn: Connection, tenant: TenantId, *, after: CustomerId, limit: int
) -> list[CustomerId]:
    """Customers that sales are held for, by their ids, beyond one of them."""
    return [row["customer_id"] for row in await conn.fetch(CUSTOMERS_AFTER, tenant, after, limit)]
