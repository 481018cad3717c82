"""Deliveries of Vindi that were refused although their secret names a tenant of ours."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from shared.db.connection import Connection
from shared.domain.ids import TenantId

# A pause as long as Vindi repeats a delivery (vindi-api, section 9.2) begins the count anew.
FORGOTTEN_AFTER: Final = timedelta(hours=48)

ADD: Final = """
    -- rejections_store.add_any_tenant
    INSERT INTO webhook_rejections AS r (tenant_id, since, rejected_at, rejections)
    SELECT t.tenant_id, now(), now(), m.rejections
      FROM unnest($1::text[], $2::bigint[]) AS m (tenant_id, rejections)
      JOIN tenants t ON t.tenant_id = m.tenant_id
     ORDER BY t.tenant_id
        ON CONFLICT (tenant_id) DO UPDATE
       SET since = CASE WHEN excluded.rejected_at - r.rejected_at > $3::interval
                        THEN excluded.since ELSE r.since END,
           rejections = CASE WHEN excluded.rejected_at - r.rejected_at > $3::interval THEN 0
                             ELSE r.rejections END + excluded.rejections,
           rejected_at = excluded.rejected_at
"""


async def add_any_tenant(conn: Connection, rejections: Mapping[TenantId, int]) -> None:
    """Count refused deliveries; words that are no tenant's are left out."""
    await conn.execute(ADD, list(rejections), list(rejections.values()), FORGOTTEN_AFTER)
