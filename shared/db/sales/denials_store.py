"""Denied notas by their cause, and one button for all of a cause."""

from datetime import datetime
from typing import Final

from msgspec import Struct

from shared.db.connection import Connection
from shared.db.outbox.outbox_store import RECONCILE
from shared.domain.ids import BillId, TenantId
from shared.domain.money import Cents

EXAMPLES: Final = 5
CHUNK: Final = 1000  # rows locked at once; more would keep workers waiting


class DenialGroup(Struct, frozen=True, kw_only=True):
    """All denied sales of one cause. `reason` is one of their texts, sealed."""

    group: str
    denial: str
    count: int
    amount: Cents
    first_at: datetime
    last_at: datetime
    by_itself: int  # of them, sent again by themselves later
    examples: tuple[BillId, ...]
    reason: bytes | None


# Notas denied before causes were kept form the group of their class. Ids go from step to step as
# arrays: thousands of denials come within a minute, before the planner has heard of them, and a
# join it believes to be of a few rows would take minutes.
GROUPS: Final = """
    -- denials_store.groups
    SELECT coalesce(n.denial_group, n.denial) AS "group", min(n.denial) AS denial,
           count(DISTINCT n.bill_id) AS count, sum(n.amount)::bigint AS amount,
           min(coalesce(n.denied_at, n.sent_at, n.created_at)) AS first_at,
           max(coalesce(n.denied_at, n.sent_at, n.created_at)) AS last_at,
           count(*) FILTER (WHERE n.resend_at IS NOT NULL) AS by_itself,
           (array_agg(n.bill_id ORDER BY n.bill_id))[1:$2] AS examples,
           (array_agg(n.reason ORDER BY n.bill_id) FILTER (WHERE n.reason IS NOT NULL))[1]
               AS reason
      FROM notas n
     WHERE n.tenant_id = $1 AND n.status = 'denied' AND NOT n.resend
       AND n.bill_id = ANY (ARRAY(SELECT s.bill_id FROM sales s
                                   WHERE s.tenant_id = $1 AND s.status = 'denied'))
     GROUP BY 1
     ORDER BY count DESC, "group"
"""


async def groups(conn: Connection, tenant: TenantId) -> list[DenialGroup]:
    """The causes of all denials that stand, the most frequent first."""
    rows = await conn.fetch(GROUPS, tenant, EXAMPLES)
    return [DenialGroup(**{**dict(row), "examples": tuple(row["examples"])}) for row in rows]


# Rows are locked in the order in which workers lock them; a leased one is left to its worker, and
# its raised generation brings it back.
RETRY: Final = """
    -- denials_store.retry
    WITH wanted AS MATERIALIZED (
        SELECT n.bill_id FROM notas n
         WHERE n.tenant_id = $1 AND n.status = 'denied' AND NOT n.resend AND n.bill_id > $3
           AND n.bill_id = ANY (ARRAY(SELECT s.bill_id FROM sales s
                                       WHERE s.tenant_id = $1 AND s.status = 'denied'
                                         AND s.bill_id > $3))
           AND (n.denial_group = $2 OR (n.denial_group IS NULL AND n.denial = $2))
         ORDER BY n.bill_id LIMIT $4
    ), locked AS MATERIALIZED (
        SELECT o.bill_id FROM outbox o
         WHERE o.tenant_id = $1 AND o.bill_id = ANY (ARRAY(SELECT bill_id FROM wanted))
         ORDER BY o.bill_id FOR UPDATE
    ), again AS (
        UPDATE notas n SET resend = true, resend_at = NULL
         WHERE n.tenant_id = $1 AND n.bill_id = ANY (ARRAY(SELECT bill_id FROM locked))
           AND n.status = 'denied'
           AND (n.denial_group = $2 OR (n.denial_group IS NULL AND n.denial = $2))
     RETURNING n.bill_id
    ), due AS (
        UPDATE outbox o
           SET generation = o.generation + 1, bill_facts = o.bill_facts + 1, tries = 0,
               lane = CASE WHEN o.state = 'settled' THEN $5 ELSE least(o.lane, $5) END,
               due_at = least(o.due_at, now()),
               state = CASE WHEN o.state = 'leased' THEN 'leased' ELSE 'due' END
         WHERE o.tenant_id = $1 AND o.bill_id = ANY (ARRAY(SELECT bill_id FROM again))
    ), told AS (
        INSERT INTO timeline (tenant_id, bill_id, what, why, by)
        SELECT $1, bill_id, 'retry', $6, $7 FROM (SELECT DISTINCT bill_id FROM again) bills
    )
    SELECT (SELECT count(DISTINCT bill_id) FROM again) AS accepted,
           (SELECT max(bill_id) FROM wanted) AS last
"""


async def retry(
    conn: Connection, tenant: TenantId, group: str, *, after: int, reason: str, by: str
) -> tuple[int, int | None]:
    """Have the next chunk of a cause sent again. Returns how many, and the last bill looked at.

    None as the last bill: there are no more. They stand behind live sales, in a lane of their own.
    """
    row = await conn.fetchrow(RETRY, tenant, group, after, CHUNK, RECONCILE, reason, by)
    if row is None:
        raise AssertionError("a SELECT of counts gives its row")
    return row["accepted"], row["last"]
