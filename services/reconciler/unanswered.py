"""A nota that nobody answers about for hours is a person's, and told once.

It stays in doubt, and is asked about as before: nothing is sent again blindly.
"""

from datetime import timedelta
from functools import partial
from typing import Final

import structlog

from services.reconciler.rounds import alone
from services.reconciler.services import Services
from shared.db import clock
from shared.db.sales import timeline_store, unanswered_store
from shared.db.sales.timeline_store import Happening
from shared.db.vindi import watch_store
from shared.domain.attention import UNANSWERED
from shared.domain.ids import BillId, TenantId
from shared.run.loops import Periodic

log = structlog.get_logger()

LOOK_EVERY: Final = timedelta(seconds=60)
AFTER: Final = timedelta(hours=3)  # a doubt that can be settled is so within minutes
TENANTS_A_LOOK: Final = 500
SALES_A_LOOK: Final = 1000  # of these tenants; the next look has the others
BY: Final = "reconciler"


async def tell_unanswered(services: Services) -> None:
    """Look for such sales, until cancelled."""
    await Periodic(
        name="unanswered",
        step=partial(tell_once, services),
        every=LOOK_EVERY,
        failed="unanswered_not_told",
    ).run()


async def tell_once(services: Services) -> int:
    """Tell of those there are; returns how many."""
    after, told = TenantId(""), 0
    while True:
        async with services.pool.acquire() as conn:
            before = await clock.now(conn) - AFTER
            facts = await watch_store.facts_any_tenant(conn, after=after, limit=TENANTS_A_LOOK)
            tenants = [one.tenant_id for one in facts]
            found = await unanswered_store.find_any_tenant(
                conn, tenants, before, limit=SALES_A_LOOK
            )
        for tenant, bills in found.items():
            with alone("unanswered_not_told", tenant_id=tenant):
                told += await _tell(services, tenant, bills)
        if len(facts) < TENANTS_A_LOOK:
            return told
        after = tenants[-1]


async def _tell(services: Services, tenant: TenantId, bills: list[BillId]) -> int:
    async with services.pool.acquire() as conn, conn.transaction():
        told = await unanswered_store.tell(conn, tenant, bills, UNANSWERED)
        lines = [Happening(bill_id=one, what="attention", why=UNANSWERED, by=BY) for one in told]
        await timeline_store.add(conn, tenant, lines)
    if told:
        log.error("issuer_unanswered", tenant_id=tenant, count=len(told))
    return len(told)
