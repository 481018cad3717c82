"""Sales that no nota was asked for yet and that another rule may change."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from shared.db.connection import Connection
from shared.domain.ids import BillId, TenantId
from shared.domain.sale import SaleStatus

# As outbox_wakes.wake_unsent: what a new rule decides again.
UNSENT: Final = (
    SaleStatus.WAITING_PAYMENT,
    SaleStatus.IN_GUARANTEE,
    SaleStatus.QUEUED,
    SaleStatus.HELD,
    SaleStatus.SKIPPED,
)


class UnsentSale(Struct, frozen=True, kw_only=True):
    """One sale and its customer as last read: sealed (`columns.CUSTOMER`)."""

    bill_id: BillId
    customer: bytes | None


# Status by status, so that each page is one stretch of sales_by_status.
PAGE: Final = """
    -- unsent_store.page
    SELECT bill_id, customer FROM sales
     WHERE tenant_id = $1 AND status = $2 AND bill_id > $3
       AND (status <> 'skipped' OR code = 'rule_never'
            OR code = 'before_activation'
               AND moment_at = (SELECT created_moment FROM bills
                                 WHERE tenant_id = $1 AND bill_id = sales.bill_id))
       AND (status <> 'held' OR code <> 'held_by_person')
     ORDER BY bill_id LIMIT $4
"""


async def page(
    conn: Connection, tenant: TenantId, status: SaleStatus, *, after: BillId, limit: int
) -> Sequence[UnsentSale]:
    """The next unsent sales of one of the statuses of `UNSENT`, by bill."""
    rows = await conn.fetch(PAGE, tenant, status.value, after, limit)
    return [UnsentSale(**row) for row in rows]
