"""A status webhook's delivery is in the trace of what its sale was about."""

import pytest

from services.reconciler.deliver import LATELY
from shared.commands.status_webhooks import try_webhook
from shared.db.outbox import outbox_store
from shared.db.outbox.outbox_store import Mark
from shared.domain.ids import BillId
from shared.telemetry import traces
from tests.services.emitter.conftest import SEALER, Desk
from tests.services.reconciler.deliver.test_deliver import Listener, deliver, listener, subscribe
from tests.support.collector import told, tracing_here

__all__ = ["listener"]  # a fixture


@pytest.mark.parametrize("long_ago", [False, True])
async def test_a_delivery_is_in_the_trace_of_its_sale_unless_that_was_long_ago(
    desk: Desk, listener: Listener, monkeypatch: pytest.MonkeyPatch, long_ago: bool
) -> None:
    await subscribe(desk, listener.url)
    bill = BillId(desk.sell().id)
    async with tracing_here(monkeypatch) as collector:
        with traces.span("event"):
            trace = traces.carried()
        mark = Mark(
            tenant_id=desk.tenant, bill_id=bill, lane=0, origin="webhook", traceparent=trace
        )
        async with desk.pool.acquire() as conn:
            await outbox_store.mark_due(conn, [mark])
        await desk.work()
        await desk.later()
        await desk.work()
        if long_ago:
            await desk.pool.execute(
                "UPDATE outbox SET traced_at = traced_at - $1::interval", LATELY
            )
        await deliver(desk)
        await told()
    assert listener.heard
    assert "traceparent" not in {name.lower() for name in listener.heard[0][0]}
    [event] = collector.named("event")
    sent = collector.named("deliver status webhook")
    assert (event.trace_id in {one.trace_id for one in sent}) is not long_ago
    assert sent[0].facts["notaponte.bill_id"] == bill
    assert sent[0].facts["notaponte.outcome"] == "delivered"


async def test_a_try_that_a_person_asked_for_and_one_that_fails_are_told_too(
    desk: Desk, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    await subscribe(desk, listener.url)
    listener.status = 500
    await try_webhook(desk.pool, SEALER, desk.tenant, by="ana")
    async with tracing_here(monkeypatch) as collector:
        await deliver(desk)
        await told()
    [sent] = collector.named("deliver status webhook")
    assert sent.failed
    assert sent.facts["error.type"] == "refused"
    assert "notaponte.bill_id" not in sent.facts
