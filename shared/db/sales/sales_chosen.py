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
    SELECT bill_id FROM notas WHERE tenant_id = $1 AND number = ANY($4::text[])
     ORDER BY 1 DESC LIMIT $5
"""
MOST_FOUND: Final = 1000
_SEQUENCE: Final = 11
_YEARS: Final = 6  # the year and five before it, for which they are kept


async def found_by_number(
    conn: Connection, sealer: Sealer, tenant: TenantId, text: str, year: int
) -> tuple[BillId, ...] | None:
    """Sales whose bill, customer's document or nota has this number; None for what is no number.

    `year` is this one, where the tenant is. Each is looked up by its own index, so that a million
    sales are no more work than ten.
    """
    if not any(letter.isdigit() for letter in text) or len(text) > 60:
        return None
    if any(letter.isalpha() or letter.isspace() for letter in text.strip()):
        return None
    _, number, words = text_values(sealer, tenant, text)
    notas = _as_cities_number(text.strip(), year)
    rows = await conn.fetch(BY_NUMBERS, tenant, number, words, notas, MOST_FOUND)
    return tuple(BillId(row["bill_id"]) for row in rows)


def _as_cities_number(typed: str, year: int) -> list[str]:
    """A nota's number as it may stand: many cities put the year before eleven digits.

    People say `nota 129` of 202600000000129; so it is looked for in the years whose notas are at
    hand. Source: ABRASF's conceptual model, `tsNumeroNfse`: AAAANNNNNNNNNNN.
    """
    if not typed.isascii() or not typed.isdigit() or len(typed) > _SEQUENCE:
        return [typed]
    return [typed, *(f"{year - back}{typed:0>{_SEQUENCE}}" for back in range(_YEARS))]


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
