"""One trace reaches from the event to the issuer, over processes and the outbox between them."""

from pathlib import Path

from services.sandbox.run import running_sandbox
from shared.telemetry.open_telemetry import ATTRIBUTES, ERROR
from shared.vindi.budget import BudgetShare
from tests.journey.system import System, a_system
from tests.services.emitter.conftest import a_buyer
from tests.support.collector import Collector, SeenSpan, running_collector

# Every name a span may have: a new one is a decision, and none ever holds what somebody sent.
NAMES = {
    "POST /v1/vindi/{secret}",
    "POST /v1/enotas/{secret}",
    "wait for commit",
    "commit",
    "batch",
    "claim",
    "decide",
    "decide with customer",
    "write plans",
    "ask issuer",
    "write answer",
    "sale due",
    "pass",
    "backfill step",
    "action for many",
    "read issuer list",
    "deliver status webhook",
    *(f"issuer {call}" for call in ("read", "issue", "cancel")),
    *(f"vindi {share.name.lower()}" for share in BudgetShare),
}


async def test_one_trace_reaches_from_the_event_to_the_issuer(
    database: str, redis_url: str, tmp_path: Path
) -> None:
    async with (
        running_collector() as collector,
        running_sandbox() as sandbox,
        a_system(
            sandbox,
            database=database,
            redis=redis_url,
            folder=tmp_path,
            OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
            OTEL_BSP_SCHEDULE_DELAY="100",
        ) as system,
    ):
        await system.set_up()
        bill = system.sell()
        await system.until_issued()

        def written() -> list[SeenSpan]:
            return collector.named("write answer")

        await collector.until(written)
        [issued] = await collector.until(lambda: collector.named("issuer issue"))
        way = [(one.service, one.name) for one in collector.above(issued)]
        assert way[0] == ("notaponte-emitter", "ask issuer")
        assert way[-1] == ("notaponte-webhook", "POST /v1/vindi/{secret}")
        of_trace = {
            (one.service, one.name) for one in collector.spans if one.trace_id == issued.trace_id
        }
        assert of_trace >= {
            ("notaponte-webhook", "wait for commit"),
            ("notaponte-webhook", "commit"),
            ("notaponte-emitter", "claim"),
            ("notaponte-emitter", "vindi due"),
            ("notaponte-emitter", "decide"),
            ("notaponte-emitter", "write plans"),
            ("notaponte-emitter", "write answer"),
        }
        asked = collector.above(issued)[0]
        assert asked.facts["notaponte.bill_id"] == bill.id
        assert asked.facts["notaponte.tenant_id"] == system.tenant

        await wished(system, collector, bill.id)
        nothing_private(collector, system)
        assert not system.complaints("Traceback", "traces_not_taken", "Failed to detach")


async def wished(system: System, collector: Collector, bill: int) -> None:
    """What a person asks for leads to the issuer too, and goes on with the caller's own trace."""
    trace = "0af7651916cd43dd8448eb211c80319c"
    system.http.headers["traceparent"] = f"00-{trace}-b7ad6b7169203331-01"
    path = f"/tenants/{system.tenant}/sales/{bill}/cancel"
    await system.api("POST", path, {"reason": "a test"})
    [cancelled] = await collector.until(lambda: collector.named("issuer cancel"))
    name = "POST /internal/v1/tenants/{tenant_id}/sales/{bill_id}/cancel"
    [request] = await collector.until(lambda: collector.named(name))
    assert request.service == "notaponte-reconciler"
    assert request.trace_id == cancelled.trace_id == trace


def nothing_private(collector: Collector, system: System) -> None:
    """No document, name, address, key or secret is in anything that was exported."""
    assert len(collector.spans) > 20
    routes = {one.name for one in collector.spans if "http.route" in one.facts}
    assert {one.name for one in collector.spans} - routes <= NAMES
    for span in collector.spans:
        assert set(span.facts) <= {*ATTRIBUTES.values(), ERROR}
        assert span.words == ""
        assert "http.route" not in span.facts or span.name.endswith(span.facts["http.route"])
        assert not any(character.isdigit() for character in span.name.replace("/v1/", ""))
    everything = b"".join(collector.raw)
    buyer = a_buyer()
    private = [
        *(buyer[key] for key in ("name", "email", "registry_code")),
        *(str(value) for value in buyer["address"].values() if value and len(str(value)) > 4),
        system.account.keys[0].key,
        system.company.key,
        system.webhook_url.rsplit("/", 1)[1],
        "a-token-for-journeys",
    ]
    for word in private:
        assert word.encode() not in everything, word
