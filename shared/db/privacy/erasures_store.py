"""What was asked to be erased of whom, how far it is, and what stays: one row an asking."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

import asyncpg
from msgspec import Struct

from shared.db.connection import Connection
from shared.domain.ids import BillId, CustomerId, TenantId

ErasureState = Literal["queued", "running", "completed"]
# In this order: who is meant is known as long as the rows that say so are there.
ErasurePhase = Literal["sales", "bills", "words", "events", "texts", "rows"]


class Erasure(Struct, frozen=True, kw_only=True):
    """One asking. `customers` are Vindi's numbers; `who` is sealed, and gone once it is done.

    `erased` counts rows by table over all runs, `kept` names what stays and why. `since` bounds a
    later run to what came after the one before it.
    """

    tenant_id: TenantId
    id: str
    ticket: str
    reason: str
    asked_by: str
    asked_at: datetime
    customers: Sequence[CustomerId]
    document_word: bytes | None
    bills: Sequence[BillId]
    who: bytes | None
    state: ErasureState
    phase: ErasurePhase
    after_bill: int
    after_at: datetime | None
    after_event: UUID | None
    since: datetime | None
    began_at: datetime | None
    failures: int
    turn_at: datetime
    runs: int
    erased: Mapping[str, int]
    kept: Sequence[Mapping[str, Any]]
    completed_at: datetime | None


_COLUMNS: Final = """
           tenant_id, erasure_id, ticket, reason, asked_by, asked_at, customers, document_word,
           bills, who, state, phase, after_bill, after_at, after_event, since, began_at, failures,
           turn_at, runs, erased, kept, completed_at
"""

ADD: Final = f"""
    -- erasures_store.add
    INSERT INTO erasures (tenant_id, erasure_id, ticket, reason, asked_by, asked_at, customers,
                          document_word, turn_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $6)
 RETURNING {_COLUMNS}
"""  # noqa: S608 - only our own constant is put in


async def add(
    conn: Connection,
    tenant: TenantId,
    erasure: str,
    *,
    ticket: str,
    reason: str,
    by: str,
    now: datetime,
    customers: Sequence[CustomerId],
    document_word: bytes | None,
) -> Erasure:
    """Write down what is asked for; it is begun by whoever works on it."""
    row = await conn.fetchrow(
        ADD, tenant, erasure, ticket, reason, by, now, customers, document_word
    )
    if row is None:
        raise AssertionError("an INSERT … RETURNING gives its row")
    return _erasure(row)


GET: Final = f"""
    -- erasures_store.get
    SELECT {_COLUMNS} FROM erasures WHERE tenant_id = $1 AND erasure_id = $2
"""  # noqa: S608 - only our own constant is put in


async def get(conn: Connection, tenant: TenantId, erasure: str) -> Erasure | None:
    """One asking; None when there is none of that id."""
    row = await conn.fetchrow(GET, tenant, erasure)
    return None if row is None else _erasure(row)


NEWEST: Final = f"""
    -- erasures_store.newest
    SELECT {_COLUMNS} FROM erasures
     WHERE tenant_id = $1 AND ($2::timestamptz IS NULL OR (asked_at, erasure_id) < ($2, $3::text))
     ORDER BY asked_at DESC, erasure_id DESC LIMIT $4
"""  # noqa: S608 - only our own constant is put in


async def newest(
    conn: Connection, tenant: TenantId, *, before: tuple[datetime, str] | None, limit: int
) -> list[Erasure]:
    """A tenant's askings, the newest first, beyond a place."""
    at, erasure = before or (None, "")
    return [_erasure(row) for row in await conn.fetch(NEWEST, tenant, at, erasure, limit)]


WAITING: Final = """
    -- erasures_store.waiting_any_tenant
    SELECT tenant_id, erasure_id FROM erasures WHERE turn_at <= now() ORDER BY turn_at LIMIT $1
"""


async def waiting_any_tenant(conn: Connection, *, limit: int) -> list[tuple[TenantId, str]]:
    """Askings whose turn has come, the one first that waits longest."""
    rows = await conn.fetch(WAITING, limit)
    return [(row["tenant_id"], row["erasure_id"]) for row in rows]


TAKE: Final = f"""
    -- erasures_store.take
    SELECT {_COLUMNS} FROM erasures
     WHERE tenant_id = $1 AND erasure_id = $2 AND turn_at <= now()
       FOR UPDATE SKIP LOCKED
"""  # noqa: S608 - only our own constant is put in


async def take(conn: Connection, tenant: TenantId, erasure: str) -> Erasure | None:
    """An asking whose turn it is, held until the transaction ends; None where another has it."""
    row = await conn.fetchrow(TAKE, tenant, erasure)
    return None if row is None else _erasure(row)


SAVE: Final = """
    -- erasures_store.save
    UPDATE erasures
       SET customers = $3, document_word = $4, bills = $5, who = $6, state = $7, phase = $8,
           after_bill = $9, after_at = $10, after_event = $11, since = $12, began_at = $13,
           failures = $14, turn_at = $15, runs = $16, erased = $17, kept = $18, completed_at = $19
     WHERE tenant_id = $1 AND erasure_id = $2
"""


async def save(conn: Connection, erasure: Erasure) -> None:
    """Write down how far it is, in the transaction that went so far."""
    await conn.execute(
        SAVE,
        erasure.tenant_id,
        erasure.id,
        list(erasure.customers),
        erasure.document_word,
        list(erasure.bills),
        erasure.who,
        erasure.state,
        erasure.phase,
        erasure.after_bill,
        erasure.after_at,
        erasure.after_event,
        erasure.since,
        erasure.began_at,
        erasure.failures,
        erasure.turn_at,
        erasure.runs,
        dict(erasure.erased),
        [dict(one) for one in erasure.kept],
        erasure.completed_at,
    )


PUT_OFF: Final = """
    -- erasures_store.put_off
    UPDATE erasures SET failures = failures + 1, turn_at = $3
     WHERE tenant_id = $1 AND erasure_id = $2
"""


async def put_off(conn: Connection, tenant: TenantId, erasure: str, again_at: datetime) -> None:
    """A step failed: the next turn comes later. It is never given up, since the law asks for it."""
    await conn.execute(PUT_OFF, tenant, erasure, again_at)


def _erasure(row: asyncpg.Record) -> Erasure:
    fields = dict(row)
    return Erasure(id=fields.pop("erasure_id"), **fields)
