"""A closing with the issuer's list as it is now, where that takes a moment only."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Final

from services.reconciler.issuer_list.read import read_wanted
from services.reconciler.services import Services
from shared.commands.closing import close, want_issuers_list
from shared.db.tenants.tenants_store import Tenant
from shared.domain.closing import Closing, Month
from shared.vindi.client import VindiClient

MOMENT: Final = timedelta(seconds=8)  # a person waits so long for the issuer's list


async def close_afresh(
    services: Services,
    client: VindiClient | None,
    tenant: Tenant,
    month: Month,
    *,
    filed: bool = False,
) -> Closing:
    """Close a month, having read the issuer's list again if something changed since.

    What takes longer goes on behind, and whoever asks again finds it done.
    """
    closing = await close(services.pool, services.vindi_totals, client, tenant, month, filed=filed)
    if not closing.issuer.stale:
        return closing
    if not await want_issuers_list(services.pool, tenant, closing.issuer.stale):
        return closing
    with suppress(TimeoutError):
        async with asyncio.timeout(MOMENT.total_seconds()):
            await read_wanted(services, tenant.id)
    return await close(services.pool, services.vindi_totals, client, tenant, month, filed=filed)
