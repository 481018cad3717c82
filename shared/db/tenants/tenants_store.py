"""Tenants: who they are, and since when notas are issued for them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, Literal
from zoneinfo import ZoneInfo

import asyncpg
from msgspec import Struct

from shared.db import clock
from shared.db.connection import Connection
from shared.domain.account_lines import Away
from shared.domain.ids import PersonId, TenantId
from shared.domain.party import normalise_document
from shared.domain.sale import Seller, TenantTerms

Subscription = Literal["basic", "pro"]
TenantStatus = Literal["setting_up", "shadow", "active", "paused"]


class Tenant(Struct, frozen=True, kw_only=True):
    """A company whose sales become notas. `active_from` is that of the first activation.

    It may lie ahead: sales of before it are not ours. `shadow_from` is since when sales were
    decided to be told only, up to `active_from`; None: they never were.
    """

    id: TenantId
    name: str
    plan: Subscription
    timezone: str  # an IANA name
    status: TenantStatus
    active_from: datetime | None
    shadow_from: datetime | None
    created_at: datetime


ADD: Final = """
    -- tenants_store.add
    INSERT INTO tenants (tenant_id, name, plan, timezone) VALUES ($1, $2, $3, $4)
 RETURNING tenant_id, name, plan, timezone, status, active_from, shadow_from, created_at
"""


async def add(
    conn: Connection, tenant: TenantId, *, name: str, plan: Subscription, timezone: str
) -> Tenant:
    """Add a tenant, `setting_up`; the id is fresh from `tokens.new_tenant_id`."""
    row = await conn.fetchrow(ADD, tenant, name, plan, timezone)
    if row is None:
        raise AssertionError("an INSERT … RETURNING gives its row")
    return _tenant(row)


GET: Final = """
    -- tenants_store.get
    SELECT tenant_id, name, plan, timezone, status, active_from, shadow_from, created_at
      FROM tenants WHERE tenant_id = $1
"""


async def get(conn: Connection, tenant: TenantId) -> Tenant | None:
    """One tenant; None when there is none of that id."""
    return _tenant_or_none(await conn.fetchrow(GET, tenant))


async def zone_of(conn: Connection, tenant: TenantId) -> ZoneInfo:
    """The zone of one tenant's days; LookupError where there is no such tenant."""
    found = await get(conn, tenant)
    if found is None:
        raise LookupError("no such tenant")
    return ZoneInfo(found.timezone)


LOCK: Final = """
    -- tenants_store.lock
    SELECT tenant_id, name, plan, timezone, status, active_from, shadow_from, created_at
      FROM tenants WHERE tenant_id = $1 FOR NO KEY UPDATE
"""


async def lock(conn: Connection, tenant: TenantId) -> Tenant | None:
    """One tenant, held until the transaction ends: changes of its set-up take turns."""
    return _tenant_or_none(await conn.fetchrow(LOCK, tenant))


LIST: Final = """
    -- tenants_store.list_any_tenant
    SELECT tenant_id, name, plan, timezone, status, active_from, shadow_from, created_at
      FROM tenants
     WHERE $1::timestamptz IS NULL OR (created_at, tenant_id) > ($1, $2)
     ORDER BY created_at, tenant_id LIMIT $3
"""


async def list_any_tenant(
    conn: Connection, *, after: tuple[datetime, TenantId] | None, limit: int
) -> list[Tenant]:
    """Tenants in the order they came, beginning after the one named by its time and id."""
    at, tenant = after or (None, None)
    return [_tenant(row) for row in await conn.fetch(LIST, at, tenant, limit)]


SEARCH: Final = """
    -- tenants_store.search_any_tenant
    SELECT tenant_id, name, plan, timezone, status, active_from, shadow_from, created_at
      FROM tenants t
     WHERE t.name ILIKE $1 OR t.tenant_id = $2
        OR EXISTS (SELECT FROM sales s WHERE s.tenant_id = t.tenant_id AND s.bill_id = $3)
     ORDER BY name, tenant_id LIMIT $4
"""


