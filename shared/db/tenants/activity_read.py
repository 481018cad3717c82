"""What happened between two instants: what was heard, what became of sales, what people did.

Three tables are merged by their time, a page at a time. None of the three holds a key, a
document, an address or the body of an event; names stand in what people did.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal, get_args

import asyncpg
from msgspec import Struct

from shared.db.connection import Connection
from shared.domain.ids import BillId, TenantId

# `act`: what a person or a token changed; `heard`: an event that came in; `sale`: a line of a
# sale's history, its decisions and its notas.
ActivityKind = Literal["act", "heard", "sale"]
ACTIVITY_KINDS: Final[tuple[ActivityKind, ...]] = get_args(ActivityKind)


class ActivityPlace(Struct, frozen=True, kw_only=True):
    """Where a list goes on: behind this entry."""

    at: datetime
    kind: ActivityKind
    key: str


class Activity(Struct, frozen=True, kw_only=True):
    """One thing that happened. `what` is a stable word, `by` a service, or who did it by name.

    `detail` is what an act's entry in the log has; `why` what a sale's history says.
    """

    at: datetime
    kind: ActivityKind
    key: str
    bill_id: BillId | None
    what: str
    why: str
    by: str
    detail: Mapping[str, Any]

    @property
    def place(self) -> ActivityPlace:
        """Where a list goes on after it."""
        return ActivityPlace(at=self.at, kind=self.kind, key=self.key)


# Each branch goes on behind the place by its own index, so a page costs a page, however many
# entries share an instant. An entry's number is compared as text of one length.
BETWEEN: Final = """
    -- activity_read.between
    SELECT * FROM (
        (SELECT at, 'act' AS kind, lpad(entry_id::text, 19, '0') AS key, NULL::bigint AS bill_id,
                action AS what, '' AS why, actor AS by, detail
           FROM audit
          WHERE tenant_id = $1 AND 'act' = ANY($8::text[]) AND at >= $2 AND at < $3
            AND ($4::timestamptz IS NULL OR at >= $4)
            AND ($4::timestamptz IS NULL
                 OR (at, 'act', lpad(entry_id::text, 19, '0')) > ($4, $5::text, $6::text))
          ORDER BY at, entry_id LIMIT $7)
         UNION ALL
        (SELECT received_at, 'heard', event_id::text, bill_id, coalesce(type, ''),
                coalesce(flag, ''), source, '{}'::jsonb
           FROM events
          WHERE tenant_id = $1 AND 'heard' = ANY($8::text[]) AND received_at >= $2
            AND received_at < $3
            AND ($4::timestamptz IS NULL OR received_at >= $4)
            AND ($4::timestamptz IS NULL
                 OR (received_at, 'heard', event_id::text) > ($4, $5::text, $6::text))
          ORDER BY received_at, event_id LIMIT $7)
         UNION ALL
        (SELECT at, 'sale', lpad(entry_id::text, 19, '0'), bill_id, what, why, by, '{}'::jsonb
           FROM timeline
          WHERE tenant_id = $1 AND 'sale' = ANY($8::text[]) AND at >= $2 AND at < $3
            AND ($4::timestamptz IS NULL OR at >= $4)
            AND ($4::timestamptz IS NULL
                 OR (at, 'sale', lpad(entry_id::text, 19, '0')) > ($4, $5::text, $6::text))
          ORDER BY at, entry_id LIMIT $7)
    ) AS merged
     ORDER BY at, kind, key LIMIT $7
"""


async def between(
    conn: Connection,
    tenant: TenantId,
    *,
    since: datetime,
    until: datetime,
    kinds: Sequence[ActivityKind] = ACTIVITY_KINDS,
    after: ActivityPlace | None = None,
    limit: int,
) -> list[Activity]:
    """What happened from `since` and before `until`, the oldest first, going on behind `after`."""
    place = (None, "", "") if after is None else (after.at, after.kind, after.key)
    rows = await conn.fetch(BETWEEN, tenant, since, until, *place, limit, list(kinds))
    return [_activity(row) for row in rows]


class TenantActivity(Struct, frozen=True, kw_only=True):
    """How much happened at one tenant, and who acted there: the first names by their letters."""

    tenant_id: TenantId
    name: str
    heard: int
    sales: int  # lines of sales' histories
    acts: int
    by: Sequence[str]


NAMES: Final = 20  # of who acted at one tenant

OF_ALL: Final = """
    -- activity_read.of_all_any_tenant
    SELECT t.tenant_id, t.name, h.heard, s.sales, a.acts, a.by
      FROM tenants t
      CROSS JOIN LATERAL (
           SELECT count(*) AS heard FROM events e
            WHERE e.tenant_id = t.tenant_id AND e.received_at >= $1 AND e.received_at < $2) h
      CROSS JOIN LATERAL (
           SELECT count(*) AS sales FROM timeline l
            WHERE l.tenant_id = t.tenant_id AND l.at >= $1 AND l.at < $2) s
      CROSS JOIN LATERAL (
           SELECT count(*) AS acts,
                  coalesce((array_agg(DISTINCT u.actor ORDER BY u.actor))[1:$5], '{}') AS by
             FROM audit u
            WHERE u.tenant_id = t.tenant_id AND u.at >= $1 AND u.at < $2) a
     WHERE t.tenant_id > $3
     ORDER BY t.tenant_id LIMIT $4
"""


async def of_all_any_tenant(
    conn: Connection, *, since: datetime, until: datetime, after: TenantId, limit: int
) -> list[TenantActivity]:
    """How much happened at each tenant, by its id, beginning behind one; quiet ones too."""
    rows = await conn.fetch(OF_ALL, since, until, after, limit, NAMES)
    return [
        TenantActivity(
            tenant_id=TenantId(row["tenant_id"]),
            name=row["name"],
            heard=row["heard"],
            sales=row["sales"],
            acts=row["acts"],
            by=tuple(row["by"]),
        )
        for row in rows
    ]


def _activity(row: asyncpg.Record) -> Activity:
    fields = dict(row)
    bill = fields.pop("bill_id")
    return Activity(bill_id=None if bill is None else BillId(bill), **fields)
