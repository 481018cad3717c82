"""What of a tenant every decision rests on: as a batch begins, and in the transaction it writes in.

Each is read in one statement, since every batch asks for it, however few sales it has.
"""

from typing import Final

from msgspec import Struct

from shared.db.connection import Connection
from shared.db.tenants import rules_store, tenants_store
from shared.db.tenants.nota_connections_store import CURRENT_ID
from shared.db.tenants.tenants_store import TERMS_COLUMNS
from shared.domain.ids import TenantId
from shared.domain.rule import Rule
from shared.domain.sale import TenantTerms

AGREED: Final = f"""
    -- standing_read.agreed
    SELECT {TERMS_COLUMNS}, r.version AS rule_version, r.rule
      FROM tenants t
      LEFT JOIN LATERAL (SELECT version, rule FROM rule_versions
                          WHERE tenant_id = $1 ORDER BY version DESC LIMIT 1) r ON true
     WHERE t.tenant_id = $1
"""  # noqa: S608 - only our own constant is put in


async def agreed(conn: Connection, tenant: TenantId) -> tuple[TenantTerms, int | None, Rule | None]:
    """A tenant's terms, and its rule in force with its version; LookupError without a tenant."""
    row = await conn.fetchrow(AGREED, tenant)
    if row is None:
        raise LookupError("no such tenant")
    rule = None if row["rule"] is None else rules_store.from_json(row["rule"])
    return tenants_store.terms_of(row), row["rule_version"], rule


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
