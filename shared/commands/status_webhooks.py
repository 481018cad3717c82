"""Where a tenant hears of its sales: set, tried, removed, by panel and internal API alike."""

from typing import Literal
from urllib.parse import urlsplit

from shared.commands.privacy.depart import demand_staying
from shared.crypto.seal import Sealer
from shared.crypto.webhook_signature import new_signing_secret
from shared.db import clock
from shared.db.connection import Pool
from shared.db.hooks import status_webhooks_store
from shared.db.hooks.status_webhooks_store import StatusWebhook
from shared.db.tenants import audit_store, tenants_store
from shared.domain.ids import TenantId
from shared.net.guarded import check_target

HookRefusal = Literal["no_status_webhook", "delivery_unknown"]


class HookRefused(Exception):
    """There is no address, or no such delivery."""

    def __init__(self, code: HookRefusal) -> None:
        super().__init__(code)
        self.code = code


async def put_webhook(
    pool: Pool,
    sealer: Sealer,
    tenant: TenantId,
    url: str,
    *,
    new_secret: bool,
    own_url: str,
    by: str,
) -> tuple[StatusWebhook, str | None]:
    """Set the address; the secret comes beside it where it was made now, and never again.

    `own_url` is an address of this installation. Raises TargetRefused for an address that is
    none, or not public, SetUpRefused (`departing`).
    """
    url = check_target(url, loopback=own_address_is_loopback(own_url))
    async with pool.acquire() as conn, conn.transaction():
        await tenants_store.lock(conn, tenant)
        await demand_staying(conn, tenant)
        known = await status_webhooks_store.get(conn, sealer, tenant)
        fresh = new_signing_secret() if known is None or new_secret else None
        secret = fresh or (known.secret if known else "")
        await status_webhooks_store.put(conn, sealer, tenant, url, secret)
        detail = {"new_secret": fresh is not None}
        await audit_store.add(conn, tenant, actor=by, action="status_webhook_put", detail=detail)
        stored = await status_webhooks_store.get(conn, sealer, tenant)
    if stored is None:
        raise AssertionError("it was stored just now")
    return stored, fresh


async def remove_webhook(pool: Pool, tenant: TenantId, *, by: str) -> bool:
    """Tell nobody any more; says whether there was an address. Safe to repeat."""
    async with pool.acquire() as conn, conn.transaction():
        removed = await status_webhooks_store.delete(conn, tenant)
        await audit_store.add(conn, tenant, actor=by, action="status_webhook_removed")
    return removed


async def try_webhook(pool: Pool, sealer: Sealer, tenant: TenantId, *, by: str) -> int:
    """Send a message about no sale, signed like every other; its delivery. Raises HookRefused."""
    async with pool.acquire() as conn, conn.transaction():
        if await status_webhooks_store.get(conn, sealer, tenant) is None:
            raise HookRefused("no_status_webhook")
        number = await status_webhooks_store.announce_test(conn, tenant, await clock.now(conn))
        await audit_store.add(conn, tenant, actor=by, action="status_webhook_tried")
    return number


async def resend(pool: Pool, sealer: Sealer, tenant: TenantId, number: int) -> None:
    """Deliver once more, under the same message id. Raises HookRefused."""
    async with pool.acquire() as conn:
        if await status_webhooks_store.get(conn, sealer, tenant) is None:
            raise HookRefused("no_status_webhook")
        if not await status_webhooks_store.resend(conn, tenant, number):
            raise HookRefused("delivery_unknown")


def own_address_is_loopback(public_url: str) -> bool:
    """Say whether this installation is one on a developer's machine: nobody else reaches it."""
    host = urlsplit(public_url).hostname
    return host in ("localhost", "127.0.0.1", "::1")
