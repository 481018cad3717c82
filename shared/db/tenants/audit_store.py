"""Who changed what: append-only."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from msgspec import Struct

from shared.db.connection import Connection
from shared.domain.ids import TenantId

NO_TENANT: Final = TenantId("-")

ADD: Final = """
    -- audit_store.add
    INSERT INTO audit (tenant_id, actor, action, detail) VALUES ($1, $2, $3, $4)
"""


async def add(
    conn: Connection,
    tenant: TenantId,
    *,
    actor: str,
    action: str,
    detail: Mapping[str, object] | None = None,
) -> None:
    """Write down one change, in the transaction that makes it; `detail` holds no secret."""
    await conn.execute(ADD, tenant, actor, action, dict(detail or {}))


class AuditEntry(Struct, frozen=True, kw_only=True):
    """One change: `action` is a stable word, `detail` holds no secret."""

    id: int
    at: datetime
    actor: str
    action: str
    detail: Mapping[str, Any]


class AuditFilter(Struct, frozen=True, kw_only=True):
    """Which changes: `actions` are beginnings of stable words, `actor` a part of who did it."""

    actions: Sequence[str] = ()
    actor: str = ""
    since: datetime | None = None
    until: datetime | None = None  # before this


EVERYTHING: Final = AuditFilter()

NEWEST: Final = """
    -- audit_store.newest_first
    SELECT entry_id AS id, at, actor, action, detail FROM audit
     WHERE tenant_id = $1 AND ($2::bigint IS NULL OR entry_id < $2)
       AND (cardinality($4::text[]) = 0 OR action LIKE ANY ($4::text[]))
       AND ($5::text = '' OR strpos(lower(actor), lower($5)) > 0)
       AND ($6::timestamptz IS NULL OR at >= $6) AND ($7::timestamptz IS NULL OR at < $7)
     ORDER BY entry_id DESC LIMIT $3
"""


async def newest_first(
    conn: Connection,
    tenant: TenantId,
    *,
    before: int | None,
    limit: int,
    wanted: AuditFilter = EVERYTHING,
) -> list[AuditEntry]:
    """What was changed, beginning below the entry `before`."""
    like = [f"{one.replace('_', chr(92) + '_')}%" for one in wanted.actions]
    rows = await conn.fetch(
        NEWEST, tenant, before, limit, like, wanted.actor, wanted.since, wanted.until
    )
    return [AuditEntry(**dict(row)) for row in rows]
