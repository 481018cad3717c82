"""Traces are told of where a collector is named, cost nothing elsewhere, and stop nobody."""

import asyncio
import io
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest
import pytest_asyncio
import structlog
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from shared.config.env import Env, SettingsError
from shared.config.traces import read_traces
from shared.telemetry import traces
from shared.telemetry.logs import configure_logs
from shared.telemetry.metrics import RequestMetrics
from shared.telemetry.requests import RequestIds
from shared.telemetry.traced_requests import RequestTraces
from tests.support.asgi import ask
from tests.support.collector import Collector, running_collector, told

TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLERS = f"00-{TRACE}-b7ad6b7169203331-01"
PRIVATE = "Maria da Silva, 123.456.789-09"


@pytest_asyncio.fixture
async def collector(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Collector]:
    """A collector, and how to reach it; tests begin and end tracing by themselves."""
    async with running_collector() as running:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", running.url)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "2")
        yield running


@contextmanager
def traced() -> Iterator[None]:
    traces.begin("test")
    try:
        yield
    finally:
        traces.end()


def test_where_no_collector_is_named_nothing_of_the_library_is_imported() -> None:
    code = (
        "import services.emitter.app, services.webhook.app, services.reconciler.app, sys;"
        "import services.panel.app;"
        "from shared.telemetry import traces;"
        "assert traces.span('x', tenant_id='t') is traces.span('y') is traces.NOTHING;"
        "print([name for name in sys.modules if 'opentelemetry' in name])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_while_it_is_off_a_span_does_nothing_and_errors_pass() -> None:
    def work() -> None:
        with traces.span("x", count=1) as told:
            told.note(outcome="y")
            assert traces.carried() is None
            raise ValueError("as it was")

    with pytest.raises(ValueError, match="as it was"):
        work()


async def test_a_span_says_what_failed_and_never_what_the_error_says(collector: Collector) -> None:
    with traced():
        with (
            pytest.raises(ValueError, match="Maria"),
            traces.span("outer", bill_id=4711),
            traces.span("inner", code="x" * 500, outcome=PRIVATE),
        ):
            raise ValueError(PRIVATE)
        await told()
    [inner], [outer] = collector.named("inner"), collector.named("outer")
    assert inner.parent == outer.span_id
    assert inner.failed
    assert inner.facts["error.type"] == "ValueError"
    assert len(inner.facts["notaponte.code"]) == 64
    assert inner.words == outer.words == ""
    assert b"123.456" not in b"".join(collector.raw)
    assert outer.facts["notaponte.bill_id"] == 4711


@pytest.mark.parametrize(
    "said",
    [
        None,
        "",
        PRIVATE,
        CALLERS[:-1],
        f"{CALLERS}-more",
        f"ff{CALLERS[2:]}",
        f"00-{'0' * 32}-b7ad6b7169203331-01",
        f"00-{TRACE}-{'0' * 16}-01",
        CALLERS.upper(),
    ],
)
async def test_what_is_no_traceparent_begins_a_trace_of_its_own(
    collector: Collector, said: str | None
) -> None:
    with traced():
        with traces.span("x", parent=said, links=[said, CALLERS]):
            pass
        await told()
    [span] = collector.named("x")
    assert span.trace_id != TRACE
    assert span.parent == ""
    assert span.links == ("b7ad6b7169203331",)


async def test_of_sales_made_due_together_each_has_a_trace_that_names_what_did(
    collector: Collector,
) -> None:
    with traced():
        with traces.span("pass"):
            here = traces.carried()
            alone = traces.handed_on(together=1, tenant_id="t", bill_id=1, origin="reconciler")
            many = [
                traces.handed_on(together=2, tenant_id="t", bill_id=bill, origin="reconciler")
                for bill in (1, 2)
            ]
        await told()
    assert alone == here
    [around] = collector.named("pass")
    due = collector.named("sale due")
    assert {span.links for span in due} == {(around.span_id,)}
    assert len({around.trace_id, *(span.trace_id for span in due)}) == 3
    assert {f"00-{span.trace_id}-{span.span_id}-01" for span in due} == set(many)


async def test_what_is_not_sampled_is_not_told_and_stays_so_elsewhere(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off")
    with traced():
        with traces.span("x"):
            handed = traces.carried()
            assert handed is not None
            assert handed.endswith("-00")
        with traces.span("y", parent=CALLERS):  # somebody decided already
            pass
        await told()
    assert [span.name for span in collector.spans] == ["y"]


@pytest.mark.parametrize("mood", ["hangs", "fails", "gone"])
async def test_a_collector_that_takes_nothing_holds_nobody_up(
    collector: Collector, mood: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if mood == "gone":
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    elif mood in {"hangs", "fails"}:
        collector.mood = "hangs" if mood == "hangs" else "fails"
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "64")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "16")
    with traced():
        began = time.process_time()
        for number in range(2000):
            with traces.span("x", count=number):
                pass
        assert time.process_time() - began < 3  # a hundred times what it takes
        await asyncio.sleep(0.1)  # the loop goes on
        began = time.monotonic()
        await told()
        assert time.monotonic() - began < 5
    assert collector.named("x") == []


async def test_where_tracing_cannot_begin_the_service_works_without(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.StringIO()
    configure_logs("test", level="info", format="json", stream=stream)
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "-1")
    with traced(), traces.span("x") as span:
        assert span is traces.NOTHING
    [line] = [json.loads(text) for text in stream.getvalue().splitlines() if "traces_off" in text]
    assert line["level"] == "error"


async def test_lines_that_are_logged_meanwhile_have_the_traces_ids(collector: Collector) -> None:
    stream = io.StringIO()
    configure_logs("test", level="info", format="json", stream=stream)
    log = structlog.get_logger()
    with traced():
        log.info("outside")
        with traces.span("x"):
            log.info("inside")
        await told()
    log.info("after")
    [span] = collector.named("x")
    lines = {line["event"]: line for line in map(json.loads, stream.getvalue().splitlines())}
    outside, inside, after = lines["outside"], lines["inside"], lines["after"]
    assert (inside["trace_id"], inside["span_id"]) == (span.trace_id, span.span_id)
    assert "trace_id" not in outside
    assert "trace_id" not in after


async def greeted(request: Request) -> Response:
    if "fails" in request.path_params["secret"]:
        raise ValueError(PRIVATE)
    return PlainTextResponse("ok")


def an_app(*, callers_traced: bool) -> Starlette:
    return Starlette(
        routes=[Route("/door/{secret}", greeted), Route("/healthz", greeted)],
        middleware=[
            Middleware(RequestIds),
            Middleware(RequestTraces, callers_traced=callers_traced),
            Middleware(RequestMetrics),
        ],
    )


async def test_a_request_is_named_by_its_route_and_joins_only_traces_of_our_own(
    collector: Collector,
) -> None:
    inside, outside = an_app(callers_traced=True), an_app(callers_traced=False)
    sent = {"traceparent": CALLERS, "x-request-id": "0b7d6c1e3f0a"}
    with traced():
        await ask(inside, "/door/s3cr3t", headers=sent)
        await ask(inside, "/door/s3cr3t", headers={**sent, "x-forwarded-for": "203.0.113.9"})
        await ask(outside, "/door/s3cr3t", headers=sent)
        await ask(outside, "/elsewhere/s3cr3t")
        with pytest.raises(ValueError, match="Maria"):
            await ask(outside, "/door/fails")
        await told()
    taken, *others = collector.named("GET /door/{secret}")
    assert taken.trace_id == TRACE
    assert taken.facts["notaponte.request_id"] == "0b7d6c1e3f0a"
    assert len(others) == 3
    assert TRACE not in {one.trace_id for one in others}
    assert [one.failed for one in others] == [False, False, True]
    [unknown] = collector.named("GET none")
    assert unknown.facts["http.response.status_code"] == 404
    everything = b"".join(collector.raw)
    assert b"s3cr3t" not in everything
    assert b"Maria" not in everything


async def test_probes_are_not_traced(collector: Collector) -> None:
    app = an_app(callers_traced=False)
    with traced():
        with pytest.raises(KeyError):
            await ask(app, "/healthz")
        await told()
    assert collector.spans == []


def test_traces_are_wanted_where_a_collector_is_named_and_not_switched_off() -> None:
    here = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}
    with Env(values={}) as var:
        assert not read_traces(var)
    with Env(values=here) as var:
        assert read_traces(var)
    for off in ({"OTEL_SDK_DISABLED": "true"}, {"OTEL_TRACES_EXPORTER": "none"}):
        with Env(values={**here, **off}) as var:
            assert not read_traces(var)


@pytest.mark.parametrize(
    "wrong",
    [
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318"},
        {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "not an address"},
        {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
        {"OTEL_TRACES_SAMPLER": "sometimes"},
        {"OTEL_TRACES_SAMPLER_ARG": "2"},
        {"OTEL_SDK_DISABLED": "perhaps"},
        {"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/json"},
        {"OTEL_TRACES_EXPORTER": "jaeger"},
    ],
)
def test_what_the_library_would_only_warn_of_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=next(iter(wrong))), Env(values=wrong) as var:
        read_traces(var)
