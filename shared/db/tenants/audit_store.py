"""Who changed what: append-only."""

from collections.abc import Mapping
from typing import Final

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
