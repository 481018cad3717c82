"""What a refused connection stopped goes on once it is good again, by whatever road that came."""

from collections.abc import Sequence

from shared.db.backfill import backfills_store
from shared.db.connection import Connection
from shared.db.outbox import outbox_wakes
from shared.domain.ids import TenantId


async def go_on(conn: Connection, tenant: TenantId, codes: Sequence[str]) -> None:
    """Have sales that one of these codes stopped decided again, and a backfill read on.

    Lives in the transaction that says that the connection is good; ring the waker after it.
    """
    await outbox_wakes.wake_stopped(conn, tenant, codes)
    await backfills_store.wake(conn, tenant, codes)
