"""Whose account it is: learnt once, of accounts that were connected before it was kept."""

from services.reconciler.accounts.context import PassContext
from shared.db.tenants import connections_store


async def learn_whose(context: PassContext) -> None:
    """Note the merchant of an account of which it is not known; one request then, none later.

    Only with it do tenants of one account share its budget and hear of each other.
    """
    async with context.pool.acquire() as conn:
        if not await connections_store.lacks_merchant(conn, context.tenant):
            return
    merchant = await context.vindi.merchant()
    async with context.pool.acquire() as conn:
        await connections_store.know_merchant(
            conn, context.tenant, merchant.id, connected_at=context.connected_at
        )
