"""What a person states about a nota, as rows."""

from typing import Final

from msgspec import Struct

from shared.db import clock
from shared.db.connection import Connection
from shared.db.outbox import outbox_store
from shared.db.sales import sale_notas, substitutions_store
from shared.db.sales.sale_notas import NONE
from shared.domain.ids import BillId, TenantId
from shared.domain.part_states import code_of, together
from shared.domain.parts import Part
from shared.domain.sale import SaleStatus
from shared.domain.statement import CANCEL_STATED, LAST_LOOK, STATED_BY_PERSON


class LockedNotas(Struct, frozen=True, kw_only=True):
    """The notas of a sale nobody else changes until the transaction ends."""

    bill_id: BillId
    parts: tuple[Part, ...]
    leased: bool


IS_SALE: Final = """
    -- statements_store.lock
    SELECT EXISTS (SELECT FROM sales WHERE tenant_id = $1 AND bill_id = $2)
"""


async def lock(conn: Connection, tenant: TenantId, bill: BillId) -> LockedNotas | None:
    """Lock a sale and read its notas; None when there is no such sale."""
    states = await outbox_store.lock(conn, tenant, [bill])
    if not await conn.fetchval(IS_SALE, tenant, bill):
        return None
    return LockedNotas(
        bill_id=bill, parts=await _parts(conn, tenant, bill), leased=states.get(bill) == "leased"
    )


async def _parts(conn: Connection, tenant: TenantId, bill: BillId) -> tuple[Part, ...]:
    notas = await sale_notas.load(conn, tenant, [bill])
    return notas.get(bill, NONE).parts()


STATE_VALID: Final = """
    -- statements_store.state_valid
    UPDATE notas SET status = 'issued', number = coalesce($4, number), resend = false,
           resend_at = NULL, look_up_at = NULL, issued_at = coalesce(issued_at, $6),
           denial = NULL, raw_status = $5, wish = nullif(wish, 'issue')
     WHERE tenant_id = $1 AND bill_id = $2 AND part = $3 AND status <> 'cancelled'
       AND revision = (SELECT max(revision) FROM notas
                        WHERE tenant_id = $1 AND bill_id = $2 AND part = $3
                          AND status <> 'cancelled')
"""
SHOW: Final = """
    -- statements_store.show
    UPDATE sales SET status = $3, code = $4, detail = '', attention = $5, updated_at = now()
     WHERE tenant_id = $1 AND bill_id = $2
"""


async def state_valid(
    conn: Connection, tenant: TenantId, bill: BillId, part: int, number: str | None
) -> None:
    """A nota stands: it and its sale say on whose word, until the issuer says so itself."""
    now = await clock.now(conn)
    await conn.execute(STATE_VALID, tenant, bill, part, number, STATED_BY_PERSON, now)
    await substitutions_store.end_substitutions(conn, tenant, [bill])
    parts = await _parts(conn, tenant, bill)
    status = together(parts)
    code = code_of(status, parts)
    attention = code if status is SaleStatus.DENIED else STATED_BY_PERSON
    await conn.execute(SHOW, tenant, bill, status.value, code, attention)


STATE_CANCELLED: Final = """
    -- statements_store.state_cancelled
    UPDATE notas SET status = 'cancelled', raw_status = $5, cancelled_at = $4, look_up_at = NULL,
           cancel_again_at = NULL, then_cancel = coalesce(then_cancel, $5)
     WHERE tenant_id = $1 AND bill_id = $2 AND part = $3
       AND status IN ('issued', 'cancelling', 'cancel_refused')
"""
FULFILLED: Final = """
    -- statements_store.state_cancelled wish
    UPDATE sales SET wish = NULL, wish_at = NULL WHERE tenant_id = $1 AND bill_id = $2
"""


async def state_cancelled(conn: Connection, tenant: TenantId, bill: BillId, part: int) -> None:
    """A nota was cancelled at the city: it ends, and its sale says on whose word."""
    now = await clock.now(conn)
    await conn.execute(STATE_CANCELLED, tenant, bill, part, now, CANCEL_STATED)
    parts = await _parts(conn, tenant, bill)
    status = together(parts)
    await conn.execute(SHOW, tenant, bill, status.value, code_of(status, parts), CANCEL_STATED)
    await conn.execute(FULFILLED, tenant, bill)


LOOK_ONCE_MORE: Final = """
    -- statements_store.look_once_more
    UPDATE notas SET status = 'uncertain', lookups = $4, look_up_at = now()
     WHERE tenant_id = $1 AND bill_id = $2 AND part = $3 AND status IN ('sending', 'uncertain')
"""


async def look_once_more(conn: Connection, tenant: TenantId, bill: BillId, part: int) -> None:
    """It is not there: one look-up more, then the same id is sent again."""
    await conn.execute(LOOK_ONCE_MORE, tenant, bill, part, LAST_LOOK)


SEND_AGAIN: Final = """
    -- statements_store.send_again
    UPDATE notas SET resend = true, resend_at = NULL, lookups = $4
     WHERE tenant_id = $1 AND bill_id = $2 AND part = $3 AND status = 'denied'
"""


async def send_again(conn: Connection, tenant: TenantId, bill: BillId, part: int) -> None:
    """A denied one is sent again under its id, after a look."""
    await conn.execute(SEND_AGAIN, tenant, bill, part, LAST_LOOK)
