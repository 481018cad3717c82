"""Sales that somebody chose, as numbers of bills: found by a number, or all that fit a filter."""

from typing import Final
from zoneinfo import ZoneInfo

from shared.crypto.seal import Sealer
from shared.db.connection import Connection
from shared.db.sales import notas_store
from shared.db.sales.sales_read import FITS, PLANNED, SaleFilter, filter_values, text_values
from shared.domain.ids import BillId, TenantId

BY_NUMBERS: Final = """
    -- sales_chosen.found_by_number
    SELECT bill_id FROM sales WHERE tenant_id = $1 AND bill_id = $2
     UNION
    SELECT bill_id FROM sales WHERE tenant_id = $1 AND document_word = ANY($3::bytea[])
     UNION
    SELECT bill_id FROM notas WHERE tenant_id = $1 AND number = $4
     ORDER BY 1 DESC LIMIT $5
"""
MOST_FOUND: Final = 1000


async def found_by_number(
    conn: Connection, sealer: Sealer, tenant: TenantId, text: str
) -> tuple[BillId, ...] | None:
    """Sales whose bill, customer's document or nota has this number; None for what is no number.

    Each is looked up by its own index, so that a million sales are no more work than ten.
    """
    if not any(letter.isdigit() for letter in text) or len(text) > 60:
        return None
    if any(letter.isalpha() or letter.isspace() for letter in text.strip()):
        return None
    _, number, words = text_values(sealer, tenant, text)
    rows = await conn.fetch(BY_NUMBERS, tenant, number, words, text.strip(), MOST_FOUND)
    return tuple(BillId(row["bill_id"]) for row in rows)


ALL: Final = f"""
    -- sales_chosen.all_that_fit
    SELECT s.bill_id
      FROM sales s
      LEFT JOIN LATERAL (
           SELECT denial FROM notas n WHERE n.tenant_id = $1 AND bill_id = s.bill_id
            {notas_store.SPEAKS}) n ON true
     {FITS}
     ORDER BY s.bill_id DESC LIMIT $10
"""  # noqa: S608 - only our own constants are put in


async def all_that_fit(
    conn: Connection,
    sealer: Sealer,
    tenant: TenantId,
    zone: ZoneInfo,
    wanted: SaleFilter,
    *,
    limit: int,
) -> list[BillId]:
    """Every sale that fits, the newest bill first, `limit` of them at most."""
    await conn.fetchval(PLANNED)
    values = filter_values(sealer, tenant, zone, wanted, limit)
    return [BillId(row["bill_id"]) for row in await conn.fetch(ALL, tenant, None, *values)]
