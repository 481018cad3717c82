"""A collector of traces on loopback: takes OTLP over HTTP, as services send it, and remembers."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from shared.telemetry import traces

PATIENCE = 30.0  # seconds; what is exported comes a fraction of one after it ended
Mood = Literal["well", "hangs", "fails"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenSpan:
    """One span as a collector keeps it; ids are in hex, `parent` is empty for the first."""

    service: str
    name: str
    kind: int
    trace_id: str
    span_id: str
    parent: str
    links: tuple[str, ...]  # ids of spans
    facts: dict[str, Any]
    failed: bool
    words: str  # its status' message and all of its events: nothing of ours has any


@dataclass(slots=True)
class Collector:
    url: str = ""
    mood: Mood = "well"
    asked: int = 0
    spans: list[SeenSpan] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        self.asked += 1
        if self.mood == "hangs":
            await asyncio.sleep(3600)
        if self.mood == "fails":
            return web.Response(status=503)
        body = await request.read()
        body = gzip.decompress(body) if request.headers.get("Content-Encoding") else body
        self.raw.append(body)
        self.spans += read_spans(body)
        return web.Response()

    def named(self, name: str, **facts: Any) -> list[SeenSpan]:
        """The spans of a name that say at least this."""
        wanted = {f"notaponte.{key}": value for key, value in facts.items()}.items()
        return [span for span in self.spans if span.name == name and wanted <= span.facts.items()]

    async def until(self, there: Callable[[], Sequence[SeenSpan]]) -> Sequence[SeenSpan]:
        async with asyncio.timeout(PATIENCE):
            while not there():
                await asyncio.sleep(0.05)
        return there()

    def above(self, span: SeenSpan) -> list[SeenSpan]:
        """The spans that a span is in, up to the first of its trace."""
        by_id = {one.span_id: one for one in self.spans if one.trace_id == span.trace_id}
        way = []
        while (above := by_id.get(span.parent)) is not None:
            way.append(above)
            span = above
        return way


def read_spans(body: bytes) -> Iterator[SeenSpan]:
    """The spans of one export request."""
    for of_service in ExportTraceServiceRequest.FromString(body).resource_spans:
        about = {one.key: _value(one.value) for one in of_service.resource.attributes}
        for scope in of_service.scope_spans:
            for span in scope.spans:
                yield SeenSpan(
                    service=about["service.name"],
                    name=span.name,
                    kind=span.kind,
                    trace_id=span.trace_id.hex(),
                    span_id=span.span_id.hex(),
                    parent=span.parent_span_id.hex(),
                    links=tuple(link.span_id.hex() for link in span.links),
                    facts={one.key: _value(one.value) for one in span.attributes},
                    failed=span.status.code == span.status.STATUS_CODE_ERROR,
                    words=span.status.message + "".join(map(str, span.events)),
                )


def _value(value: AnyValue) -> Any:
    word = value.WhichOneof("value")
    return None if word is None else getattr(value, word)


@asynccontextmanager
async def running_collector() -> AsyncIterator[Collector]:
    collector = Collector()
    app = web.Application(client_max_size=64 * 2**20)
    app.router.add_post("/v1/traces", collector.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        collector.url = f"http://{host}:{port}"
        yield collector
    finally:
        await runner.cleanup()


@asynccontextmanager
async def tracing_here(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Collector]:
    """A collector to which this process tells its traces; `told` before they are looked at."""
    async with running_collector() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "2")
        traces.begin("test")
        try:
            yield collector
        finally:
            await told()


async def told() -> None:
    """End tracing, beside the loop that the collector answers in."""
    await asyncio.to_thread(traces.end)
