"""What was given back of bills, as Vindi was last read."""

from collections.abc import Sequence
from datetime import date
from typing import Final

from msgspec import Struct

from shared.db.connection import Connection
from shared.domain.ids import BillId, TenantId
from shared.domain.money import Cents


class GivenSum(Struct, frozen=True, kw_only=True):
    """The refunds of a bill added up, and the tenant's day of the last; None: not known.

    `of` is what the bill was worth at its moment, whatever its nota is for.
    """

    amount: Cents
    of: Cents
    on: date | None


LOAD: Final = """
    -- given_back_read.load
    SELECT b.bill_id, (b.refunded_at AT TIME ZONE t.timezone)::date AS last_on,
           (SELECT coalesce(sum(r.value::bigint), 0)::bigint FROM jsonb_each_text(b.refunds) r)
           AS amount, b.moment_amount
      FROM bills b JOIN tenants t ON t.tenant_id = b.tenant_id
     WHERE b.tenant_id = $1 AND b.bill_id = ANY($2::bigint[])
"""


async def load(
    conn: Connection, tenant: TenantId, bills: Sequence[BillId]
) -> dict[BillId, GivenSum]:
    """What was given back of these bills; those of which nothing was are absent."""
    rows = await conn.fetch(LOAD, tenant, bills)
    return {
        BillId(row["bill_id"]): GivenSum(
            amount=Cents(row["amount"]), of=Cents(row["moment_amount"]), on=row["last_on"]
        )
        for row in rows
        if row["amount"] > 0
    }
