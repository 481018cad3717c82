"""What people ask for sales, as the emitter finds it: `sales.wish` and `notas.resend`."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import asyncpg
from msgspec import Struct

from shared.db import clock
from shared.db.connection import Connection
from shared.db.outbox import outbox_store
from shared.db.sales import given_back_read, sale_notas
from shared.db.sales.notas_store import DIVIDED_ANEW
from shared.db.sales.sale_notas import NONE
from shared.domain.actions import ACTIONS, ActionState, Given, SaleAction, WishChange
from shared.domain.ids import BillId, TenantId
from shared.domain.nota import OWED_AGAIN, VALID_NOTA, NotaStatus
from shared.domain.part_actions import PartChange
from shared.domain.part_states import BY_PERSON, nota_to_act_on
from shared.domain.parts import Part
from shared.domain.sale import Origin, SaleStatus


class Said(Struct, frozen=True, kw_only=True):
    """An action as a timeline tells it."""

    what: SaleAction
    why: str
    by: str


class LockedSale(Struct, frozen=True, kw_only=True):
    """A sale nobody else changes until the transaction ends."""

    bill_id: BillId
    origin: Origin
    state: ActionState
    parts: tuple[Part, ...] = ()
    since: datetime  # its last change


LOCK_SALES: Final = """
    -- sale_actions_store.lock sales
    SELECT 1 FROM sales WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[])
     ORDER BY bill_id FOR UPDATE
"""
# Read only once the locks are held: a statement that waits for a lock sees old notas.
READ: Final = """
    -- sale_actions_store.look
    SELECT bill_id, origin, status, code, attention, wish, updated_at FROM sales
     WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[])
     ORDER BY bill_id
"""


async def lock(conn: Connection, tenant: TenantId, bills: Sequence[BillId]) -> list[LockedSale]:
    """Lock the sales there are of these bills and read what an action looks at."""
    await outbox_store.lock(conn, tenant, bills)
    await conn.execute(LOCK_SALES, tenant, list(bills))
    return await look(conn, tenant, bills)


async def look(conn: Connection, tenant: TenantId, bills: Sequence[BillId]) -> list[LockedSale]:
    """The same without locks: what may be asked for as things are, for who is shown it."""
    rows = await conn.fetch(READ, tenant, list(bills))
    notas = await sale_notas.load(conn, tenant, list(bills))
    given = await _given_back(conn, tenant, rows)
    return [
        _locked(row, notas.get(row["bill_id"], NONE).parts(), given.get(row["bill_id"]))
        for row in rows
    ]


async def _given_back(
    conn: Connection, tenant: TenantId, rows: Sequence[asyncpg.Record]
) -> dict[BillId, Given]:
    """What was given back in part of sales that may be issued all the same."""
    asked = [BillId(row["bill_id"]) for row in rows if _may_be_of_a_part(row)]
    found = await given_back_read.load(conn, tenant, asked) if asked else {}
    return {
        bill: Given(amount=one.amount, of=one.of)
        for bill, one in found.items()
        if one.amount < one.of
    }


def _may_be_of_a_part(row: asyncpg.Record) -> bool:
    status: str = row["status"]
    held = status == SaleStatus.HELD and row["code"] == "partially_refunded"
    return held or status == SaleStatus.CANCELLED


def _locked(row: asyncpg.Record, parts: tuple[Part, ...], given: Given | None) -> LockedSale:
    return LockedSale(
        bill_id=BillId(row["bill_id"]),
        origin=row["origin"],
        state=_state(row, parts, given),
        parts=parts,
        since=row["updated_at"],
    )


def _state(row: asyncpg.Record, parts: Sequence[Part], given: Given | None) -> ActionState:
    all_denied = [one for one in parts if one.status is NotaStatus.DENIED and not one.left_out]
    refused = [one for one in parts if one.status is NotaStatus.CANCEL_REFUSED]
    denied = min(all_denied, key=lambda one: one.denial == "denied_numbering", default=None)
    about = nota_to_act_on(parts)
    return ActionState(
        status=SaleStatus(row["status"]),
        code=row["code"],
        attention=row["attention"],
        wish=row["wish"],
        nota=None if about is None else about.status,
        denial=None if denied is None else denied.denial,
        stands=any(one.status in VALID_NOTA for one in parts),
        denied=denied is not None,
        day_refused=any(one.day_refused for one in all_denied),
        refused_alone=bool(refused) and all(one.wish == "cancel" for one in refused),
        given_back=given,
    )


# The same wish again keeps its instant: it may be the day a nota is dated by.
SET_WISHES: Final = """
    -- sale_actions_store.apply wishes
    UPDATE sales s
       SET wish = w.wish,
           wish_at = CASE WHEN w.wish IS NULL THEN NULL
                          WHEN w.wish = s.wish THEN s.wish_at ELSE $6 END,
           day_choice = w.day,
           without_document = s.without_document OR w.without_document,
           amount_choice = coalesce(w.amount, s.amount_choice),
           amount_about = CASE WHEN w.amount IS NULL THEN s.amount_about
                               ELSE coalesce(w.about, s.detail) END,
           updated_at = $6
      FROM unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $7::boolean[],
                  $8::text[])
           AS w (bill_id, wish, amount, day, without_document, about)
     WHERE s.tenant_id = $1 AND s.bill_id = w.bill_id
