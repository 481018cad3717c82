"""Whether what one tenant is connected to is connected at another one too (design D18)."""

from datetime import datetime
from typing import Final, Literal

from msgspec import Struct

from shared.db.connection import Connection
from shared.domain.account_lines import account_name
from shared.domain.ids import TenantId

ElsewhereCode = Literal["vindi_account_elsewhere", "issuer_company_elsewhere"]


class Elsewhere(Struct, frozen=True, kw_only=True):
    """How many other tenants have the same, and whether one of them issues."""

    code: ElsewhereCode
    tenants: int
    active: bool


# Two statements each: what this tenant has, then who else has it. So neither joins tenants with
# each other, which a schema distributed by tenant refuses.
ACCOUNT: Final = """
    -- elsewhere_store.find_any_tenant own account
    SELECT merchant_id, environment FROM vindi_connections
     WHERE tenant_id = $1 AND merchant_id IS NOT NULL
"""
ACCOUNT_ELSEWHERE: Final = """
    -- elsewhere_store.find_any_tenant account
    SELECT count(*) AS tenants, coalesce(bool_or(t.status <> 'setting_up'), false) AS active
      FROM vindi_connections v JOIN tenants t ON t.tenant_id = v.tenant_id
     WHERE v.merchant_id = $1 AND v.environment = $2 AND v.tenant_id <> $3
"""
COMPANY: Final = """
    -- elsewhere_store.find_any_tenant own company
    SELECT kind, lower(company_id) AS company_id FROM issuer_connections WHERE tenant_id = $1
"""
COMPANY_ELSEWHERE: Final = """
    -- elsewhere_store.find_any_tenant company
    SELECT count(*) AS tenants, coalesce(bool_or(t.status <> 'setting_up'), false) AS active
      FROM issuer_connections i JOIN tenants t ON t.tenant_id = i.tenant_id
     WHERE i.kind = $1 AND lower(i.company_id) = $2 AND i.tenant_id <> $3
"""


# Those that never issued took nothing away.
HAD: Final = """
    -- elsewhere_store.had_since_any_tenant
    SELECT v.tenant_id
      FROM vindi_connections v JOIN tenants t ON t.tenant_id = v.tenant_id
     WHERE v.tenant_id <> $1 AND t.active_from IS NOT NULL
       AND (v.merchant_id = $2 AND v.environment = $3
            OR (v.left_at ->> $4)::timestamptz > $5)
     LIMIT 1
"""


async def had_since_any_tenant(
    conn: Connection,
    tenant: TenantId,
    *,
    merchant_id: int,
    environment: str,
    since: datetime,
) -> bool:
    """Whether a tenant that issues, other than this one, had an account of Vindi after `since`."""
    name = account_name(merchant_id, environment)
    return await conn.fetchval(HAD, tenant, merchant_id, environment, name, since) is not None


TURN: Final = 0x4E6F7461_656C7365  # "Notaelse": any number no other program locks
TAKE_TURN: Final = """
    -- elsewhere_store.take_turn_any_tenant
    SELECT pg_advisory_xact_lock($1)
"""


async def take_turn_any_tenant(conn: Connection) -> None:
    """Of those that begin to issue, or go on to another account, let one look and write at a time.

    Two that did so at once would not see each other. Lives in the caller's transaction, which has
    locked its tenant before, and ends with it.
    """
    await conn.execute(TAKE_TURN, TURN)


async def find_any_tenant(conn: Connection, tenant: TenantId) -> list[Elsewhere]:
    """What of a tenant's connections other tenants have too; empty when nothing is."""
    asked: tuple[tuple[ElsewhereCode, str, str], ...] = (
        ("vindi_account_elsewhere", ACCOUNT, ACCOUNT_ELSEWHERE),
        ("issuer_company_elsewhere", COMPANY, COMPANY_ELSEWHERE),
    )
    found = []
    for code, own, others in asked:
        mine = await conn.fetchrow(own, tenant)
        row = await conn.fetchrow(others, *mine, tenant) if mine else None
        if row is not None and row["tenants"]:
            found.append(Elsewhere(code=code, tenants=row["tenants"], active=row["active"]))
    return found
