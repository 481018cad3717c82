"""Making many sales due at once, after something that all of them depend on changed.

Rows that a worker holds are woken too: it may have decided before the change, and the raised
generation makes it look again. Rows are locked in the order in which workers lock them.
"""

from collections.abc import Sequence
from typing import Final

from shared.db.connection import Connection
from shared.db.outbox.outbox_store import RECONCILE, Lane
from shared.domain.ids import TenantId

WAKE_UNSENT: Final = """
    -- outbox_wakes.wake_unsent
    WITH affected AS MATERIALIZED (
        SELECT o.bill_id FROM outbox o
          LEFT JOIN sales s ON s.tenant_id = o.tenant_id AND s.bill_id = o.bill_id
         WHERE o.tenant_id = $1
           AND (o.state = 'leased'
                OR s.status IN ('waiting_payment', 'in_guarantee', 'queued')
                OR (s.status = 'held' AND s.code <> 'held_by_person')
                OR (s.status = 'skipped' AND s.code = 'rule_never'))
         ORDER BY o.bill_id FOR UPDATE OF o
    )
    UPDATE outbox o
       SET generation = o.generation + 1, tries = 0,
           lane = CASE WHEN o.state = 'settled' THEN $2 ELSE least(o.lane, $2) END,
           due_at = least(o.due_at, now()),
           state = CASE WHEN o.state = 'leased' THEN 'leased' ELSE 'due' END
      FROM affected a
     WHERE o.tenant_id = $1 AND o.bill_id = a.bill_id
"""


async def wake_unsent(conn: Connection, tenant: TenantId, *, lane: Lane = RECONCILE) -> int:
    """Have every sale that is not sent decided again, as after a new rule; returns how many."""
    return _count(await conn.execute(WAKE_UNSENT, tenant, lane))


WAKE_STOPPED: Final = """
    -- outbox_wakes.wake_stopped
    WITH affected AS MATERIALIZED (
        SELECT o.bill_id FROM outbox o
          LEFT JOIN sales s ON s.tenant_id = o.tenant_id AND s.bill_id = o.bill_id
         WHERE o.tenant_id = $1
           AND (o.state = 'leased' OR (o.state = 'due' AND o.tries > 0)
                OR s.code = ANY($2::text[]) OR s.attention = ANY($2::text[]))
         ORDER BY o.bill_id FOR UPDATE OF o
    )
    UPDATE outbox o
       SET generation = o.generation + 1, tries = 0,
           lane = CASE WHEN o.state = 'settled' THEN $3 ELSE least(o.lane, $3) END,
           due_at = least(o.due_at, now()),
           state = CASE WHEN o.state = 'leased' THEN 'leased' ELSE 'due' END
      FROM affected a
     WHERE o.tenant_id = $1 AND o.bill_id = a.bill_id
"""


async def wake_stopped(
    conn: Connection, tenant: TenantId, codes: Sequence[str], *, lane: Lane = RECONCILE
) -> int:
    """Make due what one of these codes stopped, and what is waiting to be tried again."""
    return _count(await conn.execute(WAKE_STOPPED, tenant, list(codes), lane))


def _count(tag: str) -> int:
    return int(tag.rpartition(" ")[2])
