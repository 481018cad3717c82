"""The bills of a running backfill: those found, and what is still needed to decide them."""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final, Literal

import asyncpg
import msgspec
from msgspec import Struct

from shared.db.connection import Connection
from shared.domain.backfill import Foreseen, Outcome
from shared.domain.backfill_run import Backfill
from shared.domain.ids import BillId, ChargeId, CustomerId
from shared.domain.money import NOTHING, Cents

# Its refunds are not read yet; its customer is not; all is there but the decision.
StillMissing = Literal["refunds", "customer", "ready"]


class FoundBill(Struct, frozen=True, kw_only=True):
    """A bill of the window: decided already, or with its sealed body until it can be."""

    bill_id: BillId
    # YYYY-MM-DD, of its moment. Its column, of which the first seven are the month, is named so.
    day: str
    amount: Cents
    outcome: Outcome | StillMissing
    code: str | None = None
    to_issue: Cents = NOTHING
    customer_id: CustomerId | None = None
    charges: Sequence[ChargeId] = ()
    body: bytes | None = None
    read_at: datetime | None = None
    taken_before: bool = False  # by the stream, or by an earlier backfill


class OpenBill(Struct, frozen=True, kw_only=True):
    """A bill that is not decided yet; its refunds are as read, if they were."""

    bill_id: BillId
    charges: Sequence[ChargeId]
    refunds: Mapping[ChargeId, Cents]
    body: bytes
    read_at: datetime
    customer_id: CustomerId


class ReadCustomer(Struct, frozen=True, kw_only=True):
    """A customer as read: its sealed body, or the code of why it cannot be used."""

    customer_id: CustomerId
    body: bytes | None
    problem: str | None


class Decided(Struct, frozen=True, kw_only=True):
    """What became of an open bill; `foreseen` None while its customer is still needed."""

    bill_id: BillId
    foreseen: Foreseen | None
    refunds: Mapping[ChargeId, Cents] = msgspec.field(default_factory=dict)


ADD: Final = """
    -- backfill_bills_store.add
    INSERT INTO backfill_bills (tenant_id, backfill_id, bill_id, month, amount, outcome, code,
                                to_issue, customer_id, charges, body, read_at, taken_before)
    SELECT $1, $2, bill_id, month, amount, outcome, code, to_issue, customer_id,
           ARRAY(SELECT jsonb_array_elements_text(charges::jsonb)::bigint), body, read_at,
           taken_before
      FROM unnest($3::bigint[], $4::text[], $5::bigint[], $6::text[], $7::text[], $8::bigint[],
                  $9::bigint[], $10::text[], $11::bytea[], $12::timestamptz[], $13::boolean[])
           AS f (bill_id, month, amount, outcome, code, to_issue, customer_id, charges, body,
                 read_at, taken_before)
        ON CONFLICT (tenant_id, backfill_id, bill_id) DO NOTHING
 RETURNING bill_id
"""


async def add(conn: Connection, run: Backfill, bills: Sequence[FoundBill]) -> set[BillId]:
    """Note bills of the window; answers those that this run had not seen before."""
    rows = await conn.fetch(
        ADD,
        run.tenant_id,
        run.id,
        [bill.bill_id for bill in bills],
        [bill.day for bill in bills],
        [bill.amount for bill in bills],
        [bill.outcome for bill in bills],
        [bill.code for bill in bills],
        [bill.to_issue for bill in bills],
        [bill.customer_id for bill in bills],
        [json.dumps(list(bill.charges)) for bill in bills],
        [bill.body for bill in bills],
        [bill.read_at for bill in bills],
        [bill.taken_before for bill in bills],
    )
    return {row["bill_id"] for row in rows}


UNREAD_CUSTOMERS: Final = """
    -- backfill_bills_store.unread_customers
    SELECT DISTINCT customer_id FROM backfill_bills
     WHERE tenant_id = $1 AND backfill_id = $2 AND outcome = 'customer'
     ORDER BY customer_id LIMIT $3
"""


async def unread_customers(conn: Connection, run: Backfill, *, limit: int) -> list[CustomerId]:
    """Customers that open bills need and that were not read yet."""
    rows = await conn.fetch(UNREAD_CUSTOMERS, run.tenant_id, run.id, limit)
    return [row["customer_id"] for row in rows]


