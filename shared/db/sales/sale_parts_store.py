"""How bills of several services were divided: one row for each nota a sale is to have."""

from collections.abc import Mapping, Sequence
from typing import Final

from shared.db.connection import Connection
from shared.db.sales.notas_store import DIVIDED_ANEW
from shared.domain.ids import BillId, TenantId
from shared.domain.money import Cents
from shared.domain.parts import Share

LOAD: Final = """
    -- sale_parts_store.load
    SELECT bill_id, part, amount, lines FROM sale_parts
     WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[])
     ORDER BY bill_id, part
"""


async def load(
    conn: Connection, tenant: TenantId, bills: Sequence[BillId]
) -> dict[BillId, tuple[Share, ...]]:
    """The shares of these sales by their part; those that are not divided are absent."""
    found: dict[BillId, tuple[Share, ...]] = {}
    for row in await conn.fetch(LOAD, tenant, bills):
        share = Share(part=row["part"], amount=Cents(row["amount"]), lines=tuple(row["lines"]))
        found[row["bill_id"]] = (*found.get(row["bill_id"], ()), share)
    return found


FORGET: Final = """
    -- sale_parts_store.divide forget
    DELETE FROM sale_parts WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[])
"""
WRITE: Final = """
    -- sale_parts_store.divide write
    INSERT INTO sale_parts (tenant_id, bill_id, part, amount, lines)
    SELECT $1, s.bill_id, s.part, s.amount, s.lines::bigint[]
      FROM unnest($2::bigint[], $3::smallint[], $4::bigint[], $5::text[])
           AS s (bill_id, part, amount, lines)
 RETURNING bill_id
"""
# A refused nota of a part that is no more would be sent again by nobody, and counted by all.
RETIRE: Final = f"""
    -- sale_parts_store.divide retire
    UPDATE notas n SET status = 'cancelled', raw_status = '{DIVIDED_ANEW}', resend = false,
           resend_at = NULL
     WHERE n.tenant_id = $1 AND n.bill_id = ANY($2::bigint[]) AND n.status = 'denied'
       AND NOT EXISTS (SELECT FROM sale_parts p
                        WHERE p.tenant_id = $1 AND p.bill_id = n.bill_id AND p.part = n.part)
       AND (n.part > 0 OR EXISTS (
            SELECT FROM sale_parts p WHERE p.tenant_id = $1 AND p.bill_id = n.bill_id))
"""  # noqa: S608 - only our own constant is put in


async def divide(
    conn: Connection, tenant: TenantId, divisions: Mapping[BillId, Sequence[Share]]
) -> None:
    """Divide sales anew, of which no nota stands or is under way; no shares: one nota again.

    Lives in the transaction that writes the first intent of the division.
    """
    if not divisions:
        return
    rows = [(bill, share) for bill, shares in divisions.items() for share in shares]
    await conn.execute(FORGET, tenant, list(divisions))
    await conn.execute(
        WRITE,
        tenant,
        [bill for bill, _ in rows],
        [share.part for _, share in rows],
        [share.amount for _, share in rows],
        [_as_array(share.lines) for _, share in rows],
    )
    await conn.execute(RETIRE, tenant, list(divisions))


def _as_array(numbers: Sequence[int]) -> str:
    # Arrays of unequal lengths do not travel as one array; their text does.
    return "{" + ",".join(str(number) for number in numbers) + "}"
