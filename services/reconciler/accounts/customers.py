"""The lane of customers: what changed in them frees sales held, or denied, for their data.

Vindi sends no event for a customer. The lane asks nothing while no sale waits for one.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from services.reconciler.accounts.context import PassContext
from services.reconciler.accounts.fall_back import CUSTOMERS_LIST, fall_back
from services.reconciler.accounts.read_list import (
    AtTheEnd,
    IncompletePass,
    ListRead,
    patiently_each,
    raise_unread,
)
from services.reconciler.accounts.rows import Row, id_of, instant_of, rows_of, since
from services.reconciler.accounts.since import pages_since
from services.reconciler.accounts.take_in import mark_again
from shared.db.sales import customer_holds_store
from shared.domain.bill import Customer
from shared.domain.ids import CustomerId
from shared.vindi.client import CUSTOMERS, MOST_PER_PAGE
from shared.vindi.errors import VindiRequestRefused
from shared.vindi.query import where

# A change this much older than a hold was seen when it was decided; two clocks are compared.
SURELY_SEEN: Final = timedelta(minutes=5)


async def read_changed_customers(context: PassContext) -> None:
    """Lane D: customers changed since its mark, if any sale waits for one."""
    async with context.pool.acquire() as conn:
        if not await customer_holds_store.any_waiting(conn, context.tenant):
            return
    if CUSTOMERS_LIST not in context.findings.plain:

        def changed(since_then: datetime) -> ListRead[Customer]:
            query = where("updated_at", ">=", context.written(since_then))
            fits = since("updated_at", since_then)
            return ListRead(resource=CUSTOMERS, query=query, fits=fits)

        try:
            async for _, rows in pages_since(context, context.state.customers_mark, changed):
                await _decide_again(context, rows)
        except (IncompletePass, VindiRequestRefused) as error:
            await fall_back(context, CUSTOMERS_LIST, error)
        else:
            return
    await _read_each(context)


async def _read_each(context: PassContext) -> None:
    """Without a filter on changes: every customer that a sale waits for, fifty a call."""
    after, unread = CustomerId(0), AtTheEnd()
    while True:
        async with context.pool.acquire() as conn:
            customers = await customer_holds_store.customers_after(
                conn, context.tenant, after=after, limit=MOST_PER_PAGE
            )
        if not customers:
            return unread.raise_first()
        found = await patiently_each(
            lambda ids: context.bulk.refresh_customers(context.vindi, ids), customers
        )
        await _decide_again(context, rows_of(found.values()))
        with unread.going_on():
            raise_unread(found.values(), CUSTOMERS.path)
        after = customers[-1]


async def _decide_again(context: PassContext, rows: Sequence[Row[Customer]]) -> None:
    """Make due the sales that waited for these customers before they last changed."""
    changed = {
        CustomerId(number): at
        for row in rows
        if (number := id_of(row)) is not None
        and (at := instant_of(row.raw, "updated_at")) is not None
    }
    if not changed:
        return
    async with context.pool.acquire() as conn:
        held = await customer_holds_store.waiting_for(conn, context.tenant, list(changed))
    bills = [
        hold.bill_id for hold in held if changed[hold.customer_id] + SURELY_SEEN >= hold.decided_at
    ]
    await mark_again(context, bills)
