"""Sales that wait for their customer's data, by customer: held for it, or denied for it.

A sale held with a refusal's word would be refused, see `shared.domain.prechecks`.

The predicate is that of the index `sales_waiting_for_data`; its denials are those of
`denials.ON_CUSTOMER`. Sales in guarantee that will lack something are told by their attention, and
found by the index of that.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct

from shared.db.connection import Connection
from shared.domain.actions import LACKS
from shared.domain.ids import BillId, CustomerId, TenantId

# What a sale in guarantee will lack of its customer.
IN_TIME: Final = sorted(
    code for code in LACKS if code.startswith(("customer_", "denied_")) and code != "denied_service"
)


class CustomerHold(Struct, frozen=True, kw_only=True):
    """One sale that waits, and when that was decided."""

    bill_id: BillId
    customer_id: CustomerId
    decided_at: datetime


ANY_WAITING: Final = r"""
    -- customer_holds_store.any_waiting
    SELECT EXISTS (
           SELECT FROM sales
            WHERE tenant_id = $1
              AND (status = 'held' AND (code LIKE 'customer\_%' OR code LIKE 'denied\_%')
                   OR status = 'denied' AND code IN
                      ('denied_city', 'denied_document', 'denied_address', 'denied_contact')))
        OR EXISTS (
           SELECT FROM sales
            WHERE tenant_id = $1 AND status = 'in_guarantee' AND attention = ANY($2::text[]))
"""


async def any_waiting(conn: Connection, tenant: TenantId) -> bool:
    """Say whether any sale of a tenant waits for its customer's data."""
    waiting: bool = await conn.fetchval(ANY_WAITING, tenant, IN_TIME)
    return waiting


WAITING_FOR: Final = r"""
    -- customer_holds_store.waiting_for
    SELECT bill_id, customer_id, updated_at AS decided_at FROM sales
     WHERE tenant_id = $1 AND customer_id = ANY($2::bigint[])
       AND (status = 'held' AND (code LIKE 'customer\_%' OR code LIKE 'denied\_%')
            OR status = 'denied' AND code IN
               ('denied_city', 'denied_document', 'denied_address', 'denied_contact'))
     UNION ALL
    SELECT bill_id, customer_id, updated_at FROM sales
     WHERE tenant_id = $1 AND customer_id = ANY($2::bigint[]) AND status = 'in_guarantee'
       AND attention = ANY($3::text[])
"""


async def waiting_for(
    conn: Connection, tenant: TenantId, customers: Sequence[CustomerId]
) -> list[CustomerHold]:
    """The sales that wait for one of these customers."""
    return [
        CustomerHold(**row) for row in await conn.fetch(WAITING_FOR, tenant, customers, IN_TIME)
    ]


CUSTOMERS_AFTER: Final = r"""
    -- customer_holds_store.customers_after
    SELECT DISTINCT customer_id FROM sales
     WHERE tenant_id = $1 AND customer_id > $2
       AND (status = 'held' AND (code LIKE 'customer\_%' OR code LIKE 'denied\_%')
            OR status = 'denied' AND code IN
               ('denied_city', 'denied_document', 'denied_address', 'denied_contact'))
     UNION
    SELECT customer_id FROM sales
     WHERE tenant_id = $1 AND customer_id > $2 AND status = 'in_guarantee'
       AND attention = ANY($4::text[])
     ORDER BY customer_id LIMIT $3
"""


async def customers_after(
    conn: Connection, tenant: TenantId, *, after: CustomerId, limit: int
) -> list[CustomerId]:
    """Customers that sales wait for, by their ids, beyond one of them."""
    return [
        row["customer_id"]
        for row in await conn.fetch(CUSTOMERS_AFTER, tenant, after, limit, IN_TIME)
    ]
