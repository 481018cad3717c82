"""What happened to each sale, why, and by whom (design D11)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct

from shared.db.connection import Connection
from shared.db.rows import rows_json
from shared.domain.ids import BillId, TenantId


class Happening(Struct, frozen=True, kw_only=True):
    """One thing that happened to a sale: `what` is a stable word, `why` is read by people.

    Neither holds personal data. `by` is a service (`emitter`) or a person's or token's name.
    """

    bill_id: BillId
    what: str
    why: str
    by: str


class TimelineEntry(Struct, frozen=True, kw_only=True):
    """A happening with the time it was written down."""

    at: datetime
    what: str
    why: str
    by: str


ADD: Final = """
    -- timeline_store.add
    INSERT INTO timeline (tenant_id, bill_id, what, why, by)
    SELECT $1, h.bill_id, h.what, h.why, h.by
      FROM ROWS FROM (json_to_recordset($2::text::json)
                      AS (bill_id bigint, what text, why text, by text)) WITH ORDINALITY
           AS h (bill_id, what, why, by, place)
     ORDER BY h.place
 RETURNING bill_id
"""


async def add(conn: Connection, tenant: TenantId, happenings: Sequence[Happening]) -> None:
    """Write down what happened, in this order. Lives in the caller's transaction."""
    if not happenings:
        return
    await conn.execute(ADD, tenant, rows_json(happenings))


OF_BILL: Final = """
    -- timeline_store.of_bill
    SELECT at, what, why, by FROM (
        SELECT entry_id, at, what, why, by FROM timeline
         WHERE tenant_id = $1 AND bill_id = $2 ORDER BY entry_id DESC LIMIT $3) newest
     ORDER BY entry_id
"""


async def of_bill(
    conn: Connection, tenant: TenantId, bill: BillId, *, limit: int = 500
) -> list[TimelineEntry]:
    """What happened to one sale, oldest first; of a very long story the newest part."""
    return [TimelineEntry(**dict(row)) for row in await conn.fetch(OF_BILL, tenant, bill, limit)]
