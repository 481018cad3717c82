"""Making sales due that are there already, after something that they depend on changed.

Rows that a worker holds are woken too: it may have decided before the change, and the raised
generation makes it look again. So are rows that are due, of which a worker may claim some, and
decide by what was before, until the change is committed: their generation alone is raised. Rows are
locked in the order in which workers lock them.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import asyncpg

from shared.db import clock
from shared.db.connection import Connection
from shared.db.outbox.outbox_store import RECONCILE, Lane
from shared.domain.ids import BillId, TenantId
from shared.telemetry import traces

WAKE: Final = """
    -- outbox_wakes.wake
    WITH known AS MATERIALIZED (
        SELECT bill_id FROM outbox
         WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[])
         ORDER BY bill_id FOR UPDATE
    )
    UPDATE outbox o
       SET generation = o.generation + 1, bill_facts = o.bill_facts + $3::boolean::int, tries = 0,
           asked_facts = CASE WHEN $7 THEN o.bill_facts + $3::boolean::int ELSE o.asked_facts END,
           lane = CASE WHEN o.state = 'settled' THEN coalesce($4, o.lane)
                       ELSE least(o.lane, $4) END,
           due_at = least(o.due_at, now()),
           traceparent = coalesce($5, o.traceparent), traced_at = coalesce($6, o.traced_at),
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
    asked: bool = False,
) -> None:
    """Have these sales decided again; None as the lane keeps theirs.

    With `about_bill` their bills are read again before. `asked`: a person wants that of these very
    sales, so that they wait for no talk of others' about them. Lives in the caller's transaction.
    """
    if bills:
        # Those that are woken together each begin a trace of their own when they are worked on, as
        # does what was traced long ago; who does not trace takes nothing away.
        trace = traces.carried() if len(bills) == 1 else None
        traced_at = None if trace is None else await clock.now(conn)
        await conn.execute(WAKE, tenant, bills, about_bill, lane, trace, traced_at, asked)


# A row that is due is decided after the change anyway, unless it is claimed before.
TOUCH: Final = """
    -- outbox_wakes.touch
    UPDATE outbox SET generation = generation + 1
     WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[])
"""


async def _wake_some(conn: Connection, tenant: TenantId, rows: Sequence[asyncpg.Record]) -> None:
    await wake(
        conn,
        tenant,
        [row["bill_id"] for row in rows if row["stopped"]],
        about_bill=False,
        lane=RECONCILE,
    )
    due = [row["bill_id"] for row in rows if not row["stopped"]]
    if due:
        await conn.execute(TOUCH, tenant, due)


# What was left out for its creation may be of after the activation by its payment.
UNSENT: Final = """
    -- outbox_wakes.wake_unsent
    SELECT o.bill_id, (o.state <> 'due' OR s.stopped) AS stopped
      FROM outbox o
      LEFT JOIN LATERAL (
           SELECT status IN ('waiting_payment', 'in_guarantee', 'queued')
                  OR (status = 'held' AND code <> 'held_by_person')
                  OR (status = 'skipped' AND code = 'rule_never')
                  OR (status = 'skipped' AND code = 'before_activation'
                      AND moment_at = (SELECT created_moment FROM bills
                                        WHERE tenant_id = $1 AND bill_id = o.bill_id)) AS stopped
             FROM sales WHERE tenant_id = $1 AND bill_id = o.bill_id) AS s ON true
     WHERE o.tenant_id = $1 AND (o.state <> 'settled' OR s.stopped)
     ORDER BY o.bill_id FOR UPDATE OF o
"""


async def wake_unsent(conn: Connection, tenant: TenantId) -> None:
    """Have every sale that is not sent decided again, as after a new rule."""
    await _wake_some(conn, tenant, await conn.fetch(UNSENT, tenant))


QUEUED: Final = """
    -- outbox_wakes.wake_queued
    SELECT o.bill_id, true AS stopped
      FROM outbox o
     WHERE o.tenant_id = $1 AND o.state = 'due'
       AND EXISTS (SELECT FROM sales s WHERE s.tenant_id = $1 AND s.bill_id = o.bill_id
                      AND s.status = 'queued')
     ORDER BY o.bill_id FOR UPDATE OF o
"""


async def wake_queued(conn: Connection, tenant: TenantId) -> None:
    """Make due at once what waits in the queue, as after what stopped it was mended."""
    await _wake_some(conn, tenant, await conn.fetch(QUEUED, tenant))


STOPPED: Final = """
    -- outbox_wakes.wake_stopped
    SELECT o.bill_id, (o.state <> 'due' OR o.tries > 0 OR s.stopped) AS stopped
      FROM outbox o
      LEFT JOIN LATERAL (
           SELECT code = ANY($2::text[]) OR attention = ANY($2::text[]) AS stopped
             FROM sales WHERE tenant_id = $1 AND bill_id = o.bill_id) AS s ON true
     WHERE o.tenant_id = $1 AND (o.state <> 'settled' OR s.stopped)
     ORDER BY o.bill_id FOR UPDATE OF o
"""


async def wake_stopped(conn: Connection, tenant: TenantId, codes: Sequence[str]) -> None:
    """Make due what one of these codes stopped, and what is waiting to be tried again."""
    await _wake_some(conn, tenant, await conn.fetch(STOPPED, tenant, list(codes)))


LEFT: Final = """
    -- outbox_wakes.wake_left
    SELECT o.bill_id, (o.state <> 'due' OR s.stopped) AS stopped
      FROM outbox o
      LEFT JOIN LATERAL (
           SELECT code = ANY($2::text[]) AND moment_at >= $3 AS stopped
             FROM sales WHERE tenant_id = $1 AND bill_id = o.bill_id) AS s ON true
     WHERE o.tenant_id = $1 AND (o.state <> 'settled' OR s.stopped)
     ORDER BY o.bill_id FOR UPDATE OF o
"""


async def wake_left(
    conn: Connection, tenant: TenantId, codes: Sequence[str], since: datetime
) -> None:
    """Have sales decided again that were left out with one of these codes, of moments since then.

    And whatever is being decided now, perhaps by what was before. A day more than asked for: a
    boleto's moment is where the tenant's day begins, its payment where Vindi's does.
    """
    reach = since - timedelta(days=1)
    await _wake_some(conn, tenant, await conn.fetch(LEFT, tenant, list(codes), reach))
