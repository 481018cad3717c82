"""The company as the issuer last showed it, and when connections were last tried by a person."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from msgspec import Struct, convert, to_builtins

from shared.db.connection import Connection
from shared.db.tenants.connections_store import Side
from shared.domain.company_facts import CompanyFacts
from shared.domain.ids import TenantId
from shared.domain.party import normalise_document
from shared.domain.regime import Regime

CNPJ_LENGTH: Final = 14


class CompanyAsRead(Struct, frozen=True, kw_only=True):
    """A company as its issuer shows it now; None where it does not say."""

    facts: CompanyFacts
    city: str | None  # IBGE's code
    regime: Regime | None
    cnpj: str | None = None


KEPT: Final = """
    -- company_facts_store.kept
    SELECT company_city, company_regime, company_cnpj FROM issuer_connections
     WHERE tenant_id = $1 AND connected_at = $2 FOR UPDATE
"""
PUT: Final = """
    -- company_facts_store.put
    UPDATE issuer_connections
       SET company_facts = $2, checked_at = $3, company_city = $5, company_regime = $6,
           company_cnpj = $7
     WHERE tenant_id = $1 AND connected_at = $4
"""


async def put(
    conn: Connection, tenant: TenantId, shown: CompanyAsRead, now: datetime, connected_at: datetime
) -> bool:
    """Keep what the issuer shows now, unless another company was connected meanwhile.

    What it no longer says stays as it was. Says whether city, regime or CNPJ are others than
    before: then sales that were held for them are decided again.
    """
    kept = await conn.fetchrow(KEPT, tenant, connected_at)
    if kept is None:
        return False
    city, regime = shown.city or kept["company_city"], shown.regime or kept["company_regime"]
    cnpj = _one_way(shown.cnpj, kept["company_cnpj"])
    after = (city, regime, cnpj)
    await conn.execute(PUT, tenant, to_builtins(shown.facts), now, connected_at, *after)
    return after != (kept["company_city"], kept["company_regime"], kept["company_cnpj"])


def _one_way(shown: str | None, kept: str | None) -> str | None:
    """A CNPJ as it is shown, if it is one at all; with other dots and strokes it is no other."""
    number = normalise_document(shown)
    if number is None or len(number) != CNPJ_LENGTH or number == normalise_document(kept):
        return kept
    return shown


STALE: Final = """
    -- company_facts_store.stale_any_tenant
    SELECT tenant_id FROM issuer_connections
     WHERE tenant_id > $1 AND state = 'ok' AND (checked_at IS NULL OR checked_at < $2)
       AND tenant_id <> ALL($3::text[])
     ORDER BY tenant_id LIMIT $4
"""


async def stale_any_tenant(
    conn: Connection,
    *,
    before: datetime,
    after: TenantId,
    but: Sequence[TenantId],
    limit: int,
) -> list[TenantId]:
    """Name tenants whose company was not looked at since an instant, beginning after one.

    All `but` some, which are left alone for a while.
    """
    rows = await conn.fetch(STALE, after, before, but, limit)
    return [row["tenant_id"] for row in rows]


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
