"""Sales as a backfill takes them; what becomes of them is the emitter's word."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct

from shared.db.connection import Connection
from shared.domain.backfill_run import Backfill
from shared.domain.ids import BillId, CustomerId
from shared.domain.money import Cents


class TakenSale(Struct, frozen=True, kw_only=True):
    """A sale to be decided under the terms of a backfill."""

    bill_id: BillId
    amount: Cents
    moment_at: datetime | None
    customer_id: CustomerId | None
    customer_name: str


# A sale that has, or had, a nota keeps its terms. One that was only waiting for a backfill shows
# as queued at once; every other one keeps its status until it is decided again.
TAKE: Final = """
    -- backfill_sales_store.take
    INSERT INTO sales AS s (tenant_id, bill_id, status, amount, moment_at, origin, customer_id,
                            customer_name, backfill, backfill_id, updated_at)
    SELECT $1, t.bill_id, 'queued', t.amount, t.moment_at, 'backfill', t.customer_id,
           t.customer_name, $3, $2, now()
      FROM unnest($4::bigint[], $5::bigint[], $6::timestamptz[], $7::bigint[], $8::text[])
           AS t (bill_id, amount, moment_at, customer_id, customer_name)
     WHERE NOT EXISTS (SELECT FROM notas n WHERE n.tenant_id = $1 AND n.bill_id = t.bill_id)
     ORDER BY t.bill_id
        ON CONFLICT (tenant_id, bill_id) DO UPDATE
       SET backfill = excluded.backfill, backfill_id = excluded.backfill_id,
           status = CASE WHEN s.code IN ('before_activation', 'shadow_issue', 'shadow_hold')
                         THEN 'queued' ELSE s.status END,
           code = CASE WHEN s.code IN ('before_activation', 'shadow_issue', 'shadow_hold')
                       THEN NULL ELSE s.code END,
           updated_at = excluded.updated_at
 RETURNING bill_id
"""


async def take(conn: Connection, run: Backfill, sales: Sequence[TakenSale]) -> set[BillId]:
    """Put sales under a backfill's terms; answers those taken. Repeating it is harmless."""
    rows = await conn.fetch(
        TAKE,
        run.tenant_id,
        run.id,
        run.asked.competencia,
        [sale.bill_id for sale in sales],
        [sale.amount for sale in sales],
        [sale.moment_at for sale in sales],
        [sale.customer_id for sale in sales],
        [sale.customer_name for sale in sales],
    )
    return {row["bill_id"] for row in rows}
