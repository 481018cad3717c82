"""What stops issuing as a state, as breakers keep it: outages, and companies that may not issue.

Design D12; a company's lies in a table of its own, which the code before did not read.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from msgspec.structs import asdict

from shared.db.connection import Connection
from shared.domain.breaker import Breaker, Scope, probed_at_once
from shared.domain.ids import TenantId

EVERYBODY: Final = TenantId("-")  # whose row is the issuer's host

_COLUMNS: Final = """state, since, failures, failing_since, openings, probe_at, slots, taken,
           round_until"""
READ: Final = f"""
    -- issuer_health_store.read
    SELECT scope, {_COLUMNS}, cause, tenant_id
      FROM issuer_breakers WHERE tenant_id = ANY($1::text[])
    UNION ALL
    SELECT 'company', {_COLUMNS}, cause, tenant_id
      FROM company_breakers WHERE tenant_id = ANY($1::text[])
     ORDER BY tenant_id, scope
"""  # noqa: S608 - only our own constant is put in


async def read(conn: Connection, tenant: TenantId) -> list[Breaker]:
    """The breakers that speak for a tenant: its issuer's, its city's and the host's.

    A scope that never failed is absent. For the tenant's health, and before sending.
    """
    return [breaker for _, breaker in await _read(conn, READ, [EVERYBODY, tenant])]


async def _read(
    conn: Connection, sql: str, tenants: Sequence[TenantId]
) -> list[tuple[TenantId, Breaker]]:
    found = []
    for row in await conn.fetch(sql, tenants):
        fields = dict(row)
        found.append((fields.pop("tenant_id"), Breaker(**fields)))
    return found


READ_ANY_TENANT: Final = f"""
    -- issuer_health_store.read_any_tenant
    SELECT scope, {_COLUMNS}, cause, tenant_id
      FROM issuer_breakers WHERE tenant_id = ANY($1::text[])
    UNION ALL
    SELECT 'company', {_COLUMNS}, cause, tenant_id
      FROM company_breakers WHERE tenant_id = ANY($1::text[])
     ORDER BY tenant_id, scope
"""  # noqa: S608 - only our own constant is put in


async def read_any_tenant(
    conn: Connection, tenants: Sequence[TenantId]
) -> dict[TenantId, list[Breaker]]:
    """The same for many tenants at once; each of them is in the answer."""
    found: dict[TenantId, list[Breaker]] = {tenant: [] for tenant in (EVERYBODY, *tenants)}
    for owner, breaker in await _read(conn, READ_ANY_TENANT, list(found)):
        found[owner].append(breaker)
    return {tenant: found[EVERYBODY] + found[tenant] for tenant in tenants}


ADD: Final = """
    -- issuer_health_store.lock add
    INSERT INTO issuer_breakers (tenant_id, scope, since) VALUES ($1, $2, $3)
        ON CONFLICT DO NOTHING
"""
LOCK: Final = f"""
    -- issuer_health_store.lock
    SELECT scope, {_COLUMNS}, cause
      FROM issuer_breakers WHERE tenant_id = $1 AND scope = $2 FOR UPDATE
"""  # noqa: S608 - only our own constant is put in


async def lock(conn: Connection, tenant: TenantId, scope: Scope, now: datetime) -> Breaker:
    """One breaker, held until the transaction ends; lock them in the order of `ordered`."""
    if scope == "company":
        return await lock_company(conn, tenant, now)
    owner = owner_of(tenant, scope)
    row = await conn.fetchrow(LOCK, owner, scope)
    if row is None:
        await conn.execute(ADD, owner, scope, now)
        row = await conn.fetchrow(LOCK, owner, scope)
    if row is None:
        raise AssertionError("a row that was just added is there")
    return Breaker(**dict(row))


ADD_COMPANY: Final = """
    -- issuer_health_store.lock_company add
    INSERT INTO company_breakers (tenant_id, since) VALUES ($1, $2) ON CONFLICT DO NOTHING
"""
COMPANY: Final = f"""
    -- issuer_health_store.company
    SELECT 'company' AS scope, {_COLUMNS}, cause FROM company_breakers WHERE tenant_id = $1
"""  # noqa: S608 - only our own constant is put in
LOCK_COMPANY: Final = f"""
    -- issuer_health_store.lock_company
    SELECT 'company' AS scope, {_COLUMNS}, cause
      FROM company_breakers WHERE tenant_id = $1 FOR UPDATE
"""  # noqa: S608 - only our own constant is put in


async def lock_company(conn: Connection, tenant: TenantId, now: datetime) -> Breaker:
    """That of a company, held until the transaction ends."""
    row = await conn.fetchrow(LOCK_COMPANY, tenant)
    if row is None:
        await conn.execute(ADD_COMPANY, tenant, now)
        row = await conn.fetchrow(LOCK_COMPANY, tenant)
    if row is None:
        raise AssertionError("a row that was just added is there")
    return Breaker(**dict(row))


async def company(conn: Connection, tenant: TenantId) -> Breaker | None:
    """Whether the company itself may issue right now; None where nothing ever stopped it."""
    row = await conn.fetchrow(COMPANY, tenant)
    return None if row is None else Breaker(**dict(row))


async def probe_company(conn: Connection, tenant: TenantId, now: datetime) -> bool:
    """Let one sale of a stopped company leave at once; False where it is not stopped."""
    if await company(conn, tenant) is None:
        return False
    before = await lock(conn, tenant, "company", now)
    after = probed_at_once(before)
    await store(conn, tenant, after)
    return after.state != "closed"


STORE: Final = """
    -- issuer_health_store.store
    UPDATE issuer_breakers
       SET state = $3, since = $4, failures = $5, failing_since = $6, openings = $7,
           probe_at = $8, slots = $9, taken = $10, round_until = $11, cause = $12
     WHERE tenant_id = $1 AND scope = $2
"""
STORE_COMPANY: Final = """
    -- issuer_health_store.store of a company
    UPDATE company_breakers
       SET state = $2, since = $3, failures = $4, failing_since = $5, openings = $6,
           probe_at = $7, slots = $8, taken = $9, round_until = $10, cause = $11
     WHERE tenant_id = $1
"""


async def store(conn: Connection, tenant: TenantId, breaker: Breaker) -> None:
    """Write a breaker that `lock` holds."""
    values = asdict(breaker)
    scope, cause = values.pop("scope"), values.pop("cause")
    if scope == "company":
        await conn.execute(STORE_COMPANY, tenant, *values.values(), cause)
    else:
        await conn.execute(STORE, owner_of(tenant, scope), scope, *values.values(), cause)


def owner_of(tenant: TenantId, scope: Scope) -> TenantId:
    """Whose row a scope is."""
    return EVERYBODY if scope == "host" else tenant


def ordered(scopes: Sequence[Scope]) -> list[Scope]:
    """The order in which breakers are locked."""
    return sorted(scopes, key=("city", "company", "issuer", "host").index)
