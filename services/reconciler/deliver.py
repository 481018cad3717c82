"""Delivers status webhooks to tenants: signed, retried for days, to public addresses only."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog
from aiohttp import ClientConnectorDNSError, ClientError, ClientSession
from prometheus_client import Counter

from services.reconciler.services import Services
from shared.commands.status_webhooks import own_address_is_loopback
from shared.crypto.seal import Sealer
from shared.crypto.webhook_signature import signed_headers
from shared.db.away import database_away
from shared.db.connection import Pool
from shared.db.hooks import status_webhooks_store
from shared.db.hooks.status_webhooks_store import DueDelivery, StatusWebhook, TenantWithDue
from shared.db.outbox import outbox_store
from shared.domain.ids import BillId, TenantId
from shared.net.guarded import TargetRefused, check_target, open_guarded_session
from shared.run.loops import Periodic
from shared.telemetry import traces
from shared.telemetry.severity import severity

log = structlog.get_logger()

# The waits Standard Webhooks suggests; a bit over three days in all.
WAITS: Final = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    *(timedelta(hours=hours) for hours in (2, 5, 10, 14, 20, 24)),
)
TRY_SECONDS: Final = 15.0
LEAVES_WITHIN: Final = timedelta(seconds=30)  # after it was claimed
LEASE: Final = LEAVES_WITHIN + timedelta(seconds=TRY_SECONDS)
TURN: Final = 20  # deliveries of one tenant before it stands in line again
TURN_SECONDS: Final = 20.0
TENANTS_AT_ONCE: Final = 64
FAILING_AT_ONCE: Final = 16  # of these, tenants whose address gave no answer last
# How long an address without an answer rests: after the first time, the second, and so on.
RESTS: Final = (
    *(timedelta(seconds=seconds) for seconds in (5, 30, 120)),
    *(timedelta(minutes=minutes) for minutes in (10, 30, 60)),
)
SILENT: Final = frozenset({"time_out", "no_connection", "address_unknown", "address_refused"})
SWEEP_EVERY: Final = timedelta(seconds=1)
AFTER_FAILURE: Final = timedelta(seconds=15)
LATELY: Final = timedelta(hours=1)  # a trace that goes on for days is shown by nobody
TRIED: Final = Counter(
    "notaponte_status_webhooks_total", "Tries to deliver a status webhook.", ["outcome"]
)


@dataclass(slots=True, kw_only=True)
class Courier:
    """Delivers what is due, of many tenants at once and of each one after another.

    An address that gives no answer rests, ever longer, and what is due there waits without being
    tried. Those that failed last have a part of the places only, so that the first try of a
    hundred dead addresses keeps no living one waiting.
    """

    pool: Pool
    sealer: Sealer
    http: ClientSession
    loopback: bool  # whether this machine may be a target
    now: Callable[[], datetime]
    _running: dict[TenantId, asyncio.Task[None]] = field(default_factory=dict)
    _failing: set[TenantId] = field(default_factory=set)

    async def start_due(self) -> int:
        """Begin with the tenants that have something due and are not being served; how many."""
        async with self.pool.acquire() as conn:
            due = await status_webhooks_store.tenants_with_due_any_tenant(
                conn, but=list(self._running), limit=TENANTS_AT_ONCE * 4
            )
        begun = 0
        for one in due:
            full = len(self._running) >= TENANTS_AT_ONCE
            if full or (one.failing and len(self._failing) >= FAILING_AT_ONCE):
                continue
            self._begin(one)
            begun += 1
        return begun

    def _begin(self, one: TenantWithDue) -> None:
        tenant = one.tenant_id
        task = asyncio.create_task(self._serve(tenant), name="status-webhooks")
        self._running[tenant] = task
        if one.failing:
            self._failing.add(tenant)
        task.add_done_callback(partial(self._served, tenant))

    def _served(self, tenant: TenantId, _task: asyncio.Task[None]) -> None:
        self._running.pop(tenant, None)
        self._failing.discard(tenant)

    async def finish(self) -> None:
        """Wait for what was started."""
        while self._running:
            await asyncio.wait(list(self._running.values()))

    async def _serve(self, tenant: TenantId) -> None:
        """One tenant's turn: so many deliveries, or so long, or until its address is silent."""
        ends = asyncio.get_running_loop().time() + TURN_SECONDS
        try:
            for _ in range(TURN):
                if not await self._deliver_next(tenant):
                    return
                if asyncio.get_running_loop().time() > ends:
                    return
        except Exception as error:
            # Of one tenant; what was claimed is due again after its lease.
            name = type(error).__name__
            if database_away(error):
                log.log(severity(error), "status_webhooks_wait", tenant_id=tenant, error=name)
            else:
                log.exception("status_webhooks_failed", tenant_id=tenant, error=name)

    async def _deliver_next(self, tenant: TenantId) -> bool:
        """Try the oldest delivery that is due; says whether the next one may be tried now.

        One that comes to leave too late, by a process that was stopped, is somebody else's by then:
        it may have been delivered, or be for an address that was taken away.
        """
        async with self.pool.acquire() as conn:
            webhook = await status_webhooks_store.get(conn, self.sealer, tenant)
            leaves_by = asyncio.get_running_loop().time() + LEAVES_WITHIN.total_seconds()
            claimed = await status_webhooks_store.claim(conn, tenant, limit=1, lease=LEASE)
        if not claimed:
            return False
        (due,) = claimed
        with await self._traced(tenant, due) as told:
            if asyncio.get_running_loop().time() > leaves_by:
                log.warning("status_webhook_too_late", tenant_id=tenant)
                return False
            status, error = await self._try(webhook, due)
            told.note(outcome=error or "delivered", tries=due.tries - 1)
            if error is not None:
                told.fail(error)
        again_in = WAITS[due.tries - 1] if due.tries <= len(WAITS) else None
        TRIED.labels("delivered" if error is None else "failed").inc()
        async with self.pool.acquire() as conn, conn.transaction():
            await status_webhooks_store.settle(
                conn, tenant, due, status=status, error=error, again_in=again_in
            )
            if webhook is None:
                return True
            if error is not None and error in SILENT:
                rest = RESTS[min(webhook.failures, len(RESTS) - 1)]
                await status_webhooks_store.note_silence(conn, tenant, webhook, rest)
                await status_webhooks_store.give_up_old(conn, tenant, error)
                return False
            await status_webhooks_store.note_answer(conn, tenant, webhook.url)
        return True

    async def _traced(self, tenant: TenantId, due: DueDelivery) -> traces.TraceSpan:
        """The try, in the trace of what made its sale due, if that was lately."""
        if not traces.on():
            return traces.NOTHING
        bill = due.payload["data"].get("bill_id")  # none in a try that a person asked for
        async with self.pool.acquire() as conn:
            known = isinstance(bill, int)
            came = known and await outbox_store.trace_of(conn, tenant, BillId(bill), within=LATELY)
        return traces.span(
            "deliver status webhook",
            kind="client",
            parent=came or None,
            tenant_id=tenant,
            bill_id=bill if known else None,
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
        except ClientConnectorDNSError:
            return None, "address_unknown"
        except (ClientError, OSError):
            return None, "no_connection"
        except ValueError as problem:
            # What a library finds wrong with an address only when it is used.
            log.warning("status_webhook_address", error=type(problem).__name__)
            return None, "address_refused"
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