ADD_CUSTOMERS: Final = """
    -- backfill_bills_store.add_customers
    INSERT INTO backfill_customers (tenant_id, backfill_id, customer_id, body, problem)
    SELECT $1, $2, customer_id, body, problem
      FROM unnest($3::bigint[], $4::bytea[], $5::text[]) AS c (customer_id, body, problem)
        ON CONFLICT DO NOTHING
"""


async def add_customers(conn: Connection, run: Backfill, customers: Sequence[ReadCustomer]) -> None:
    """Keep customers for as long as the run goes on; bills that waited for them are ready."""
    await conn.execute(
        ADD_CUSTOMERS,
        run.tenant_id,
        run.id,
        [customer.customer_id for customer in customers],
        [customer.body for customer in customers],
        [customer.problem for customer in customers],
    )
    ids = [customer.customer_id for customer in customers]
    await conn.execute(NOW_READY, run.tenant_id, run.id, ids)


NOW_READY: Final = """
    -- backfill_bills_store.now_ready
    UPDATE backfill_bills SET outcome = 'ready'
     WHERE tenant_id = $1 AND backfill_id = $2 AND outcome = 'customer'
       AND customer_id = ANY($3::bigint[])
"""
CUSTOMERS: Final = """
    -- backfill_bills_store.customers
    SELECT customer_id, body, problem FROM backfill_customers
     WHERE tenant_id = $1 AND backfill_id = $2 AND customer_id = ANY($3::bigint[])
"""


async def customers(
    conn: Connection, run: Backfill, ids: Collection[CustomerId]
) -> dict[CustomerId, ReadCustomer]:
    """Those of these customers that were read already."""
    rows = await conn.fetch(CUSTOMERS, run.tenant_id, run.id, list(ids))
    return {row["customer_id"]: ReadCustomer(**dict(row)) for row in rows}


WITHOUT_REFUNDS: Final = """
    -- backfill_bills_store.without_refunds
    SELECT bill_id, charges, refunds, body, read_at, customer_id FROM backfill_bills
     WHERE tenant_id = $1 AND backfill_id = $2 AND outcome = 'refunds'
     ORDER BY bill_id LIMIT $3
"""


async def without_refunds(conn: Connection, run: Backfill, *, limit: int) -> list[OpenBill]:
    """Bills whose refunds were not read yet."""
    return [_open(row) for row in await conn.fetch(WITHOUT_REFUNDS, run.tenant_id, run.id, limit)]


READY: Final = """
    -- backfill_bills_store.ready
    SELECT bill_id, charges, refunds, body, read_at, customer_id FROM backfill_bills
     WHERE tenant_id = $1 AND backfill_id = $2 AND outcome = 'ready'
     ORDER BY bill_id LIMIT $3
"""


async def ready(conn: Connection, run: Backfill, *, limit: int) -> list[OpenBill]:
    """Open bills whose customer was read."""
    return [_open(row) for row in await conn.fetch(READY, run.tenant_id, run.id, limit)]


SETTLE: Final = """
    -- backfill_bills_store.settle
    UPDATE backfill_bills b
       SET outcome = d.outcome, code = d.code, to_issue = d.to_issue, refunds = d.refunds::jsonb,
           body = CASE WHEN d.outcome = 'customer' THEN b.body END
      FROM unnest($3::bigint[], $4::text[], $5::text[], $6::bigint[], $7::text[])
           AS d (bill_id, outcome, code, to_issue, refunds)
     WHERE b.tenant_id = $1 AND b.backfill_id = $2 AND b.bill_id = d.bill_id
"""


async def settle(conn: Connection, run: Backfill, decided: Sequence[Decided]) -> None:
    """Write down what became of open bills; the body of a decided one is forgotten."""
    foreseen = [one.foreseen for one in decided]
    await conn.execute(
        SETTLE,
        run.tenant_id,
        run.id,
        [one.bill_id for one in decided],
        ["customer" if one is None else one.outcome for one in foreseen],
        [None if one is None else one.code for one in foreseen],
        [0 if one is None else one.to_issue for one in foreseen],
        [json.dumps(dict(one.refunds)) for one in decided],
    )


def _open(row: asyncpg.Record) -> OpenBill:
    values = dict(row)
    refunds = {ChargeId(int(key)): Cents(value) for key, value in values.pop("refunds").items()}
    return OpenBill(**values, refunds=refunds)
