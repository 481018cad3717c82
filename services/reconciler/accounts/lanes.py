"""Two lanes of a pass: bills changed and charges changed (vindi-api, section 11)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from services.reconciler.accounts.afresh import read_bills_afresh, see_open_bills
from services.reconciler.accounts.compare import charge_differs
from services.reconciler.accounts.context import PassContext
from services.reconciler.accounts.fall_back import BILLS_LIST, CHARGES_LIST, fall_back
from services.reconciler.accounts.known import known_bills, known_charges
from services.reconciler.accounts.read_list import DISORDER, AtTheEnd, IncompletePass, ListRead
from services.reconciler.accounts.read_newest import read_newest
from services.reconciler.accounts.rows import Row, id_in, since
from services.reconciler.accounts.since import pages_since
from services.reconciler.accounts.take_in import take_in_rows
from shared.db.vindi import bills_store
from shared.domain.bill import Bill
from shared.domain.ids import BillId
from shared.vindi.client import BILLS, CHARGES, Read, Unreadable
from shared.vindi.errors import VindiRequestRefused
from shared.vindi.payloads import BilledCharge
from shared.vindi.query import where

# Without a filter on changes, open bills are looked at this often instead.
OPEN_EVERY: Final = timedelta(hours=1)


async def read_changed_bills(context: PassContext) -> None:
    """Lane A: bills changed since its mark."""
    mark = context.state.bills_mark
    if BILLS_LIST not in context.findings.plain:

        def changed(since_then: datetime) -> ListRead[Bill]:
            query = where("updated_at", ">=", context.written(since_then))
            fits = since("updated_at", since_then)
            return ListRead(resource=BILLS, query=query, fits=fits)

        try:
            async for asked, rows in pages_since(context, mark, changed, known_bills):
                await take_in_rows(context, asked, rows)
        except (IncompletePass, VindiRequestRefused) as error:
            await fall_back(context, BILLS_LIST, error)
        else:
            return
    disorder: IncompletePass | None = None
    asked = context.clock()
    try:
        async for rows in read_newest(context.vindi, BILLS, back_to=context.bound(mark)):
            await take_in_rows(context, asked, rows)
            asked = context.clock()
    except IncompletePass as error:
        if error.why != DISORDER:
            raise
        disorder = error  # open bills are looked at all the same: such a list shows no end of them
    await see_open_bills(context, unseen_for=OPEN_EVERY)
    if disorder is not None:
        raise disorder


async def read_changed_charges(context: PassContext) -> None:
    """Lane B: charges changed since its mark, to the bills that do not show it yet.

    Without the filter there is nothing to read: lane A looks at every open bill then.
    """
    if CHARGES_LIST in context.findings.plain:
        return

    def changed(since_then: datetime) -> ListRead[BilledCharge]:
        query = where("updated_at", ">=", context.written(since_then))
        fits = since("updated_at", since_then)
        return ListRead(resource=CHARGES, query=query, fits=fits)

    unread = AtTheEnd()
    try:
        mark = context.state.charges_mark
        async for _, rows in pages_since(context, mark, changed, known_charges):
            with unread.going_on():
                await read_bills_afresh(context, await _bills_behind(context, rows))
        unread.raise_first()
    except (IncompletePass, VindiRequestRefused) as error:
        await fall_back(context, CHARGES_LIST, error)


async def _bills_behind(context: PassContext, rows: Sequence[Row[BilledCharge]]) -> set[BillId]:
    """The bills that do not show what these charges show."""
    charges = [row.value for row in rows if isinstance(row, Read)]
    async with context.pool.acquire() as conn:
        known = await bills_store.load(
            conn, context.tenant, sorted({charge.bill_id for charge in charges})
        )
    stored = {bill: context.stored_bill(row) for bill, row in known.items()}
    behind = {c.bill_id for c in charges if charge_differs(stored.get(c.bill_id), c.charge)}
    unreadable = (id_in(row, "bill") for row in rows if isinstance(row, Unreadable))
    return behind | {BillId(bill) for bill in unreadable if bill}
