"""Whose sales are, where nothing else of them is shown."""

from collections.abc import Sequence
from typing import Final

from shared.db.connection import Connection
from shared.domain.ids import BillId, TenantId

NAMES: Final = """
    -- names_read.of_bills
    SELECT bill_id, customer_name FROM sales WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[])
"""


async def of_bills(
    conn: Connection, tenant: TenantId, bills: Sequence[BillId]
) -> dict[BillId, str]:
    """The customers of these sales, as far as they were read."""
    rows = await conn.fetch(NAMES, tenant, list(bills))
    return {BillId(row["bill_id"]): row["customer_name"] for row in rows}
