"""Texts of refusals that the catalogue does not know, counted so that it can grow.

A row is kept also after its nota was sent again: what was once not understood may come again.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct

from shared.db.connection import Connection
from shared.db.rows import rows_json
from shared.domain.ids import BillId, TenantId

MOST: Final = 5000  # of the newest, all tenants together; more than anybody reads


class Met(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A text met just now, once or more often; `reason` is sealed (`columns.UNKNOWN_DENIAL`)."""

    denial_group: str
    bill_id: BillId
    reason: bytes | None
    count: int


class Counted(Struct, frozen=True, kw_only=True):
    """One tenant's count of a cause nobody knows; `customer_name` is of the sale it was met at."""

    tenant_id: TenantId
    denial_group: str
    reason: bytes | None
    count: int
    first_at: datetime
    last_at: datetime
    customer_name: str | None


COUNT: Final = """
    -- unknown_denials_store.count
    INSERT INTO unknown_denials AS u (tenant_id, denial_group, reason, bill_id, count, first_at,
                                      last_at)
    SELECT $1, denial_group, decode(reason, 'base64'), bill_id, count, $3, $3
      FROM json_to_recordset($2::text::json)
           AS m (denial_group text, bill_id bigint, reason text, count bigint)
        ON CONFLICT (tenant_id, denial_group) DO UPDATE
       SET count = u.count + excluded.count, bill_id = excluded.bill_id, last_at = excluded.last_at,
           reason = coalesce(excluded.reason, u.reason)
"""


async def count(conn: Connection, tenant: TenantId, met: Sequence[Met], now: datetime) -> None:
    """Count texts by their cause; the newest text of a cause is kept."""
    by_group: dict[str, Met] = {}
    for one in met:
        before = by_group.get(one.denial_group)
        total = one.count + (before.count if before is not None else 0)
        by_group[one.denial_group] = Met(
            denial_group=one.denial_group, bill_id=one.bill_id, reason=one.reason, count=total
        )
    if by_group:
        rows = [by_group[group] for group in sorted(by_group)]
        await conn.execute(COUNT, tenant, rows_json(rows), now)


READ: Final = """
    -- unknown_denials_store.read_any_tenant
    SELECT u.tenant_id, u.denial_group, u.reason, u.count, u.first_at, u.last_at, s.customer_name
      FROM unknown_denials u
      LEFT JOIN sales s ON s.tenant_id = u.tenant_id AND s.bill_id = u.bill_id
     WHERE ($1::timestamptz IS NULL OR u.last_at >= $1)
       AND ($2::timestamptz IS NULL OR u.first_at < $2)
     ORDER BY u.last_at DESC LIMIT $3
"""


async def read_any_tenant(
    conn: Connection, *, since: datetime | None, until: datetime | None
) -> list[Counted]:
    """What was met from `since` and before `until`, the newest first."""
    return [Counted(**dict(row)) for row in await conn.fetch(READ, since, until, MOST)]
