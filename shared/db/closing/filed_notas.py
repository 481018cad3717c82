"""The notas of a filed month one by one: those in its totals, and those it credits."""

from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime
from typing import Final

import asyncpg
from msgspec import Struct

from shared.db.closing.closing_read import Span
from shared.db.closing.filing_read import COUNTED, CREDITED_IN, FILED_IN
from shared.db.connection import Connection, Pool
from shared.domain.closing import Month
from shared.domain.fiscal import FiscalClass, FiscalFacts, read_class
from shared.domain.ids import BillId, ExternalId, TenantId
from shared.domain.money import Cents

NO_NOTA: Final = (-1, -1, -1)  # before every nota


class FiledNota(Struct, frozen=True, kw_only=True):
    """One nota as it is filed; where `fiscal_class` is None only its amount is sure."""

    bill_id: BillId
    part: int
    revision: int
    external_id: ExternalId
    number: str | None
    competencia: date
    customer_name: str
    status: str
    cancelled_at: datetime | None
    amount: Cents
    fiscal_class: FiscalClass | None
    base: Cents
    discount: Cents = Cents(0)
    conditional_discount: Cents = Cents(0)
    deductions: Cents = Cents(0)
    iss: Cents | None = None
    pis: Cents = Cents(0)
    cofins: Cents = Cents(0)
    csll: Cents = Cents(0)
    inss: Cents = Cents(0)
    irrf: Cents = Cents(0)

    @property
    def key(self) -> tuple[int, int, int]:
        """Where a list by bill goes on after it."""
        return self.bill_id, self.part, self.revision


_FIELDS: Final = f"""
           n.bill_id, n.part, n.revision, n.external_id, n.number, n.competencia,
           coalesce(s.customer_name, '') AS customer_name, n.status, n.cancelled_at, n.amount,
           {COUNTED}, n.discount, n.conditional_discount, n.deductions, n.iss,
           n.pis_withheld AS pis, n.cofins_withheld AS cofins, n.csll_withheld AS csll,
           n.inss_withheld AS inss, n.irrf_withheld AS irrf
"""

FILED: Final = f"""
    -- filed_notas.filed
    SELECT {_FIELDS}
      FROM notas n JOIN sales s ON s.tenant_id = n.tenant_id AND s.bill_id = n.bill_id
     WHERE {FILED_IN} AND s.tenant_id = $1
       AND (n.competencia, n.bill_id, n.part, n.revision) > ($5, $6, $7, $8)
     ORDER BY n.competencia, n.bill_id, n.part, n.revision LIMIT $9
"""  # noqa: S608 - only our own constants are put in


async def filed(
    pool: Pool, span: Span, month: Month, *, page: int = 1000
) -> AsyncIterator[list[FiledNota]]:
    """Walk through the notas in a month's totals by day, holding no connection between pages."""
    after: tuple[date, int, int, int] = (month.first_day, -1, -1, -1)
    while True:
        async with pool.acquire() as conn:
            rows = await conn.fetch(
                FILED, span.tenant, month.first_day, month.last_day, span.end, *after, page
            )
        if rows:
            yield [_nota(row) for row in rows]
        if len(rows) < page:
            return
        last = rows[-1]
        after = (last["competencia"], last["bill_id"], last["part"], last["revision"])


CREDITED: Final = f"""
    -- filed_notas.credited
    SELECT {_FIELDS}
      FROM notas n JOIN sales s ON s.tenant_id = n.tenant_id AND s.bill_id = n.bill_id
     WHERE {CREDITED_IN} AND s.tenant_id = $1
       AND (n.bill_id, n.part, n.revision) > ($5, $6, $7)
     ORDER BY n.bill_id, n.part, n.revision LIMIT $8
"""  # noqa: S608 - only our own constants are put in


async def credited(
    conn: Connection,
    span: Span,
    month: Month,
    *,
    after: tuple[int, int, int] = NO_NOTA,
    limit: int,
) -> list[FiledNota]:
    """Notas of earlier months that were cancelled in this one, by bill, beginning after a key."""
    rows = await conn.fetch(
        CREDITED, span.tenant, span.first, span.end, month.first_day, *after, limit
    )
    return [_nota(row) for row in rows]


def _nota(row: asyncpg.Record) -> FiledNota:
    fields = {name: value for name, value in row.items() if value is not None}
    for name in ("number", "cancelled_at", "fiscal_class"):
        fields.setdefault(name, None)
    amount = Cents(row["amount"])
    if row["fiscal_class"] is None:
        plain = {name: fields[name] for name in _PLAIN}
        return FiledNota(**plain, fiscal_class=None, base=Cents(0))
    fields["fiscal_class"] = read_class(row["fiscal_class"])
    lower = (row["deductions"] or 0) - (row["conditional_discount"] or 0)
    return FiledNota(**fields, base=Cents(max(0, amount - lower)))


