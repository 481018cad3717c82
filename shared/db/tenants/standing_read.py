"""What of a tenant every decision rests on: as a batch begins, and in the transaction it writes in.

Each is read in one statement, since every batch asks for it, however few sales it has.
"""

from typing import Any, Final

from msgspec import Struct

from shared.crypto.seal import Sealer
from shared.db.connection import Connection
from shared.db.tenants import connections_store, issuers_store, rules_store, tenants_store
from shared.db.tenants.connections_store import (
    ISSUER_COLUMNS,
    ISSUER_JOIN,
    VINDI_COLUMNS,
    VindiConnection,
    named,
    unnamed,
)
from shared.db.tenants.issuers_store import Issuers
from shared.db.tenants.nota_connections_store import CURRENT_ID
from shared.db.tenants.tenants_store import TERMS_COLUMNS
from shared.domain.ids import TenantId
from shared.domain.rule import Rule
from shared.domain.sale import TenantTerms


class Agreed(Struct, frozen=True, kw_only=True):
    """What was agreed with a tenant, and where its sales come from and its notas go."""

    terms: TenantTerms
    rule_version: int | None
    rule: Rule | None  # the one in force
    vindi: VindiConnection | None
    issuers: Issuers


AGREED: Final = f"""
    -- standing_read.agreed
    SELECT {TERMS_COLUMNS}, r.version AS rule_version, r.rule,
           {named(VINDI_COLUMNS, "vindi_")}, {named(ISSUER_COLUMNS, "issuer_")}
      FROM tenants t
      LEFT JOIN LATERAL (SELECT version, rule FROM rule_versions
                          WHERE tenant_id = $1 ORDER BY version DESC LIMIT 1) r ON true
      LEFT JOIN vindi_connections v ON v.tenant_id = t.tenant_id
      LEFT JOIN issuer_connections c ON c.tenant_id = t.tenant_id
      {ISSUER_JOIN}
     WHERE t.tenant_id = $1
"""  # noqa: S608 - only our own constants are put in


async def agreed(conn: Connection, sealer: Sealer, tenant: TenantId) -> Agreed:
    """How a tenant is set up, keys opened. LookupError without one; raises UnsealError."""
    row = await conn.fetchrow(AGREED, tenant)
    if row is None:
        raise LookupError("no such tenant")
    vindi = unnamed(row, VINDI_COLUMNS, "vindi_")
    return Agreed(
        terms=tenants_store.terms_of(row),
        rule_version=row["rule_version"],
        rule=None if row["rule"] is None else rules_store.from_json(row["rule"]),
        vindi=None if vindi is None else connections_store.vindi_of(vindi, sealer, tenant),
        issuers=await _issuers(conn, sealer, tenant, unnamed(row, ISSUER_COLUMNS, "issuer_")),
    )


async def _issuers(
    conn: Connection, sealer: Sealer, tenant: TenantId, issuer: dict[str, Any] | None
) -> Issuers:
    if issuer is not None and issuer["id"] is None:  # put by code that does not know of ids
        return await issuers_store.load(conn, sealer, tenant)
    current = None if issuer is None else connections_store.issuer_of(issuer, sealer, tenant)
    return await issuers_store.beside(conn, sealer, tenant, current)


class StandingRead(Struct, frozen=True, kw_only=True):
    """How a tenant stands; `restore_id` is that of the last restore that was noticed, of all."""

    terms: TenantTerms
    rule_version: int | None
    connection_id: int | None
    restore_id: int | None


STANDING: Final = f"""
    -- standing_read.hold
    SELECT {TERMS_COLUMNS},
           (SELECT max(version) FROM rule_versions WHERE tenant_id = $1) AS rule_version,
           (SELECT {CURRENT_ID}) AS connection_id,
           (SELECT max(restore_id) FROM restores) AS restore_id
      FROM tenants t WHERE t.tenant_id = $1
"""  # noqa: S608 - only our own constants are put in


async def hold(conn: Connection, tenant: TenantId) -> StandingRead:
    """How a tenant stands, kept so until the transaction ends; LookupError without one.

    Two statements: the second sees what the first may have waited for.
    """
    await tenants_store.hold(conn, tenant)
    row = await conn.fetchrow(STANDING, tenant)
    if row is None:
        raise LookupError("no such tenant")
    return StandingRead(
        terms=tenants_store.terms_of(row),
        rule_version=row["rule_version"],
        connection_id=row["connection_id"],
        restore_id=row["restore_id"],
    )