"""
# Of several denied parts one with a used number stays: it may exist, and a person has to look.
RESEND: Final = """
    -- sale_actions_store.apply resend
    UPDATE notas n SET resend = true, resend_at = NULL
     WHERE n.tenant_id = $1 AND n.bill_id = ANY($2::bigint[]) AND n.status = 'denied'
       AND n.denial IS DISTINCT FROM 'denied_numbering' AND n.wish IS NULL
       AND n.revision = (SELECT max(m.revision) FROM notas m
                          WHERE m.tenant_id = $1 AND m.bill_id = n.bill_id
                            AND m.part = n.part)
"""


async def apply(conn: Connection, tenant: TenantId, changes: Mapping[BillId, WishChange]) -> None:
    """Write down what was asked for, of sales that `lock` holds."""
    wishes = [change.wish for change in changes.values()]
    amounts = [change.amount for change in changes.values()]
    days = ["today" if change.today else None for change in changes.values()]
    bare = [change.without_document for change in changes.values()]
    now = await clock.now(conn)
    abouts = [change.about for change in changes.values()]
    await conn.execute(SET_WISHES, tenant, list(changes), wishes, amounts, days, now, bare, abouts)
    again = [bill for bill, change in changes.items() if change.resend]
    if again:
        await conn.execute(RESEND, tenant, again)
    anew = [bill for bill, change in changes.items() if change.anew]
    if anew:
        await conn.execute(FORGET_WISHES, tenant, anew)
    taken_back = [bill for bill, change in changes.items() if change.wish == "cancel"]
    if taken_back:
        await conn.execute(FORGET_ISSUES, tenant, taken_back)
    refused = [bill for bill, change in changes.items() if change.cancel_again]
    if refused:
        await conn.execute(CANCEL_AGAIN, tenant, refused, await clock.now(conn))


FORGET_WISHES: Final = """
    -- sale_actions_store.apply forget_wishes
    UPDATE notas SET wish = NULL
     WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[]) AND wish IS NOT NULL
"""
FORGET_ISSUES: Final = """
    -- sale_actions_store.apply forget_issues
    UPDATE notas SET wish = NULL
     WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[]) AND wish = 'issue'
"""
CANCEL_AGAIN: Final = """
    -- sale_actions_store.apply cancel_again
    UPDATE notas SET cancel_again_at = $3, cancel_tries = 0
     WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[]) AND status = 'cancel_refused'
       AND wish = 'cancel'