_PLAIN: Final = (
    "bill_id",
    "part",
    "revision",
    "external_id",
    "number",
    "competencia",
    "customer_name",
    "status",
    "cancelled_at",
    "amount",
)

# What earlier code left: nothing, or what it sent again without knowing.
_SAYS_NOTHING: Final = """
           (n.fiscal_class IS NULL OR n.fiscal_sent_at IS DISTINCT FROM n.sent_at)
       AND octet_length(n.request) > 0 AND (n.bill_id, n.part, n.revision) > ($5, $6, $7)
     ORDER BY n.bill_id, n.part, n.revision LIMIT $8
"""
UNTOLD: Final = f"""
    -- filed_notas.untold
    SELECT n.bill_id, n.part, n.revision, n.sent_at, n.request FROM notas n
     WHERE {FILED_IN} AND {_SAYS_NOTHING}
"""  # noqa: S608 - only our own constants are put in
UNTOLD_CREDITS: Final = f"""
    -- filed_notas.untold_credits
    SELECT n.bill_id, n.part, n.revision, n.sent_at, n.request FROM notas n
     WHERE {CREDITED_IN} AND {_SAYS_NOTHING}
"""  # noqa: S608 - only our own constants are put in


class UntoldNota(Struct, frozen=True, kw_only=True):
    """A nota whose facts are only in its sealed draft (`columns.REQUEST`), as it was last sent."""

    bill_id: BillId
    part: int
    revision: int
    sent_at: datetime | None
    request: bytes

    @property
    def key(self) -> tuple[int, int, int]:
        """Where a list by bill goes on after it."""
        return self.bill_id, self.part, self.revision


async def untold(
    conn: Connection, span: Span, month: Month, *, after: tuple[int, int, int] = NO_NOTA, limit: int
) -> list[UntoldNota]:
    """Notas in a month's totals that say no class, by bill, beginning after a key."""
    days = (month.first_day, month.last_day, span.end)
    rows = await conn.fetch(UNTOLD, span.tenant, *days, *after, limit)
    return [UntoldNota(**dict(row)) for row in rows]


async def untold_credits(
    conn: Connection, span: Span, month: Month, *, after: tuple[int, int, int] = NO_NOTA, limit: int
) -> list[UntoldNota]:
    """Those among a month's credits, likewise."""
    bounds = (span.first, span.end, month.first_day)
    rows = await conn.fetch(UNTOLD_CREDITS, span.tenant, *bounds, *after, limit)
    return [UntoldNota(**dict(row)) for row in rows]


# Whoever moves a nota just now has the way; it is told the next time.
TELL: Final = """
    -- filed_notas.tell
    WITH free AS (
        SELECT bill_id, part, revision FROM notas
         WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[])
           FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE notas n
       SET fiscal_class = t.fiscal_class, fiscal_sent_at = n.sent_at, discount = t.discount,
           conditional_discount = t.conditional_discount, deductions = t.deductions, iss = t.iss,
           pis_withheld = t.pis, cofins_withheld = t.cofins, csll_withheld = t.csll,
           inss_withheld = t.inss, irrf_withheld = t.irrf
      FROM free JOIN unnest($2::bigint[], $3::smallint[], $4::int[], $5::timestamptz[],
                            $6::text[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[],
                            $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[],
                            $15::bigint[])
           AS t (bill_id, part, revision, sent_at, fiscal_class, discount, conditional_discount,
                 deductions, iss, pis, cofins, csll, inss, irrf)
        ON t.bill_id = free.bill_id AND t.part = free.part AND t.revision = free.revision
     WHERE n.tenant_id = $1 AND n.bill_id = ANY($2::bigint[]) AND n.bill_id = free.bill_id
       AND n.part = free.part AND n.revision = free.revision
       AND n.sent_at IS NOT DISTINCT FROM t.sent_at
"""


async def tell(
    conn: Connection, tenant: TenantId, told: Sequence[tuple[UntoldNota, FiscalFacts]]
) -> None:
    """Keep what drafts say; one that was sent again meanwhile says it itself."""
    rows = [
        (
            *(nota.bill_id, nota.part, nota.revision, nota.sent_at, facts.fiscal_class),
            *(facts.discount, facts.conditional_discount, facts.deductions, facts.iss),
            *(facts.pis, facts.cofins, facts.csll, facts.inss, facts.irrf),
        )
        for nota, facts in told
    ]
    await conn.execute(TELL, tenant, *(list(column) for column in zip(*rows, strict=True)))
