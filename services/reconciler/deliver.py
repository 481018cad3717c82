"""Delivers status webhooks to tenants: signed, retried for days, to public addresses only."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog
from aiohttp import ClientError, ClientSession
from prometheus_client import Counter

from services.reconciler.services import Services
from shared.commands.status_webhooks import own_address_is_loopback
from shared.crypto.seal import Sealer
from shared.crypto.webhook_signature import signed_headers
from shared.db.connection import Pool
from shared.db.hooks import status_webhooks_store
from shared.db.hooks.status_webhooks_store import DueDelivery, StatusWebhook
from shared.domain.ids import TenantId
from shared.net.guarded import TargetRefused, check_target, open_guarded_session
from shared.run.loops import Periodic

log = structlog.get_logger()

# The waits Standard Webhooks suggests; a bit over three days in all.
WAITS: Final = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    *(timedelta(hours=hours) for hours in (2, 5, 10, 14, 20, 24)),
)
TRY_SECONDS: Final = 15.0
BATCH: Final = 20
LEASE: Final = timedelta(seconds=TRY_SECONDS * BATCH + 30)
TENANTS_AT_ONCE: Final = 20
SWEEP_EVERY: Final = timedelta(seconds=1)
AFTER_FAILURE: Final = timedelta(seconds=15)
TRIED: Final = Counter(
    "notaponte_status_webhooks_total", "Tries to deliver a status webhook.", ["outcome"]
)


@dataclass(slots=True, kw_only=True)
class Courier:
    """Delivers what is due; one tenant's slow address keeps only its own deliveries waiting."""

    pool: Pool
    sealer: Sealer
    http: ClientSession
    loopback: bool  # whether this machine may be a target
    now: Callable[[], datetime]
    _running: dict[TenantId, asyncio.Task[None]] = field(default_factory=dict)

    async def start_due(self) -> int:
        """Begin with the tenants that have something due and are not being served; how many."""
        async with self.pool.acquire() as conn:
            due = await status_webhooks_store.tenants_with_due_any_tenant(
                conn, limit=TENANTS_AT_ONCE * 2
            )
        waiting = [tenant for tenant in due if tenant not in self._running]
        room = TENANTS_AT_ONCE - len(self._running)
        for tenant in waiting[:room]:
            task = asyncio.create_task(self._serve(tenant), name="status-webhooks")
            self._running[tenant] = task
            task.add_done_callback(partial(self._served, tenant))
        return len(waiting[:room])

    def _served(self, tenant: TenantId, _task: asyncio.Task[None]) -> None:
        self._running.pop(tenant, None)

    async def finish(self) -> None:
        """Wait for what was started."""
        while self._running:
            await asyncio.wait(list(self._running.values()))

    async def _serve(self, tenant: TenantId) -> None:
        try:
            async with self.pool.acquire() as conn:
                webhook = await status_webhooks_store.get(conn, self.sealer, tenant)
                due = await status_webhooks_store.claim(conn, tenant, limit=BATCH, lease=LEASE)
            for delivery in due:
                await self._deliver(tenant, webhook, delivery)
        except Exception as error:
            # A bug, or the database is away: what was claimed is due again after its lease.
            log.exception("status_webhooks_failed", tenant_id=tenant, error=type(error).__name__)

    async def _deliver(
        self, tenant: TenantId, webhook: StatusWebhook | None, due: DueDelivery
    ) -> None:
        status, error = await self._try(webhook, due)
        again_in = WAITS[due.tries - 1] if due.tries <= len(WAITS) else None
        TRIED.labels("delivered" if error is None else "failed").inc()
        async with self.pool.acquire() as conn:
            await status_webhooks_store.settle(
                conn, tenant, due, status=status, error=error, again_in=again_in
            )

    async def _try(
        self, webhook: StatusWebhook | None, due: DueDelivery
    ) -> tuple[int | None, str | None]:
        """Post once; the status if one came, and a constant word for what went wrong."""
        if webhook is None:
            return None, "webhook_removed"
        try:
            body = json.dumps(due.payload, separators=(",", ":"), ensure_ascii=False).encode()
            headers = {
                "Content-Type": "application/json",
                **signed_headers(webhook.secret, f"msg_{due.message_id.hex}", self.now(), body),
            }
            url = check_target(webhook.url, loopback=self.loopback)
            async with self.http.post(
                url, data=body, headers=headers, allow_redirects=False
            ) as answer:
                ok = 200 <= answer.status < 300
                return answer.status, None if ok else "refused"
        except TargetRefused:
            return None, "address_refused"
        except TimeoutError:
            return None, "time_out"
        except (ClientError, OSError):
            return None, "no_connection"
        except Exception:
            # Of this delivery alone: those behind it must not wait for it for ever.
            log.exception("status_webhook_failed", message_id=due.message_id.hex)
            return None, "internal_error"


async def deliver_status_webhooks(services: Services) -> None:
    """Deliver until cancelled; several processes share the work."""
    loopback = own_address_is_loopback(services.set_up.public_url)
    async with open_guarded_session(loopback=loopback, timeout=TRY_SECONDS) as http:
        courier = Courier(
            pool=services.pool,
            sealer=services.sealer,
            http=http,
            loopback=loopback,
            now=services.now,
        )
        await Periodic(
            name="status-webhooks",
            step=courier.start_due,
            every=SWEEP_EVERY,
            after_failure=AFTER_FAILURE,
            failed="status_webhooks_wait",
        ).run()
