"""What is stored of an account's last hours: which records, how they were stamped, when read."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime

from services.reconciler.accounts.context import PassContext
from shared.db.vindi import bills_store
from shared.db.vindi.bills_store import KnownBill
from shared.domain.ids import BillId


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownRow:
    """One record of a list, as it was last read: by itself, or inside its bill."""

    id: int
    bill_id: BillId
    stamp: datetime  # its `updated_at`, whole seconds
    read_at: datetime  # not later than when it was asked for


async def known_bills(context: PassContext, since: datetime) -> list[KnownRow]:
    """Bills stamped since then, as stored; not all of them, perhaps."""
    return [
        KnownRow(
            id=bill.bill_id,
            bill_id=bill.bill_id,
            stamp=bill.updated_at,
            read_at=_read_at(context, bill),
        )
        async for bill in _lately(context, since)
        if bill.updated_at >= since
    ]


async def known_charges(context: PassContext, since: datetime) -> list[KnownRow]:
    """Charges stamped since then, as stored inside their bills; not all of them, perhaps."""
    rows: list[KnownRow] = []
    async for known in _lately(context, since):
        bill = context.stored_bill(known)
        rows += [
            KnownRow(
                id=charge.id,
                bill_id=known.bill_id,
                stamp=charge.updated_at,
                read_at=_read_at(context, known),
            )
            for charge in (bill.charges if bill else ())
            if charge.updated_at is not None and charge.updated_at >= since
        ]
    return rows


async def _lately(context: PassContext, since: datetime) -> AsyncIterator[KnownBill]:
    async with (
        context.pool.acquire() as conn,
        conn.transaction(readonly=True),
        aclosing(bills_store.lately(conn, context.tenant, since)) as bills,
    ):
        async for bill in bills:
            yield bill


def _read_at(context: PassContext, bill: KnownBill) -> datetime:
    # A row this pass saw unchanged keeps its older `read_at` in the table.
    return max(bill.read_at, context.findings.seen.get(bill.bill_id, bill.read_at))
