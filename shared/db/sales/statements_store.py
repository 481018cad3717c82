"""What a person states about a nota whose fate we do not know, as rows."""

from typing import Final

from msgspec import Struct

from shared.db.connection import Connection
from shared.db.outbox import outbox_store
from shared.domain.ids import BillId, TenantId
from shared.domain.nota import NotaStatus


class LockedNota(Struct, frozen=True, kw_only=True):
    """The live nota of a sale nobody else changes until the transaction ends.

    Of a divided sale it is the one in doubt, then the one denied, before any that stands.
    """

    bill_id: BillId
    part: int
    status: NotaStatus | None  # None when the sale has no nota that stands or is wanted
    denial: str | None
    leased: bool


READ: Final = """
    -- statements_store.lock
    SELECT n.status, n.denial, coalesce(n.part, 0) AS part FROM sales s
      LEFT JOIN LATERAL (
           SELECT status, denial, part FROM notas
            WHERE tenant_id = s.tenant_id AND bill_id = s.bill_id AND status <> 'cancelled'
            ORDER BY CASE WHEN status IN ('uncertain', 'sending') THEN 0
                          WHEN denial IN ('denied_numbering', 'denied_unknown') THEN 1
                          ELSE 2 END, revision DESC, part LIMIT 1) n ON true
     WHERE s.tenant_id = $1 AND s.bill_id = $2
"""


async def lock(conn: Connection, tenant: TenantId, bill: BillId) -> LockedNota | None:
    """Lock a sale and read its live nota; None when there is no such sale."""
    states = await outbox_store.lock(conn, tenant, [bill])
    row = await conn.fetchrow(READ, tenant, bill)
    if row is None:
        return None
    return LockedNota(
        bill_id=bill,
        status=None if row["status"] is None else NotaStatus(row["status"]),
        part=row["part"],
        denial=row["denial"],
        leased=states.get(bill) == "leased",
    )


STATE_VALID: Final = """
    -- statements_store.state_valid
    WITH stated AS (
        UPDATE notas SET status = 'issued', number = coalesce($3, number), resend = false,
               resend_at = NULL, look_up_at = NULL, issued_at = coalesce(issued_at, now()),
               denial = NULL, raw_status = $4
         WHERE tenant_id = $1 AND bill_id = $2 AND part = $5 AND status <> 'cancelled'
     RETURNING bill_id
    )
    UPDATE sales SET status = 'issued', code = NULL, detail = '', attention = $4,
           updated_at = now()
     WHERE tenant_id = $1 AND bill_id IN (SELECT bill_id FROM stated)
"""


# A divided sale may lack other parts still: how it stands is decided at the next look.
STATE_PART_VALID: Final = """
    -- statements_store.state_valid part
    UPDATE notas SET status = 'issued', number = coalesce($3, number), resend = false,
           resend_at = NULL, look_up_at = NULL, issued_at = coalesce(issued_at, now()),
           denial = NULL, raw_status = $4
     WHERE tenant_id = $1 AND bill_id = $2 AND part = $5 AND status <> 'cancelled'
"""


async def state_valid(
    conn: Connection, tenant: TenantId, nota: LockedNota, number: str | None, attention: str
) -> None:
    """The nota stands: it and its sale say on whose word, until the issuer says so itself."""
    if nota.part:
        await conn.execute(STATE_PART_VALID, tenant, nota.bill_id, number, attention, nota.part)
    else:
        await conn.execute(STATE_VALID, tenant, nota.bill_id, number, attention, nota.part)


# More look-ups than anybody configures: the next one is the last before it is sent again.
LOOK_ONCE_MORE: Final = """
    -- statements_store.look_once_more
    UPDATE notas SET status = 'uncertain', lookups = 1000000, look_up_at = now()
     WHERE tenant_id = $1 AND bill_id = $2 AND part = $3 AND status IN ('sending', 'uncertain')
"""


async def look_once_more(conn: Connection, tenant: TenantId, nota: LockedNota) -> None:
    """It is not there: one look-up more, then the same id is sent again."""
    await conn.execute(LOOK_ONCE_MORE, tenant, nota.bill_id, nota.part)


SEND_AGAIN: Final = """
    -- statements_store.send_again
    UPDATE notas SET resend = true, resend_at = NULL
     WHERE tenant_id = $1 AND bill_id = $2 AND part = $3 AND status = 'denied'
"""


async def send_again(conn: Connection, tenant: TenantId, nota: LockedNota) -> None:
    """A denied one is sent again under its id, after a look."""
    await conn.execute(SEND_AGAIN, tenant, nota.bill_id, nota.part)
