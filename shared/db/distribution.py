"""Which tables Citus spreads over its nodes; every one of them by tenant."""

from typing import Final

from shared.db.connection import Connection
from shared.db.one_tenant import PANEL_ROLE

# In the order of their foreign keys: a table after those it refers to.
DISTRIBUTED_TABLES: Final[tuple[str, ...]] = (
    "tenants",
    "vindi_connections",
    "issuer_connections",
    "nota_connections",
    "webhook_secrets",
    "rule_versions",
    "events",
    "outbox",
    "bills",
    "sales",
    "notas",
    "rps_series",
    "rps_numbers",
    "sale_parts",
    "timeline",
    "audit",
    "idempotency_keys",
    "reconciler_passes",
    "refunds_seen",
    "vindi_oddities",
    "refunds_pending",
    "backfills",
    "backfill_bills",
    "backfill_customers",
    "closing_locks",
    "closing_checks",
    "webhook_rejections",
    "tenant_brakes",
    "nota_days",
    "issuer_breakers",
    "company_breakers",
    "unknown_denials",
    "status_webhooks",
    "webhook_deliveries",
    "foreign_notas",
    "foreign_nota_marks",
    "issuer_notas",
    "issuer_days",
    "issuer_lists",
    "accepted_notas",
    "memberships",
    "person_links",
    "month_files",
    "month_file_pieces",
    "bulk_jobs",
    "bulk_refusals",
    "saved_filters",
    "kept_figures",
    "restore_checks",
    "restore_finds",
    "erasures",
    "departures",
    "retention_walks",
)
# Small tables without a tenant that every node keeps whole.
REFERENCE_TABLES: Final[tuple[str, ...]] = (
    "key_canaries",
    "people",
    "panel_sessions",
    "sign_in_failures",
    "person_identities",
    "database_life",
    "restores",
    "internal_tokens",
    "emitters",
)

IS_SPREAD: Final = """
    -- distribution.is_spread
    SELECT EXISTS (SELECT FROM pg_dist_partition WHERE logicalrelid = to_regclass($1))
"""
SPREAD_BY_TENANT: Final = """
    -- distribution.spread_by_tenant
    SELECT create_distributed_table($1::regclass, 'tenant_id')
"""
COPY_EVERYWHERE: Final = """
    -- distribution.copy_everywhere
    SELECT create_reference_table($1::regclass)
"""
ENABLE: Final = """
    -- distribution.enable
    CREATE EXTENSION IF NOT EXISTS citus
"""
# Nodes are reached as the role that a page has taken on. It has no password: the coordinator is let
# in by `pg_hba.conf`, a certificate or `pg_dist_authinfo`, nobody else is.
REACH_NODES: Final = f"""
    -- distribution.reach_nodes
    ALTER ROLE {PANEL_ROLE} LOGIN
"""
# Tables of which services may change some columns alone. Nodes know of no such grant and would
# refuse every change, so there it is the whole table, and policies alone stand guard.
OF_SOME_COLUMNS: Final[tuple[str, ...]] = ("departures",)
WHOLE: Final = f"""
    -- distribution.grant_whole
    GRANT UPDATE ON {", ".join(OF_SOME_COLUMNS)} TO notaponte_services, {PANEL_ROLE}
"""

# By a function: the coordinator alone has to know. A word without meaning to PostgreSQL alone.
ONE_AFTER_ANOTHER: Final = """
    -- distribution.one_after_another
    SELECT set_config('citus.multi_shard_modify_mode', 'sequential', true)
"""


async def one_after_another(conn: Connection) -> None:
    """Ask nodes by one connection each, for the rest of the transaction.

    To be called before a transaction reads over tenants and then changes `people`: tables of
    tenants refer to it, and Citus refuses such a change after a read by several connections.
    """
    await conn.execute(ONE_AFTER_ANOTHER)


async def distribute(conn: Connection) -> None:
    """Spread the tables on a Citus coordinator; safe to repeat, since it skips those done."""
    await conn.execute(ENABLE)
    await conn.execute(REACH_NODES)
    for table in REFERENCE_TABLES:
        if not await conn.fetchval(IS_SPREAD, table):
            await conn.execute(COPY_EVERYWHERE, table)
    for table in DISTRIBUTED_TABLES:
        if not await conn.fetchval(IS_SPREAD, table):
            await conn.execute(SPREAD_BY_TENANT, table)
    await conn.execute(WHOLE)
