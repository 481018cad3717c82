"""The one road by which a fact enters: store it and mark its sale as due, in one commit.

Webhook, reconciler and backfill all come through here (design D15).
"""

from collections.abc import Sequence
from datetime import datetime

from shared.db.connection import Connection, Pool, let_go_in_time, waiting_briefly
from shared.db.outbox import outbox_store
from shared.db.outbox.outbox_store import Mark
from shared.db.tenants import connections_store
from shared.db.vindi import bills_store, events_store
from shared.db.vindi.bills_store import ReadBill
from shared.db.vindi.events_store import StoredEvent
from shared.domain.ids import TenantId


async def take_in(
    pool: Pool,
    events: Sequence[StoredEvent],
    marks: Sequence[Mark],
    *,
    briefly: bool = False,
) -> None:
    """Commit events and the sales they make due together; returns only after the commit.

    Safe to repeat: a sale that is due already stays one piece of work. Where `briefly`, raises
    asyncpg.LockNotAvailableError as soon as somebody holds one of the sales for a while, and
    TimeoutError a few seconds after it was broken off where the server answers nothing.
    """
    acquired = let_go_in_time(pool) if briefly else pool.acquire()
    async with acquired as conn, waiting_briefly(conn) if briefly else conn.transaction():
        if events:
            await events_store.add(conn, events)
        if marks:
            await outbox_store.mark_due(conn, marks)


async def take_in_bills(
    pool: Pool,
    tenant: TenantId,
    reads: Sequence[ReadBill],
    marks: Sequence[Mark],
    *,
    connected_at: datetime,
) -> bool:
    """Commit bills as read and the sales they make due together, as `take_in` does.

    False, with nothing committed, where the connection they were read through, the one made at
    `connected_at`, is no more.
    """
    async with pool.acquire() as conn, conn.transaction():
        if not await connections_store.hold_vindi(conn, tenant, connected_at):
            return False
        await put_bills(conn, tenant, reads, marks)
    return True


async def put_bills(
    conn: Connection, tenant: TenantId, reads: Sequence[ReadBill], marks: Sequence[Mark]
) -> None:
    """Store bills as read and mark their sales as due, in the caller's transaction.

    A mark whose `read_at` is that of its bill here tells the emitter that it need not read again.
    """
    # The outbox row before the bill, as workers lock them: else the two could wait for one
    # another, which PostgreSQL notices only after a second.
    if marks:
        await outbox_store.mark_due(conn, marks)
    await bills_store.store(conn, tenant, reads)
