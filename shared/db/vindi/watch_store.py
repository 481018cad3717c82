"""What is known of how a tenant is doing, gathered in one statement."""

from datetime import datetime
from typing import Any, Final

import asyncpg
from msgspec import Struct

from shared.db.connection import Connection
from shared.db.tenants.connections_store import ConnectionState
from shared.db.vindi.oddities_store import FORGOTTEN_AFTER, INWARD
from shared.domain.ids import TenantId


class PassFacts(Struct, frozen=True, kw_only=True):
    """How the reconciler fares with an account."""

    next_pass_at: datetime | None
    complete_at: datetime | None
    error: str | None
    error_since: datetime | None
    plain_lanes: frozenset[str]
    plain_since: datetime | None
    skew_seconds: float | None
    silent_passes: int
    silent_since: datetime | None
    silent_at: datetime | None


class TenantFacts(Struct, frozen=True, kw_only=True):
    """Everything health is judged by; `now` is the database's clock."""

    tenant_id: TenantId
    now: datetime
    at_work: bool  # it issues, or would in shadow: both sides should be connected
    vindi: ConnectionState | None
    issuer: ConnectionState | None
    passes: PassFacts
    oldest_due: datetime | None
    last_event: datetime | None  # of all tenants at once only where a silence is judged
    rejected_at: datetime | None  # the last delivery of Vindi under a secret that is not valid
    rejected_since: datetime | None
    rejections: int
    oddities: tuple[str, ...]  # how the lists of the account were lately seen to be odd
    odd_since: datetime | None


FACTS: Final = """
    -- watch_store.facts_any_tenant
    SELECT t.tenant_id, now() AS now, t.status IN ('active', 'shadow') AS at_work,
           v.state AS vindi_code, v.state_since AS vindi_since, v.state_detail AS vindi_detail,
           v.not_before AS vindi_not_before, v.connected_at AS vindi_connected_at,
           i.state AS issuer_code, i.state_since AS issuer_since, i.state_detail AS issuer_detail,
           i.not_before AS issuer_not_before, i.connected_at AS issuer_connected_at,
           p.next_pass_at, p.complete_at, p.error,
           p.error_since, coalesce(p.plain_lanes, '{}') AS plain_lanes, p.plain_since,
           p.skew_seconds, coalesce(p.silent_passes, 0) AS silent_passes, p.silent_since,
           p.silent_at, least(live.due_at, found.due_at) AS oldest_due,
           heard.received_at AS last_event,
           r.rejected_at, r.since AS rejected_since, coalesce(r.rejections, 0) AS rejections,
           coalesce(odd.words, '{}') AS oddities, odd.since AS odd_since
      FROM tenants t
      LEFT JOIN vindi_connections v ON v.tenant_id = t.tenant_id
      LEFT JOIN issuer_connections i ON i.tenant_id = t.tenant_id
      LEFT JOIN reconciler_passes p ON p.tenant_id = t.tenant_id
      LEFT JOIN webhook_rejections r ON r.tenant_id = t.tenant_id
      LEFT JOIN LATERAL (
          SELECT o.due_at FROM outbox o
           WHERE o.tenant_id = t.tenant_id AND o.state = 'due' AND o.lane = 0 AND o.due_at <= now()
           ORDER BY o.due_at LIMIT 1
      ) live ON true
      LEFT JOIN LATERAL (
          SELECT o.due_at FROM outbox o
           WHERE o.tenant_id = t.tenant_id AND o.state = 'due' AND o.lane = 1 AND o.due_at <= now()
           ORDER BY o.due_at LIMIT 1
      ) found ON true
      LEFT JOIN LATERAL (
          SELECT e.received_at FROM events e
           WHERE e.tenant_id = t.tenant_id AND e.source = 'vindi'
             AND ($1::text IS NOT NULL OR p.silent_passes > 0 OR r.rejected_at IS NOT NULL)
           ORDER BY e.received_at DESC LIMIT 1
      ) heard ON true
      LEFT JOIN LATERAL (
          SELECT array_agg(o.oddity ORDER BY o.oddity) AS words, min(o.since) AS since
            FROM vindi_oddities o
           WHERE o.tenant_id = t.tenant_id AND o.seen_at > now() - $4::interval
             AND o.seen_at >= v.connected_at AND o.oddity <> ALL($5::text[])
      ) odd ON true
     WHERE ($1::text IS NULL OR t.tenant_id = $1) AND t.tenant_id > $2
     ORDER BY t.tenant_id
     LIMIT $3
"""
_FIRST: Final = TenantId("")


async def facts(conn: Connection, tenant: TenantId) -> TenantFacts | None:
    """What is known of one tenant; None when there is no such tenant."""
    rows = await conn.fetch(FACTS, tenant, _FIRST, 1, FORGOTTEN_AFTER, INWARD)
    return _facts(rows[0]) if rows else None


async def facts_any_tenant(
    conn: Connection, *, after: TenantId = _FIRST, limit: int
) -> list[TenantFacts]:
    """What is known of many tenants, by id, beginning after one."""
    rows = await conn.fetch(FACTS, None, after, limit, FORGOTTEN_AFTER, INWARD)
    return [_facts(row) for row in rows]


def _facts(row: asyncpg.Record) -> TenantFacts:
    fields: dict[str, Any] = dict(row)
    names = (name for name in PassFacts.__struct_fields__ if name != "plain_lanes")
    passes = PassFacts(
        **{name: fields[name] for name in names}, plain_lanes=frozenset(fields["plain_lanes"])
    )
    return TenantFacts(
        tenant_id=fields["tenant_id"],
        now=fields["now"],
        at_work=fields["at_work"],
        vindi=_connection(fields, "vindi"),
        issuer=_connection(fields, "issuer"),
        passes=passes,
        oldest_due=fields["oldest_due"],
        last_event=fields["last_event"],
        rejected_at=fields["rejected_at"],
        rejected_since=fields["rejected_since"],
        rejections=fields["rejections"],
        oddities=tuple(fields["oddities"]),
        odd_since=fields["odd_since"],
    )


def _connection(fields: dict[str, Any], side: str) -> ConnectionState | None:
    if fields[f"{side}_code"] is None:
        return None
    return ConnectionState(
        code=fields[f"{side}_code"],
        since=fields[f"{side}_since"],
        detail=fields[f"{side}_detail"],
        not_before=fields[f"{side}_not_before"],
        connected_at=fields[f"{side}_connected_at"],
    )
