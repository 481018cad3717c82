"""Outages of issuers and cities, as breakers keep them (design D12)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from msgspec.structs import asdict

from shared.db.connection import Connection
from shared.domain.breaker import Breaker, Scope
from shared.domain.ids import TenantId

EVERYBODY: Final = TenantId("-")  # whose row is the issuer's host

READ: Final = """
    -- issuer_health_store.read
    SELECT scope, state, since, failures, failing_since, openings, probe_at, slots, taken,
           round_until
      FROM issuer_breakers WHERE tenant_id = ANY($1::text[])
     ORDER BY tenant_id, scope
"""


async def read(conn: Connection, tenant: TenantId) -> list[Breaker]:
    """The breakers that speak for a tenant: its issuer's, its city's and the host's.

    A scope that never failed is absent. For the tenant's health, and before sending.
    """
    rows = await conn.fetch(READ, [EVERYBODY, tenant])
    return [Breaker(**dict(row)) for row in rows]


READ_ANY_TENANT: Final = """
    -- issuer_health_store.read_any_tenant
    SELECT tenant_id, scope, state, since, failures, failing_since, openings, probe_at, slots,
           taken, round_until
      FROM issuer_breakers WHERE tenant_id = ANY($1::text[])
     ORDER BY tenant_id, scope
"""


async def read_any_tenant(
    conn: Connection, tenants: Sequence[TenantId]
) -> dict[TenantId, list[Breaker]]:
    """The same for many tenants at once; each of them is in the answer."""
    found: dict[TenantId, list[Breaker]] = {tenant: [] for tenant in (EVERYBODY, *tenants)}
    for row in await conn.fetch(READ_ANY_TENANT, list(found)):
        fields = dict(row)
        found[fields.pop("tenant_id")].append(Breaker(**fields))
    return {tenant: found[EVERYBODY] + found[tenant] for tenant in tenants}


ADD: Final = """
    -- issuer_health_store.lock add
    INSERT INTO issuer_breakers (tenant_id, scope, since) VALUES ($1, $2, $3)
        ON CONFLICT DO NOTHING
"""
LOCK: Final = """
    -- issuer_health_store.lock
    SELECT scope, state, since, failures, failing_since, openings, probe_at, slots, taken,
           round_until
      FROM issuer_breakers WHERE tenant_id = $1 AND scope = $2 FOR UPDATE
"""


async def lock(conn: Connection, tenant: TenantId, scope: Scope, now: datetime) -> Breaker:
    """One breaker, held until the transaction ends; lock the host's last, everybody wants it."""
    owner = owner_of(tenant, scope)
    row = await conn.fetchrow(LOCK, owner, scope)
    if row is None:
        await conn.execute(ADD, owner, scope, now)
        row = await conn.fetchrow(LOCK, owner, scope)
    if row is None:
        raise AssertionError("a row that was just added is there")
    return Breaker(**dict(row))


STORE: Final = """
    -- issuer_health_store.store
    UPDATE issuer_breakers
       SET state = $3, since = $4, failures = $5, failing_since = $6, openings = $7,
           probe_at = $8, slots = $9, taken = $10, round_until = $11
     WHERE tenant_id = $1 AND scope = $2
"""


async def store(conn: Connection, tenant: TenantId, breaker: Breaker) -> None:
    """Write a breaker that `lock` holds."""
    values = asdict(breaker)
    scope = values.pop("scope")
    await conn.execute(STORE, owner_of(tenant, breaker.scope), scope, *values.values())


def owner_of(tenant: TenantId, scope: Scope) -> TenantId:
    """Whose row a scope is."""
    return EVERYBODY if scope == "host" else tenant


def ordered(scopes: Sequence[Scope]) -> list[Scope]:
    """The order in which breakers are locked."""
    return sorted(scopes, key=("issuer", "city", "host").index)
