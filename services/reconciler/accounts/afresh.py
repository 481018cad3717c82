"""Bills read by their ids, fifty a call, and taken in where they differ."""

from collections.abc import Iterable
from datetime import timedelta

from services.reconciler.accounts.context import PassContext
from services.reconciler.accounts.read_list import AtTheEnd, patiently_each, raise_unread
from services.reconciler.accounts.rows import rows_of
from services.reconciler.accounts.take_in import (
    NONE_READ,
    RefundsRead,
    take_in_missing,
    take_in_rows,
)
from shared.db.vindi import bills_store
from shared.domain.ids import BillId
from shared.vindi.client import BILLS, MOST_PER_PAGE


async def read_bills_afresh(
    context: PassContext,
    bills: Iterable[BillId],
    *,
    refunds: RefundsRead = NONE_READ,
    touch: bool = False,
) -> None:
    """Read bills by their ids, fifty a call, and take in what differs.

    What was read is taken in also where the rest could not be: then raises what kept it away.
    """
    wanted = sorted(set(bills))
    if not wanted:
        return
    asked = context.clock()
    found = await patiently_each(lambda ids: context.bulk.refresh_bills(context.vindi, ids), wanted)
    rows = rows_of(found.values())
    await take_in_rows(context, asked, rows, refunds=refunds, touch=touch)
    await take_in_missing(context, [bill for bill, row in found.items() if row is None])
    raise_unread(found.values(), BILLS.path)


async def see_open_bills(context: PassContext, *, unseen_for: timedelta) -> None:
    """Read every bill known as open that was not read for so long (section 11, lane E)."""
    after, unread = BillId(0), AtTheEnd()
    while True:
        async with context.pool.acquire() as conn:
            bills = await bills_store.open_unseen(
                conn,
                context.tenant,
                before=context.now - unseen_for,
                after=after,
                limit=MOST_PER_PAGE,
            )
        if not bills:
            return unread.raise_first()
        with unread.going_on():
            await read_bills_afresh(context, bills, touch=True)
        after = bills[-1]
