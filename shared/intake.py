"""The one road by which a fact enters: store it and mark its sale as due, in one commit.

Webhook, reconciler and backfill all come through here (design D15).
"""

from collections.abc import Sequence

from shared.db import events_store, outbox_store
from shared.db.connection import Pool
from shared.db.events_store import StoredEvent
from shared.db.outbox_store import Mark


async def take_in(pool: Pool, events: Sequence[StoredEvent], marks: Sequence[Mark]) -> None:
    """Commit events and the sales they make due together; returns only after the commit.

    Safe to repeat: a sale that is due already stays one piece of work.
    """
    async with pool.acquire() as conn, conn.transaction():
        if events:
            await events_store.add(conn, events)
        if marks:
            await outbox_store.mark_due(conn, marks)
