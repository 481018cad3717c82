"""All rows of one tenant, whichever table: read page by page to be given out, or deleted.

What is not said here of a table is not exported and not deleted, so a test holds `KEYS` against the
schema. Identifiers are constants of this module; a tenant is always named.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from shared.db.connection import Connection
from shared.db.distribution import DISTRIBUTED_TABLES, one_after_another
from shared.domain.ids import TenantId

# The columns of each primary key behind the tenant, with their types.
KEYS: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "tenants": (),
    "vindi_connections": (),
    "issuer_connections": (),
    "nota_connections": (("connection_id", "integer"),),
    "webhook_secrets": (("source", "text"), ("secret_hash", "bytea")),
    "rule_versions": (("version", "integer"),),
    "events": (("received_at", "timestamptz"), ("event_id", "uuid")),
    "outbox": (("bill_id", "bigint"),),
    "bills": (("bill_id", "bigint"),),
    "sales": (("bill_id", "bigint"),),
    "notas": (("bill_id", "bigint"), ("part", "smallint"), ("revision", "integer")),
    "rps_series": (("connection_id", "integer"), ("series", "text")),
    "rps_numbers": (("connection_id", "integer"), ("series", "text"), ("number", "bigint")),
    "sale_parts": (("bill_id", "bigint"), ("part", "smallint")),
    "timeline": (("bill_id", "bigint"), ("entry_id", "bigint")),
    "audit": (("entry_id", "bigint"),),
    "idempotency_keys": (("actor", "text"), ("key", "text")),
    "reconciler_passes": (),
    "refunds_seen": (("transaction_id", "bigint"),),
    "vindi_oddities": (("oddity", "text"),),
    "refunds_pending": (("transaction_id", "bigint"),),
    "backfills": (("backfill_id", "text"),),
    "backfill_bills": (("backfill_id", "text"), ("bill_id", "bigint")),
    "backfill_customers": (("backfill_id", "text"), ("customer_id", "bigint")),
    "closing_locks": (("month", "date"),),
    "closing_checks": (("month", "date"),),
    "webhook_rejections": (),
    "tenant_brakes": (),
    "nota_days": (("day", "date"),),
    "issuer_breakers": (("scope", "text"),),
    "company_breakers": (),
    "unknown_denials": (("denial_group", "text"),),
    "status_webhooks": (),
    "webhook_deliveries": (("delivery_id", "bigint"),),
    "foreign_notas": (("issuer_id", "text"),),
    "foreign_nota_marks": (),
    "issuer_notas": (("issuer_id", "text"),),
    "issuer_days": (("company_id", "text"), ("day", "date")),
    "issuer_lists": (),
    "accepted_notas": (("issuer_id", "text"),),
    "memberships": (("person_id", "text"),),
    "person_links": (("token_hash", "bytea"),),
    "month_files": (("month", "date"), ("kind", "text")),
    "month_file_pieces": (
        ("month", "date"),
        ("kind", "text"),
        ("attempt", "integer"),
        ("place", "integer"),
    ),
    "bulk_jobs": (("job_id", "text"),),
    "bulk_refusals": (("job_id", "text"), ("bill_id", "bigint")),
    "saved_filters": (("name_key", "text"),),
    "kept_figures": (("name", "text"),),
    "restore_checks": (("restore_id", "integer"), ("company_id", "text")),
    "restore_finds": (("external_id", "text"),),
    "erasures": (("erasure_id", "text"),),
    "retention_walks": (("what", "text"),),
}
OUTLIVES: Final = "departures"  # says of a tenant that is gone that it is
AUDIT: Final = "audit"  # nobody but its owner takes from it
# A table after those that refer to it; the tenant itself goes last, and by a statement of its own.
IN_ORDER_OF_DELETION: Final = tuple(
    table for table in reversed(DISTRIBUTED_TABLES) if table not in (OUTLIVES, "tenants")
)


def _page(table: str) -> str:
    keys = KEYS[table]
    if not keys:
        return f"""
    -- tenant_rows.first_page
    SELECT * FROM {table} WHERE tenant_id = $1 LIMIT $2
"""  # noqa: S608 - our own constants
    names = ", ".join(name for name, _ in keys)
    return f"""
    -- tenant_rows.first_page
    SELECT * FROM {table} WHERE tenant_id = $1 ORDER BY {names} LIMIT $2
"""  # noqa: S608 - our own constants


def _next(table: str) -> str:
    keys = KEYS[table]
    names = ", ".join(name for name, _ in keys)
    given = ", ".join(f"${number}::{kind}" for number, (_, kind) in enumerate(keys, start=3))
    return f"""
    -- tenant_rows.next_page
    SELECT * FROM {table} WHERE tenant_id = $1 AND ({names}) > ({given})
     ORDER BY {names} LIMIT $2
