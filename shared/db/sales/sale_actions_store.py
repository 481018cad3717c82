"""What people ask for sales, as the emitter finds it: `sales.wish` and `notas.resend`."""

from collections.abc import Mapping, Sequence
from typing import Final

import asyncpg
from msgspec import Struct

from shared.db.connection import Connection
from shared.db.outbox import outbox_store
from shared.domain.actions import ActionState, WishChange
from shared.domain.ids import BillId, TenantId
from shared.domain.nota import VALID_NOTA, NotaStatus
from shared.domain.part_states import in_round, nota_to_act_on
from shared.domain.parts import PartState, Share
from shared.domain.sale import Origin, SaleStatus


class LockedSale(Struct, frozen=True, kw_only=True):
    """A sale nobody else changes until the transaction ends."""

    bill_id: BillId
    origin: Origin
    state: ActionState


LOCK_SALES: Final = """
    -- sale_actions_store.lock sales
    SELECT 1 FROM sales WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[])
     ORDER BY bill_id FOR UPDATE
"""
# Read only once the locks are held: a statement that waits for a lock sees old notas.
READ: Final = """
    -- sale_actions_store.lock read
    SELECT s.bill_id, s.origin, s.status, s.code, s.wish, n.status AS nota, n.denial,
           n.part > 0 AS divided
      FROM sales s
      LEFT JOIN LATERAL (
           SELECT status, denial, part FROM notas
            WHERE tenant_id = s.tenant_id AND bill_id = s.bill_id
            ORDER BY revision DESC, part LIMIT 1) n ON true
     WHERE s.tenant_id = $1 AND s.bill_id = ANY($2::bigint[])
     ORDER BY s.bill_id
"""


async def lock(conn: Connection, tenant: TenantId, bills: Sequence[BillId]) -> list[LockedSale]:
    """Lock the sales there are of these bills and read what an action looks at."""
    await outbox_store.lock(conn, tenant, bills)
    await conn.execute(LOCK_SALES, tenant, list(bills))
    rows = await conn.fetch(READ, tenant, list(bills))
    divided = [BillId(row["bill_id"]) for row in rows if row["divided"]]
    parts = await _parts(conn, tenant, divided) if divided else {}
    return [
        LockedSale(
            bill_id=BillId(row["bill_id"]),
            origin=row["origin"],
            state=_state(row, parts.get(row["bill_id"], ())),
        )
        for row in rows
    ]


PARTS: Final = """
    -- sale_actions_store.parts
    SELECT DISTINCT ON (p.bill_id, p.part) p.bill_id, p.part, p.amount, n.status,
           coalesce(n.revision, 0) AS revision, n.then_cancel, n.denial
      FROM sale_parts p
      LEFT JOIN notas n ON n.tenant_id = $1 AND n.bill_id = p.bill_id AND n.part = p.part
     WHERE p.tenant_id = $1 AND p.bill_id = ANY($2::bigint[])
     ORDER BY p.bill_id, p.part, n.revision DESC
"""


async def _parts(
    conn: Connection, tenant: TenantId, bills: Sequence[BillId]
) -> dict[BillId, tuple[PartState, ...]]:
    found: dict[BillId, tuple[PartState, ...]] = {}
    for row in await conn.fetch(PARTS, tenant, bills):
        state = PartState(
            share=Share(part=row["part"], amount=row["amount"], lines=()),
            status=None if row["status"] is None else NotaStatus(row["status"]),
            revision=row["revision"],
            then_cancel=row["then_cancel"],
            denial=row["denial"],
        )
        found[row["bill_id"]] = (*found.get(row["bill_id"], ()), state)
    return {bill: in_round(states) for bill, states in found.items()}


def _state(row: asyncpg.Record, parts: Sequence[PartState]) -> ActionState:
    nota, denial = row["nota"], row["denial"]
    all_denied = [one for one in parts if one.status is NotaStatus.DENIED]
    denied = min(all_denied, key=lambda one: one.denial == "denied_numbering", default=None)
    if parts:
        about = nota_to_act_on(parts)
        nota, denial = about and about.status, denied and denied.denial
    return ActionState(
        status=SaleStatus(row["status"]),
        code=row["code"],
        wish=row["wish"],
        nota=None if nota is None else NotaStatus(nota),
        denial=denial,
        stands=any(one.status in VALID_NOTA for one in parts),
        denied=denied is not None,
    )


# The same wish again keeps its instant: it may be the day a nota is dated by.
SET_WISHES: Final = """
    -- sale_actions_store.apply wishes
    UPDATE sales s
       SET wish = w.wish,
           wish_at = CASE WHEN w.wish IS NULL THEN NULL
                          WHEN w.wish = s.wish THEN s.wish_at ELSE now() END,
           updated_at = now()
      FROM unnest($2::bigint[], $3::text[]) AS w (bill_id, wish)
     WHERE s.tenant_id = $1 AND s.bill_id = w.bill_id
"""
# Of several denied parts one with a used number stays: it may exist, and a person has to look.
RESEND: Final = """
    -- sale_actions_store.apply resend
    UPDATE notas n SET resend = true, resend_at = NULL
     WHERE n.tenant_id = $1 AND n.bill_id = ANY($2::bigint[]) AND n.status = 'denied'
       AND n.denial IS DISTINCT FROM 'denied_numbering'
       AND n.revision = (SELECT max(m.revision) FROM notas m
                          WHERE m.tenant_id = $1 AND m.bill_id = n.bill_id
                            AND m.part = n.part)
"""


async def apply(conn: Connection, tenant: TenantId, changes: Mapping[BillId, WishChange]) -> None:
    """Write down what was asked for, of sales that `lock` holds."""
    wishes = [change.wish for change in changes.values()]
    await conn.execute(SET_WISHES, tenant, list(changes), wishes)
    again = [bill for bill, change in changes.items() if change.resend]
    if again:
        await conn.execute(RESEND, tenant, again)


WITH_CODE: Final = """
    -- sale_actions_store.with_code
    SELECT s.bill_id FROM sales s
     WHERE s.tenant_id = $1 AND s.bill_id > $3
       AND (s.code = $2 OR s.attention = $2 OR (s.status = 'denied' AND EXISTS (
            SELECT 1 FROM notas n WHERE n.tenant_id = s.tenant_id AND n.bill_id = s.bill_id
               AND n.status = 'denied' AND n.denial = $2)))
     ORDER BY s.bill_id LIMIT $4
"""


async def with_code(
    conn: Connection, tenant: TenantId, code: str, *, after: int, limit: int
) -> list[BillId]:
    """Bills above `after` whose sale carries a code, in their order."""
    return [
        BillId(row["bill_id"]) for row in await conn.fetch(WITH_CODE, tenant, code, after, limit)
    ]