"""
# One under way goes as soon as it is issued, by the word that every unwanted nota carries.
APPLY_TO_PART: Final = """
    -- sale_actions_store.apply_to_part
    UPDATE notas n
       SET wish = $4,
           resend = CASE WHEN $5 THEN true WHEN $4 = 'cancel' THEN false ELSE n.resend END,
           resend_at = CASE WHEN $5 OR $4 = 'cancel' THEN NULL ELSE n.resend_at END,
           cancel_again_at = CASE WHEN $6 THEN $7::timestamptz ELSE n.cancel_again_at END,
           cancel_tries = CASE WHEN $6 THEN 0 ELSE n.cancel_tries END,
           then_cancel = CASE WHEN $4 = 'cancel'
                                   AND n.status IN ('sending', 'uncertain', 'pending')
                              THEN coalesce(n.then_cancel, $8) ELSE n.then_cancel END
     WHERE n.tenant_id = $1 AND n.bill_id = $2 AND n.part = $3
       AND n.revision = (SELECT max(m.revision) FROM notas m
                          WHERE m.tenant_id = $1 AND m.bill_id = $2 AND m.part = $3
                            AND m.raw_status IS DISTINCT FROM 'not_substituted')
"""
# What was cancelled stays so when one of them is issued anew alone; what was lost is owed still.
LEAVE_OUT: Final = """
    -- sale_actions_store.apply_to_part leave_out
    UPDATE notas n SET wish = 'cancel'
     WHERE n.tenant_id = $1 AND n.bill_id = $2 AND n.part <> $3 AND n.status = 'cancelled'
       AND n.wish IS NULL AND (n.raw_status IS NULL OR n.raw_status <> ALL($4::text[]))
       AND (n.raw_status IS DISTINCT FROM 'never_arrived' OR n.then_cancel IS NOT NULL)
       AND n.revision = (SELECT max(m.revision) FROM notas m
                          WHERE m.tenant_id = $1 AND m.bill_id = $2 AND m.part = n.part
                            AND m.raw_status IS DISTINCT FROM 'not_substituted')
"""


async def apply_to_part(
    conn: Connection, tenant: TenantId, bill: BillId, part: int, change: PartChange
) -> None:
    """Write down what was asked for one nota, of a sale that `lock` holds."""
    now = await clock.now(conn)
    wanted = (change.wish, change.resend, change.cancel_again, now, BY_PERSON)
    await conn.execute(APPLY_TO_PART, tenant, bill, part, *wanted)
    if change.alone:
        await conn.execute(LEAVE_OUT, tenant, bill, part, [DIVIDED_ANEW, *OWED_AGAIN])


NOT_DECIDED: Final = """
    -- sale_actions_store.not_decided
    SELECT bill_id FROM outbox o WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[])
       AND NOT EXISTS (SELECT FROM sales s WHERE s.tenant_id = $1 AND s.bill_id = o.bill_id)
"""


async def not_decided(conn: Connection, tenant: TenantId, bills: Sequence[BillId]) -> set[BillId]:
    """Those of these bills that are known and not decided yet."""
    return {row["bill_id"] for row in await conn.fetch(NOT_DECIDED, tenant, list(bills))}


# The same click again says nothing new: only what was asked last counts, and for an hour.
REPEATED: Final = """
    -- sale_actions_store.repeated
    SELECT b.bill_id FROM unnest($2::bigint[]) AS b (bill_id)
      JOIN LATERAL (
           SELECT what, why, by, at FROM timeline t
            WHERE t.tenant_id = $1 AND t.bill_id = b.bill_id AND t.what = ANY($3::text[])
            ORDER BY entry_id DESC LIMIT 1) l ON true
     WHERE l.what = $4 AND l.why = $5 AND l.by = $6 AND l.at > $7::timestamptz
"""


async def repeated(
    conn: Connection, tenant: TenantId, bills: Sequence[BillId], said: Said, since: datetime
) -> set[BillId]:
    """Those of these sales whose last action, since then, was told in the same words."""
    rows = await conn.fetch(
        REPEATED, tenant, list(bills), list(ACTIONS), said.what, said.why, said.by, since
    )
    return {row["bill_id"] for row in rows}


WITH_CODE: Final = """
    -- sale_actions_store.with_code
    SELECT s.bill_id FROM sales s
     WHERE s.tenant_id = $1 AND s.bill_id > $3
       AND (s.code = $2 OR s.attention = $2 OR (s.status = 'denied' AND EXISTS (
            SELECT 1 FROM notas n WHERE n.tenant_id = $1 AND n.bill_id = s.bill_id
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
