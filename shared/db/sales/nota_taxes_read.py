"""What the notas of one sale say for the tax: discounts, ISS, what is withheld."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from shared.db.closing.filing_read import COUNTED
from shared.db.connection import Connection
from shared.domain.fiscal import read_class
from shared.domain.ids import BillId, TenantId
from shared.domain.money import Cents


class NotaTaxes(Struct, frozen=True, kw_only=True):
    """One nota as it was last sent. `iss` None: it states no rate, and the city applies its own."""

    discount: Cents
    deductions: Cents
    iss: Cents | None
    iss_withheld: bool
    rate: str | None  # percent
    federal: Cents  # withheld: PIS, COFINS, CSLL, INSS, IRRF


BY_PART: Final = f"""
    -- nota_taxes_read.by_part
    SELECT n.part, {COUNTED}, coalesce(n.discount, 0) AS discount,
           coalesce(n.deductions, 0) AS deductions, n.iss,
           coalesce(n.pis_withheld, 0) + coalesce(n.cofins_withheld, 0)
               + coalesce(n.csll_withheld, 0) + coalesce(n.inss_withheld, 0)
               + coalesce(n.irrf_withheld, 0) AS federal
      FROM notas n WHERE n.tenant_id = $1 AND n.bill_id = $2
     ORDER BY n.part, n.revision
"""  # noqa: S608 - only our own constant is put in


async def by_part(conn: Connection, tenant: TenantId, bill: BillId) -> Mapping[int, NotaTaxes]:
    """The newest nota of each part; those of which no more than the amount is known are absent."""
    found: dict[int, NotaTaxes] = {}
    for row in await conn.fetch(BY_PART, tenant, bill):
        if row["fiscal_class"] is None:
            found.pop(row["part"], None)
            continue
        known = read_class(row["fiscal_class"])
        found[row["part"]] = NotaTaxes(
            discount=Cents(row["discount"]),
            deductions=Cents(row["deductions"]),
            iss=None if row["iss"] is None else Cents(row["iss"]),
            iss_withheld=known.iss_withheld,
            rate=known.iss_rate,
            federal=Cents(row["federal"]),
        )
    return found