async def search_any_tenant(
    conn: Connection, *, like: str, word: str, bill: int | None, limit: int
) -> list[Tenant]:
    """Tenants of a name, of an id, or with a sale of this number; for support."""
    return [_tenant(row) for row in await conn.fetch(SEARCH, like, word, bill, limit)]


OF_PERSON: Final = """
    -- tenants_store.of_person_any_tenant
    SELECT t.tenant_id, t.name, t.plan, t.timezone, t.status, t.active_from, t.shadow_from,
           t.created_at
      FROM memberships m JOIN tenants t ON t.tenant_id = m.tenant_id
     WHERE m.person_id = $1 ORDER BY t.name, t.tenant_id LIMIT $2
"""


async def of_person_any_tenant(conn: Connection, person: PersonId, *, limit: int) -> list[Tenant]:
    """Tenants that somebody has a role at, by name; for support."""
    return [_tenant(row) for row in await conn.fetch(OF_PERSON, person, limit)]


NAMES: Final = """
    -- tenants_store.names_any_tenant
    SELECT tenant_id, name FROM tenants WHERE tenant_id = ANY($1::text[])
"""


async def names_any_tenant(conn: Connection, tenants: Sequence[TenantId]) -> Mapping[TenantId, str]:
    """What these tenants are called; without those that are not there any more."""
    return {
        TenantId(row["tenant_id"]): row["name"] for row in await conn.fetch(NAMES, list(tenants))
    }


PATCH: Final = """
    -- tenants_store.patch
    UPDATE tenants
       SET name = coalesce($2, name), plan = coalesce($3, plan),
           timezone = coalesce($4, timezone), updated_at = now()
     WHERE tenant_id = $1
 RETURNING tenant_id, name, plan, timezone, status, active_from, shadow_from, created_at
"""


async def patch(
    conn: Connection,
    tenant: TenantId,
    *,
    name: str | None = None,
    plan: Subscription | None = None,
    timezone: str | None = None,
) -> Tenant | None:
    """Change what is not None; None when there is no such tenant."""
    return _tenant_or_none(await conn.fetchrow(PATCH, tenant, name, plan, timezone))


# Vindi's times have whole seconds, so the stream begins with one: a sale of the very second of
# activation belongs to it.
# What was not issued while paused is taken up again: the stream begins where it first began.
ACTIVATE: Final = """
    -- tenants_store.activate
    UPDATE tenants
       SET status = 'active', updated_at = $2,
           active_from = CASE WHEN active_from <= $2 THEN active_from ELSE $3 END
     WHERE tenant_id = $1
 RETURNING tenant_id, name, plan, timezone, status, active_from, shadow_from, created_at
"""


async def activate(
    conn: Connection, tenant: TenantId, start: datetime | None = None
) -> Tenant | None:
    """Let notas be issued of sales since `start`, or since now.

    An `active_from` that has come stays that of the first activation; one ahead may be changed.
    """
    now = await clock.now(conn)
    second = start or now.replace(microsecond=0)
    return _tenant_or_none(await conn.fetchrow(ACTIVATE, tenant, now, second))


# A tenant that ever issued has what it issued: shadow mode is for who has not begun.
SHADOW: Final = """
    -- tenants_store.enter_shadow
    UPDATE tenants SET status = 'shadow', shadow_from = $2, updated_at = $3
     WHERE tenant_id = $1 AND status = 'setting_up'
 RETURNING tenant_id, name, plan, timezone, status, active_from, shadow_from, created_at
"""


async def enter_shadow(conn: Connection, tenant: TenantId) -> Tenant | None:
    """Decide sales from now on without issuing; None for a tenant that was ever active."""
    now = await clock.now(conn)
    second = now.replace(microsecond=0)
    return _tenant_or_none(await conn.fetchrow(SHADOW, tenant, second, now))


UNSHADOW: Final = """
    -- tenants_store.leave_shadow
    UPDATE tenants SET status = 'setting_up', shadow_from = NULL, updated_at = now()
     WHERE tenant_id = $1 AND status = 'shadow'
 RETURNING tenant_id, name, plan, timezone, status, active_from, shadow_from, created_at
"""


