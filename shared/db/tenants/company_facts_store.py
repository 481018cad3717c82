"""The company as the issuer last showed it, and when connections were last tried by a person."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from msgspec import Struct, convert, to_builtins

from shared.db.connection import Connection
from shared.db.tenants.connections_store import Side
from shared.domain.company_facts import CompanyFacts
from shared.domain.ids import TenantId

PUT: Final = """
    -- company_facts_store.put
    UPDATE issuer_connections SET company_facts = $2, checked_at = $3
     WHERE tenant_id = $1 AND connected_at = $4
"""


async def put(
    conn: Connection, tenant: TenantId, facts: CompanyFacts, now: datetime, connected_at: datetime
) -> None:
    """Keep what the issuer shows now, unless another company was connected meanwhile."""
    await conn.execute(PUT, tenant, to_builtins(facts), now, connected_at)


CHECKED: Final = """
    -- company_facts_store.checked_vindi
    UPDATE vindi_connections SET checked_at = $2 WHERE tenant_id = $1 AND connected_at = $3
"""


async def checked_vindi(
    conn: Connection, tenant: TenantId, now: datetime, connected_at: datetime
) -> None:
    """Note that Vindi's key was tried and is good."""
    await conn.execute(CHECKED, tenant, now, connected_at)


class Checked(Struct, frozen=True, kw_only=True):
    """What was last learnt, by trying; None where nothing was."""

    facts: CompanyFacts | None
    at: Mapping[Side, datetime | None]


GET: Final = """
    -- company_facts_store.get
    SELECT (SELECT company_facts FROM issuer_connections WHERE tenant_id = $1) AS facts,
           (SELECT checked_at FROM issuer_connections WHERE tenant_id = $1) AS issuer,
           (SELECT checked_at FROM vindi_connections WHERE tenant_id = $1) AS vindi
"""


async def get(conn: Connection, tenant: TenantId) -> Checked:
    """What is known of a tenant's company and tries."""
    row = await conn.fetchrow(GET, tenant)
    if row is None:
        raise AssertionError("a SELECT of subqueries gives its row")
    facts: dict[str, Any] | None = row["facts"]
    return Checked(
        facts=None if facts is None else convert(facts, CompanyFacts),
        at={"vindi": row["vindi"], "issuer": row["issuer"]},
    )
