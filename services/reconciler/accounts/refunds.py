"""The lane of refunds: transactions, to their charges, to their bills (vindi-api, section 7.4)."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from services.reconciler.accounts.afresh import read_bills_afresh
from services.reconciler.accounts.context import PassContext, pages
from services.reconciler.accounts.fall_back import REFUNDS_LIST, fall_back
from services.reconciler.accounts.read_list import (
    IncompletePass,
    ListRead,
    patiently_each,
    raise_unread,
)
from services.reconciler.accounts.read_newest import read_newest
from services.reconciler.accounts.rows import id_in, id_of, since
from services.reconciler.accounts.take_in import RefundsRead
from shared.db.vindi import passes_store, refunds_pending_store
from shared.domain.ids import BillId, ChargeId
from shared.domain.money import Cents
from shared.domain.refunds import SOONEST, look_again, under_way
from shared.vindi.client import CHARGES, MOST_PER_PAGE, TRANSACTIONS, Read, Unreadable, Untold
from shared.vindi.errors import VindiRequestRefused
from shared.vindi.query import all_of, where
from shared.vindi.refund_lists import RefundRow


async def read_refunds(context: PassContext) -> None:
    """Lane C: refunds made since its mark; a partial one shows nowhere else."""
    await look_at_pending(context)
    bound = context.bound(context.state.refunds_mark)
    if REFUNDS_LIST not in context.findings.plain:
        made = since("created_at", bound)
        wanted = ListRead(
            resource=TRANSACTIONS,
            query=all_of(
                where("transaction_type", "=", "refund"),
                where("created_at", ">=", context.written(bound)),
            ),
            fits=lambda raw: raw.get("transaction_type") == "refund" and made(raw),
        )
        try:
            async for _, rows in pages(context, wanted):
                await take_refunds(context, rows)
        except (IncompletePass, VindiRequestRefused) as error:
            await fall_back(context, REFUNDS_LIST, error)
        else:
            return
    async for rows in read_newest(context.vindi, TRANSACTIONS, back_to=bound):
        refunds = [row for row in rows if row.raw.get("transaction_type") == "refund"]
        await take_refunds(context, refunds)


async def look_at_pending(context: PassContext) -> None:
    """Ask about refunds that were under way when their list was read."""
    now = context.clock()
    async with context.pool.acquire() as conn:
        pending = await refunds_pending_store.due(conn, context.tenant, now, limit=MOST_PER_PAGE)
    if not pending:
        return
    found = await patiently_each(
        lambda ids: context.bulk.refresh_transactions(context.vindi, ids), pending
    )
    told = {number for number, row in found.items() if not isinstance(row, Untold)}
    rows = {number: row for number, row in found.items() if isinstance(row, Read | Unreadable)}
    await take_refunds(context, list(rows.values()))
    again = {
        number: at
        for number, row in rows.items()
        if _under_way(row) and (at := look_again(pending[number], now)) is not None
    }
    async with context.pool.acquire() as conn, conn.transaction():
        await refunds_pending_store.keep(conn, context.tenant, again)
        over = [number for number in pending if number in told and number not in again]
        await refunds_pending_store.forget(conn, context.tenant, over)
    raise_unread(found.values(), TRANSACTIONS.path)


async def take_refunds(context: PassContext, rows: Sequence[RefundRow]) -> None:
    """From refunds not dealt with yet to their charges, all refunds of these, and their bills."""
    # Refunds of no charge at all give back what verified a card.
    ids = {
        number: row for row in rows if (number := id_of(row)) is not None and id_in(row, "charge")
    }
    async with context.pool.acquire() as conn:
        unseen = await passes_store.unseen_refunds(conn, context.tenant, list(ids))
    # Only a refund that succeeded, or that cannot be read, is news; another may still succeed.
    news = [
        number
        for number in sorted(unseen)
        if isinstance(row := ids[number], Unreadable) or row.value is not None
    ]
    dealt_with: list[int] = []
    untold: list[Untold] = []
    if news:
        dealt_with, untold = await _settle(context, {number: ids[number] for number in news})
    await _note(context, dealt_with, [number for number in ids if _under_way(ids[number])])
    raise_unread(untold, CHARGES.path)


def _under_way(row: RefundRow) -> bool:
    return under_way(row.raw.get("transaction_type"), row.raw.get("status"))


async def _note(context: PassContext, dealt_with: Sequence[int], waiting: Sequence[int]) -> None:
    if not dealt_with and not waiting:
        return
    now = context.clock()
    async with context.pool.acquire() as conn, conn.transaction():
        await passes_store.note_refunds(conn, context.tenant, dealt_with)
        soon = dict.fromkeys(waiting, now + SOONEST)
        await refunds_pending_store.add(conn, context.tenant, soon, now)


async def _settle(
    context: PassContext, rows: Mapping[int, RefundRow]
) -> tuple[list[int], list[Untold]]:
    """Take in the bills of these refunds; returns the refunds whose bill was found.

    One charge that its account cannot show keeps no other refund away: what was not read is
    returned too, to be raised once the rest is written down.
    """
    charges = {ChargeId(charge) for row in rows.values() if (charge := id_in(row, "charge"))}
    billed = await patiently_each(
        lambda ids: context.bulk.refresh_charges(context.vindi, ids), charges
    )
    bill_of: dict[ChargeId, BillId] = {}
    for charge, found in billed.items():
        if isinstance(found, Read):
            bill_of[charge] = found.value.bill_id
        elif isinstance(found, Unreadable) and (bill := id_in(found, "bill")):
            bill_of[charge] = BillId(bill)
    sums = await patiently_each(
        lambda ids: context.bulk.refunds_of_charges(context.vindi, ids), bill_of
    )
    untold = [one for one in (*billed.values(), *sums.values()) if isinstance(one, Untold)]
    bill_of = {c: bill for c, bill in bill_of.items() if not isinstance(sums.get(c), Untold)}
    read = RefundsRead(
        sums={
            charge: Cents(sum(refund.amount for refund in found))
            for charge, found in sums.items()
            if isinstance(found, tuple)
        },
        newest=_newest(rows, bill_of),
    )
    await read_bills_afresh(context, bill_of.values(), refunds=read)
    return [number for number, row in rows.items() if id_in(row, "charge") in bill_of], untold


def _newest(
    rows: Mapping[int, RefundRow], bill_of: Mapping[ChargeId, BillId]
) -> Mapping[BillId, datetime]:
    """When the newest of these refunds was made, for each bill."""
    made = sorted(
        (row.value.created_at, row.value.charge_id)
        for row in rows.values()
        if isinstance(row, Read) and row.value is not None
    )
    return {bill_of[charge]: at for at, charge in made if charge in bill_of}