async def leave_shadow(conn: Connection, tenant: TenantId) -> Tenant | None:
    """Back to setting up, with nothing decided any more; None for a tenant not in shadow."""
    return _tenant_or_none(await conn.fetchrow(UNSHADOW, tenant))


PAUSE: Final = """
    -- tenants_store.pause
    UPDATE tenants SET status = 'paused', updated_at = now()
     WHERE tenant_id = $1 AND status IN ('active', 'paused')
 RETURNING tenant_id, name, plan, timezone, status, active_from, shadow_from, created_at
"""


async def pause(conn: Connection, tenant: TenantId) -> Tenant | None:
    """Stop issuing and cancelling; None for a tenant that was never active."""
    return _tenant_or_none(await conn.fetchrow(PAUSE, tenant))


# What terms are read from; the months are those that a closing has locked. As texts, since the
# driver knows arrays of those: of dates it would ask each new connection what they are.
TERMS_COLUMNS: Final = """
           t.timezone, t.status, t.shadow_from,
           -- NULL before the activation; an account connected later has a line of its own
           CASE WHEN t.active_from IS NOT NULL
                THEN greatest(t.active_from, (SELECT line_from FROM vindi_connections
                                               WHERE tenant_id = $1)) END AS active_from,
           (SELECT away_from FROM vindi_connections WHERE tenant_id = $1) AS away_from,
           (SELECT away_until FROM vindi_connections WHERE tenant_id = $1) AS away_until,
           (SELECT company_cnpj FROM issuer_connections WHERE tenant_id = $1) AS seller_cnpj,
           (SELECT company_city FROM issuer_connections WHERE tenant_id = $1) AS seller_city,
           (SELECT company_regime FROM issuer_connections WHERE tenant_id = $1) AS seller_regime,
           ARRAY(SELECT to_char(month::timestamp, 'YYYY-MM') FROM closing_locks
                  WHERE tenant_id = $1) AS locked_months
"""
TERMS: Final = f"""
    -- tenants_store.terms
    SELECT {TERMS_COLUMNS} FROM tenants t WHERE t.tenant_id = $1
"""  # noqa: S608 - only our own constant is put in


async def terms(conn: Connection, tenant: TenantId) -> TenantTerms:
    """What a decision needs to know of a tenant; LookupError when there is none of that id."""
    row = await conn.fetchrow(TERMS, tenant)
    if row is None:
        raise LookupError("no such tenant")
    return terms_of(row)


HOLD: Final = """
    -- tenants_store.hold
    SELECT true FROM tenants WHERE tenant_id = $1 FOR SHARE
"""


async def hold(conn: Connection, tenant: TenantId) -> None:
    """Keep the terms of a tenant as they are until the transaction ends.

    Who pauses a tenant, locks a month or puts a rule waits for this transaction, or it for them.
    What is to be held is read by a later statement: one that waits sees what was before.
    """
    await conn.execute(HOLD, tenant)


def terms_of(row: asyncpg.Record) -> TenantTerms:
    """The terms in a row that has TERMS_COLUMNS."""
    cnpj = normalise_document(row["seller_cnpj"])
    since, until = row["away_from"], row["away_until"]
    return TenantTerms(
        zone=ZoneInfo(row["timezone"]),
        active_from=row["active_from"],
        issuing=row["status"] == "active",
        shadow_from=row["shadow_from"],
        in_shadow=row["status"] == "shadow",
        locked_months=frozenset(
            (int(month[:-3]), int(month[-2:])) for month in row["locked_months"]
        ),
        away=Away(since=since, until=until) if since and until else None,
        seller=Seller(cnpj=cnpj, city=row["seller_city"], regime=row["seller_regime"]),
    )


def _tenant_or_none(row: asyncpg.Record | None) -> Tenant | None:
    return None if row is None else _tenant(row)


def _tenant(row: asyncpg.Record) -> Tenant:
    fields = dict(row)
    return Tenant(id=TenantId(fields.pop("tenant_id")), **fields)
