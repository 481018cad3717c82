"""After a restore: what the issuers' lists have and we do not becomes known again.

Most of it does so by itself: its sale is owed a nota again, is looked up before it is sent, and is
found. Left over are sales that now rest or wait although a nota was issued: what somebody asked for
is among what is missing, or the money went back since. They are woken, and the emitter adopts what
the issuer has before anything else is decided of them.
"""

from datetime import timedelta
from typing import Final

import structlog

from services.reconciler.rounds import alone
from services.reconciler.services import Services
from shared.db import clock
from shared.db.connection import Connection
from shared.db.outbox import outbox_wakes
from shared.db.outbox.outbox_store import RECONCILE
from shared.db.restores import restore_finds_store, restores_store
from shared.db.sales import timeline_store
from shared.db.sales.timeline_store import Happening
from shared.domain.ids import TenantId
from shared.run.loops import Periodic

log = structlog.get_logger()

LOOK_EVERY: Final = timedelta(seconds=2)
SOON: Final = timedelta(minutes=1)  # what is decided by then needs nobody
TENANTS_A_LOOK: Final = 100
BY: Final = "reconciler"
FOUND: Final = "restored_found"


async def mind_restores(services: Services) -> None:
    """Notice restores, and make up for what they lost, until cancelled."""

    async def step() -> None:
        await look_once(services)

    await Periodic(
        name="mind-restores", step=step, every=LOOK_EVERY, failed="restores_not_minded"
    ).run()


async def look_once(services: Services) -> int:
    """Hold the server against what is remembered; returns how many sales are decided once more."""
    async with services.pool.acquire() as conn:
        await restores_store.look_any_tenant(conn)
        tenants = await restore_finds_store.tenants_with_finds_any_tenant(
            conn, limit=TENANTS_A_LOOK
        )
    decided = 0
    for tenant in tenants:
        with alone("restored_not_made_up", tenant_id=tenant):
            async with services.pool.acquire() as conn, conn.transaction():
                decided += await _make_up(conn, tenant)
    if decided:
        await services.waker.ring()
    return decided


async def _make_up(conn: Connection, tenant: TenantId) -> int:
    """Wake what has to become known, and what became so: it is decided by all that is known."""
    now = await clock.now(conn)
    known = await restore_finds_store.know(conn, tenant, now)
    found = await restore_finds_store.left_over(conn, tenant, now + SOON)
    bills = sorted({*known, *found.values()})
    if not bills:
        return 0
    await outbox_wakes.wake(conn, tenant, bills, about_bill=True, lane=RECONCILE)
    await restore_finds_store.woken(conn, tenant, list(found), now)
    names = {bill: key for key, bill in found.items()}
    told = [Happening(bill_id=bill, what=FOUND, why=key, by=BY) for bill, key in names.items()]
    await timeline_store.add(conn, tenant, told)
    log.warning("restore_sales_woken", tenant_id=tenant, found=len(found), known=len(known))
    return len(bills)
