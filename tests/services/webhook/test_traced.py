"""A delivery is a trace of its own, whoever sends it; its commit may be that of many."""

import asyncio

import pytest

from shared.db.connection import Pool
from tests.services.webhook.conftest import Client, Tenant
from tests.services.webhook.payloads import a_bill_event
from tests.support.collector import Collector, told, tracing_here

TRACE = "0af7651916cd43dd8448eb211c80319c"
STRANGERS = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01", "tracestate": "a=Maria"}


async def test_the_sale_goes_on_in_the_trace_of_its_event_and_not_in_a_strangers(
    client: Client, tenant: Tenant, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with tracing_here(monkeypatch) as collector:
        answer = await client.send(
            f"/v1/vindi/{tenant.vindi}", a_bill_event(4711), headers=STRANGERS
        )
        await told()
    assert answer.status == 200
    [heard] = collector.named("POST /v1/vindi/{secret}")
    assert heard.trace_id != TRACE
    assert heard.facts["notaponte.bill_id"] == 4711
    assert heard.facts["notaponte.event"] == "bill_paid"
    kept = await pool.fetchval("SELECT traceparent FROM outbox")
    assert kept == f"00-{heard.trace_id}-{heard.span_id}-01"
    nothing_private(collector, tenant)


async def test_a_commit_names_every_delivery_it_serves(
    client: Client, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"/v1/vindi/{tenant.vindi}"
    async with tracing_here(monkeypatch) as collector:
        await asyncio.gather(*(client.send(address, a_bill_event(n)) for n in range(1, 31)))
        await told()
    heard = {one.span_id for one in collector.named("POST /v1/vindi/{secret}")}
    commits = collector.named("commit")
    assert len(heard) == 30
    assert sorted(n for one in commits for n in (one.parent, *one.links)) == sorted(heard)
    assert sum(one.facts["notaponte.count"] for one in commits) == 30
    assert len(commits) < 30


async def test_who_has_no_secret_is_told_of_without_what_was_sent(
    client: Client, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with tracing_here(monkeypatch) as collector:
        await client.send("/v1/vindi/a-guess", b'{"name": "Maria"}')
        await client.send(f"/v1/vindi/{tenant.vindi}", b'{"event": {"type": "Maria", "data": {}}}')
        await told()
    unknown, odd = collector.named("POST /v1/vindi/{secret}")
    assert unknown.facts["notaponte.outcome"] == "unknown_secret"
    assert unknown.facts["http.response.status_code"] == 404
    assert odd.facts["notaponte.event"] == "unknown_type"
    nothing_private(collector, tenant)


def nothing_private(collector: Collector, tenant: Tenant) -> None:
    everything = b"".join(collector.raw)
    for word in (tenant.vindi, "a-guess", "Maria"):
        assert word.encode() not in everything
