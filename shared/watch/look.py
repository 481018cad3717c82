"""Looking at a tenant: everything that health is judged by, read and judged."""

from datetime import timedelta

from shared.db.connection import Connection
from shared.db.restores import restore_checks_store, restores_store
from shared.db.tenants import (
    brakes_store,
    elsewhere_store,
    issuer_health_store,
    nota_connections_store,
)
from shared.db.vindi import watch_store
from shared.domain.ids import TenantId
from shared.watch.connection import ConnectionCheck, judge
from shared.watch.elsewhere import judge_elsewhere
from shared.watch.issuing import judge_issuing
from shared.watch.restored import judge_restored


async def look_at_any_tenant(
    conn: Connection, tenant: TenantId, *, every: timedelta
) -> list[ConnectionCheck] | None:
    """Every check of a tenant, also what it shares with another; None when there is no such."""
    facts = await watch_store.facts(conn, tenant)
    if facts is None:
        return None
    breakers = await issuer_health_store.read(conn, tenant)
    brake = await brakes_store.get(conn, tenant)
    elsewhere = await elsewhere_store.find_any_tenant(conn, tenant)
    here = await nota_connections_store.current_id(conn, tenant)
    left = await nota_connections_store.open_elsewhere(conn, tenant, here)
    restore = await restores_store.newest(conn)
    reading = restore is not None and (await restore_checks_store.unread(conn, tenant)).everything
    checks = judge(facts, every=every) + judge_issuing(breakers, brake)
    checks.append(judge_restored(restore.noticed_at if restore else None, reading=reading))
    return checks + judge_elsewhere(elsewhere, left)
