"""Making sales due that are there already, after something that they depend on changed.

Rows that a worker holds are woken too: it may have decided before the change, and the raised
generation makes it look again. Rows are locked in the order in which workers lock them.
"""

from collections.abc import Sequence
from typing import Final

from shared.db.connection import Connection
from shared.db.outbox.outbox_store import RECONCILE, Lane
from shared.domain.ids import BillId, TenantId

WAKE: Final = """
    -- outbox_wakes.wake
    WITH known AS MATERIALIZED (
        SELECT bill_id FROM outbox
         WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[])
         ORDER BY bill_id FOR UPDATE
    )
    UPDATE outbox o
       SET generation = o.generation + 1, bill_facts = o.bill_facts + $3::boolean::int, tries = 0,
           lane = CASE WHEN o.state = 'settled' THEN coalesce($4, o.lane)
                       ELSE least(o.lane, $4) END,
           due_at = least(o.due_at, now()),
           state = CASE WHEN o.state = 'leased' THEN 'leased' ELSE 'due' END
     WHERE o.tenant_id = $1 AND o.bill_id = ANY(ARRAY(SELECT bill_id FROM known))
"""


async def wake(
    conn: Connection,
    tenant: TenantId,
    bills: Sequence[BillId],
    *,
    about_bill: bool,
    lane: Lane | None = None,
) -> None:
    """Have these sales decided again; None as the lane keeps theirs.

    With `about_bill` their bills are read again before. Lives in the caller's transaction.
    """
    if bills:
        await conn.execute(WAKE, tenant, bills, about_bill, lane)


UNSENT: Final = """
    -- outbox_wakes.wake_unsent
    SELECT o.bill_id FROM outbox o
      LEFT JOIN sales s ON s.tenant_id = o.tenant_id AND s.bill_id = o.bill_id
     WHERE o.tenant_id = $1
       AND (o.state = 'leased'
            OR s.status IN ('waiting_payment', 'in_guarantee', 'queued')
            OR (s.status = 'held' AND s.code <> 'held_by_person')
            OR (s.status = 'skipped' AND s.code = 'rule_never'))
     ORDER BY o.bill_id FOR UPDATE OF o
"""


async def wake_unsent(conn: Connection, tenant: TenantId) -> None:
    """Have every sale that is not sent decided again, as after a new rule."""
    bills = [row["bill_id"] for row in await conn.fetch(UNSENT, tenant)]
    await wake(conn, tenant, bills, about_bill=False, lane=RECONCILE)


STOPPED: Final = """
    -- outbox_wakes.wake_stopped
    SELECT o.bill_id FROM outbox o
      LEFT JOIN sales s ON s.tenant_id = o.tenant_id AND s.bill_id = o.bill_id
     WHERE o.tenant_id = $1
       AND (o.state = 'leased' OR (o.state = 'due' AND o.tries > 0)
            OR s.code = ANY($2::text[]) OR s.attention = ANY($2::text[]))
     ORDER BY o.bill_id FOR UPDATE OF o
"""


async def wake_stopped(conn: Connection, tenant: TenantId, codes: Sequence[str]) -> None:
    """Make due what one of these codes stopped, and what is waiting to be tried again."""
    bills = [row["bill_id"] for row in await conn.fetch(STOPPED, tenant, list(codes))]
    await wake(conn, tenant, bills, about_bill=False, lane=RECONCILE)