"""  # noqa: S608 - our own constants


def _removal(table: str) -> str:
    keys = KEYS[table]
    if not keys:
        return f"""
    -- tenant_rows.remove
    DELETE FROM {table} WHERE tenant_id = $1 AND $2::int > 0
"""  # noqa: S608 - our own constants
    names = ", ".join(name for name, _ in keys)
    return f"""
    -- tenant_rows.remove
    DELETE FROM {table} WHERE tenant_id = $1 AND ({names}) IN (
           SELECT {names} FROM {table} WHERE tenant_id = $1 ORDER BY {names} LIMIT $2)
"""  # noqa: S608 - our own constants


FIRST: Final[dict[str, str]] = {table: _page(table) for table in KEYS}
NEXT: Final[dict[str, str]] = {table: _next(table) for table, keys in KEYS.items() if keys}
REMOVE: Final[dict[str, str]] = {
    table: _removal(table) for table in IN_ORDER_OF_DELETION if table != AUDIT
}
LEFT: Final[dict[str, str]] = {
    table: f"""
    -- tenant_rows.left_in
    SELECT EXISTS (SELECT FROM {table} WHERE tenant_id = $1)
"""  # noqa: S608 - our own constants
    for table in IN_ORDER_OF_DELETION
}


async def first_page(
    conn: Connection, table: str, tenant: TenantId, *, limit: int
) -> list[dict[str, Any]]:
    """The first rows of a table that are a tenant's, by their key."""
    return [dict(row) for row in await conn.fetch(FIRST[table], tenant, limit)]


async def next_page(
    conn: Connection, table: str, tenant: TenantId, after: Sequence[object], *, limit: int
) -> list[dict[str, Any]]:
    """The rows behind a key; only of a table whose key has more than the tenant."""
    return [dict(row) for row in await conn.fetch(NEXT[table], tenant, limit, *after)]


def key_of(table: str, row: Mapping[str, Any]) -> tuple[object, ...]:
    """What a row is found by behind its tenant."""
    return tuple(row[name] for name, _ in KEYS[table])


AUDIT_OF_DEPARTED: Final = """
    -- tenant_rows.remove_audit
    SELECT forget_audit_of_departed($1, $2)
"""


async def remove(conn: Connection, table: str, tenant: TenantId, *, limit: int) -> int:
    """Delete some rows of a tenant but of its audit, in the caller's transaction; how many."""
    return int((await conn.execute(REMOVE[table], tenant, limit)).rpartition(" ")[2])


async def remove_audit(conn: Connection, tenant: TenantId, *, limit: int) -> int:
    """The same of the audit, alone: refused by the database for one whose time has not come."""
    return int(await conn.fetchval(AUDIT_OF_DEPARTED, tenant, limit))


async def left_in(conn: Connection, tenant: TenantId) -> list[str]:
    """The tables that still have a row of a tenant, itself not counted."""
    return [table for table in IN_ORDER_OF_DELETION if await conn.fetchval(LEFT[table], tenant)]


FORGET_TENANT: Final = """
    -- tenant_rows.remove_tenant
    DELETE FROM tenants WHERE tenant_id = $1
"""


async def remove_tenant(conn: Connection, tenant: TenantId) -> None:
    """Delete the tenant itself, after everything else of it."""
    await conn.execute(FORGET_TENANT, tenant)


MEMBERS: Final = """
    -- tenant_rows.members
    SELECT person_id FROM memberships WHERE tenant_id = $1
"""
# Whoever is being added elsewhere holds the person's row meanwhile, by the foreign key.
HOLD: Final = """
    -- tenant_rows.remove_people_any_tenant hold
    SELECT person_id FROM people WHERE person_id = ANY($1::text[]) AND staff IS NULL
     ORDER BY person_id FOR UPDATE
"""
ELSEWHERE: Final = """
    -- tenant_rows.elsewhere_any_tenant
    SELECT DISTINCT person_id FROM memberships WHERE person_id = ANY($1::text[]) AND tenant_id <> $2
"""
FORGET_PEOPLE: Final = """
    -- tenant_rows.remove_people_any_tenant people
    DELETE FROM people WHERE person_id = ANY($1::text[]) AND staff IS NULL
"""


async def remove_people_any_tenant(conn: Connection, tenant: TenantId) -> int:
    """Delete whoever belongs to this tenant alone, with their sessions; before memberships go.

    In the caller's transaction; how many. Some statements, since nodes keep apart what they read.
    Each is held first: who is added elsewhere just now is waited for, or finds nobody.
    """
    await one_after_another(conn)
    found: list[str] = [row["person_id"] for row in await conn.fetch(MEMBERS, tenant)]
    members: list[str] = [row["person_id"] for row in await conn.fetch(HOLD, found)]
    if not members:
        return 0
    elsewhere = {row["person_id"] for row in await conn.fetch(ELSEWHERE, members, tenant)}
    alone = [one for one in members if one not in elsewhere]
    return int((await conn.execute(FORGET_PEOPLE, alone)).rpartition(" ")[2])
