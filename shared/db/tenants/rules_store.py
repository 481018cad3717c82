"""Versions of each tenant's rule; the highest is in force."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import asyncpg
from msgspec import Struct
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from shared.db.connection import Connection
from shared.db.tenants import tenants_store
from shared.domain.ids import TenantId
from shared.domain.rule import STORED, Rule


class RuleVersion(Struct, frozen=True, kw_only=True):
    """A rule as it was put, when and by whom."""

    version: int
    rule: Rule
    created_at: datetime
    created_by: str


ADD: Final = """
    -- rules_store.add
    INSERT INTO rule_versions (tenant_id, version, rule, created_by)
    SELECT $1, coalesce(max(version), 0) + 1, $2, $3 FROM rule_versions WHERE tenant_id = $1
 RETURNING version, rule, created_at, created_by
"""


async def add(conn: Connection, tenant: TenantId, rule: Rule, *, by: str) -> RuleVersion:
    """Make a rule the one in force, as the next version; LookupError for an unknown tenant.

    Two that come at once take turns: the tenant's row is locked until the transaction ends.
    """
    if await tenants_store.lock(conn, tenant) is None:
        raise LookupError("no such tenant")
    row = await conn.fetchrow(ADD, tenant, as_json(rule), by)
    if row is None:
        raise AssertionError("an INSERT … RETURNING gives its row")
    return _version(row)


IN_FORCE: Final = """
    -- rules_store.in_force
    SELECT version, rule, created_at, created_by FROM rule_versions
     WHERE tenant_id = $1 ORDER BY version DESC LIMIT 1
"""


async def newest(conn: Connection, tenant: TenantId) -> RuleVersion | None:
    """The version in force with when and by whom; None before the first."""
    row = await conn.fetchrow(IN_FORCE, tenant)
    return None if row is None else _version(row)


async def in_force(conn: Connection, tenant: TenantId) -> tuple[int, Rule] | None:
    """The version in force and its rule; None before the first."""
    found = await newest(conn, tenant)
    return None if found is None else (found.version, found.rule)


VERSIONS: Final = """
    -- rules_store.versions
    SELECT version, rule, created_at, created_by
      FROM (SELECT version, rule, created_at, created_by,
                   sum(pg_column_size(rule)) OVER (ORDER BY version DESC) AS stored
              FROM rule_versions
             WHERE tenant_id = $1 AND ($2::integer IS NULL OR version < $2)
             ORDER BY version DESC LIMIT $3) AS newest
     WHERE stored - pg_column_size(rule) < $4
     ORDER BY version DESC
"""
# As they lie packed in the table: one for thousands of customers is megabytes when written out.
MOST_STORED: Final = 256 * 1024
FIRST: Final = 1  # each is one more than the last, and none is ever taken away


async def versions(
    conn: Connection, tenant: TenantId, *, before: int | None, limit: int
) -> list[RuleVersion]:
    """Versions below `before`, the newest first; of huge ones fewer than `limit`, but one at least.

    There are more until the last one is FIRST.
    """
    rows = await conn.fetch(VERSIONS, tenant, before, limit, MOST_STORED)
    return [_version(row) for row in rows]


GET: Final = """
    -- rules_store.get
    SELECT version, rule, created_at, created_by FROM rule_versions
     WHERE tenant_id = $1 AND version = $2
"""


async def get(conn: Connection, tenant: TenantId, version: int) -> RuleVersion | None:
    """One version; None for one that never was."""
    row = await conn.fetchrow(GET, tenant, version)
    return None if row is None else _version(row)


# What a rule says since the release before, whose services refuse a name that they do not know:
# beside these, in an upgrade, a company whose rule has one has to wait. Named until it is gone.
UNKNOWN_BEFORE: Final = frozenset({"cities"})


def as_json(rule: Rule) -> dict[str, object]:
    """A rule as the interface page writes it, without the new names in it that say nothing."""
    written = rule.model_dump(mode="json", by_alias=True)
    return {name: value for name, value in written.items() if value or name not in UNKNOWN_BEFORE}


def from_json(stored: object) -> Rule:
    """A rule as it was stored, by whichever version of ours, also a later one.

    A name that only a later version knows is passed over where it says nothing; where it says
    something the rule cannot be followed, and ValidationError is raised.
    """
    try:
        return Rule.model_validate(stored, context=STORED)
    except ValidationError as error:
        faults = error.errors(include_url=False)
        unknown = {str(one["loc"][0]) for one in faults if _says_nothing(one)}
        if not isinstance(stored, Mapping) or len(unknown) < len(faults):
            raise
    known = {name: value for name, value in stored.items() if name not in unknown}
    return Rule.model_validate(known, context=STORED)


def _says_nothing(fault: ErrorDetails) -> bool:
    return fault["type"] == "extra_forbidden" and len(fault["loc"]) == 1 and not fault["input"]


def _version(row: asyncpg.Record) -> RuleVersion:
    fields = dict(row)
    return RuleVersion(rule=from_json(fields.pop("rule")), **fields)
