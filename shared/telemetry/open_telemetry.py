"""Traces by way of OpenTelemetry; imported only where a collector is named.

Spans are handed over by a thread of the library, in batches and by OTLP over HTTP. What waits for
that is bounded; what a collector does not take is let go and counted.
"""

import logging
import os
import re
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, Unpack

import structlog
from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBased
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
)
from prometheus_client import Counter

from shared.telemetry.logs import redact_text
from shared.telemetry.traces import Facts, TraceKind
from shared.telemetry.version import __version__

if TYPE_CHECKING:
    from contextvars import Token

END_SECONDS: Final = 1.0  # for what is left at the end; below supervisord's patience
LONGEST_WORD: Final = 64
MOST_LINKS: Final = 100
# https://www.w3.org/TR/trace-context/#traceparent-header, version 00; ids of zeros are none.
TRACEPARENT: Final = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})")
KINDS: Final[Mapping[TraceKind, SpanKind]] = {
    "internal": SpanKind.INTERNAL,
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
    "producer": SpanKind.PRODUCER,
    "consumer": SpanKind.CONSUMER,
}
# By OpenTelemetry's semantic conventions where they have a name for it.
ATTRIBUTES: Final[Mapping[str, str]] = {
    **{name: f"notaponte.{name}" for name in Facts.__annotations__},
    "method": "http.request.method",
    "route": "http.route",
    "http_status": "http.response.status_code",
    "system": "peer.service",
}
ERROR: Final = "error.type"

SPANS: Final = Counter(
    "notaponte_trace_spans_total",
    "Spans that ended, and what became of them; `made` less `taken` is what nobody sees.",
    ["outcome"],
)
MADE: Final = SPANS.labels("made")
for _outcome in ("taken", "not_taken"):
    SPANS.labels(_outcome)

log = structlog.get_logger()


class OpenTelemetry:
    """Makes spans of one process, and hands them to the collector."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("notaponte", __version__)
        self._as_above = isinstance(provider.sampler, ParentBased)

    @classmethod
    def for_service(cls, service: str) -> Self:
        """As the `OTEL_…` settings say: where to, how many of them, with which headers."""
        # The library repeats each failure for as long as it lasts; ours are told once, and counted.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        logging.getLogger("urllib3").setLevel(logging.WARNING)  # a line for each batch else
        name = os.environ.get("OTEL_SERVICE_NAME") or f"notaponte-{service}"
        about = Resource.create({SERVICE_NAME: name, SERVICE_VERSION: __version__})
        provider = TracerProvider(resource=about, shutdown_on_exit=False)
        provider.add_span_processor(_Counted())
        provider.add_span_processor(BatchSpanProcessor(_Exporter(OTLPSpanExporter())))
        return cls(provider)

    def span(
        self,
        name: str,
        kind: TraceKind,
        facts: Facts,
        *,
        parent: str | None,
        links: Iterable[str | None],
        alone: bool,
        since: float | None,
    ) -> "_Span":
        """A span that has begun."""
        elsewhere = _read(parent)
        if self._as_above and not alone:
            above_it = elsewhere or trace.get_current_span().get_span_context()
            if above_it.is_valid and not above_it.trace_flags.sampled:
                return _Span(NonRecordingSpan(above_it))  # nobody will see it: no more of it
        above = Context() if alone else None
        if elsewhere is not None:
            above = trace.set_span_in_context(NonRecordingSpan(elsewhere), Context())
        named = [one for one in map(_read, links) if one is not None]
        return _Span(
            self._tracer.start_span(
                name,
                context=above,
                kind=KINDS[kind],
                attributes=_attributes(facts),
                links=[Link(one) for one in named[:MOST_LINKS]],
                start_time=None if since is None else _instant(since),
            )
        )

    def carried(self) -> str | None:
        """The `traceparent` of the current span."""
        here = trace.get_current_span().get_span_context()
        if not here.is_valid:
            return None
        return f"00-{here.trace_id:032x}-{here.span_id:016x}-{here.trace_flags & 1:02x}"

    def note(self, facts: Facts) -> None:
        """Say more of the current span."""
        here = trace.get_current_span()
        if here.is_recording():
            here.set_attributes(_attributes(facts))

    def ids(self) -> Mapping[str, str]:
        """The ids of the current span, as logs are joined with traces by."""
        here = trace.get_current_span().get_span_context()
        if not here.is_valid:
            return {}
        return {"trace_id": f"{here.trace_id:032x}", "span_id": f"{here.span_id:016x}"}

    def end(self) -> None:
        """Hand over what is left; a collector that hangs is not waited for."""
        ending = threading.Thread(target=self._provider.shutdown, name="traces-end", daemon=True)
        ending.start()
        ending.join(END_SECONDS)


class _Span:
    """One span; the current one while its block runs.

    What an error says is never told: drivers and readers quote what they refuse.
    """

    __slots__ = ("_before", "_span")

    def __init__(self, span: trace.Span) -> None:
        self._span = span
        self._before: Token[Context] | None = None

    def note(self, **facts: Unpack[Facts]) -> None:
        """Say more of it."""
        if self._span.is_recording():
            self._span.set_attributes(_attributes(facts))

    def rename(self, name: str) -> None:
        """Call it otherwise."""
        self._span.update_name(name)

    def fail(self, word: str) -> None:
        """Say that it failed."""
        self._span.set_attribute(ERROR, _word(word))
        self._span.set_status(Status(StatusCode.ERROR))

    def __enter__(self) -> Self:
        self._before = context.attach(trace.set_span_in_context(self._span))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
        /,
    ) -> None:
        if isinstance(error, Exception) and self._span.is_recording():
            why = getattr(error, "why", None)  # a constant word, of errors that have one
            self.fail(why if isinstance(why, str) and why else type(error).__name__)
        if self._before is not None:
            context.detach(self._before)
        self._span.end()


class _Counted(SpanProcessor):
    """Counts what ends and would be seen."""

    def on_end(self, span: ReadableSpan) -> None:
        if span.context.trace_flags.sampled:
            MADE.inc()


class _Exporter(SpanExporter):
    """Hands spans over in the library's own thread; tells once that the collector takes none."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._failing = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        failed = result is not SpanExportResult.SUCCESS
        SPANS.labels("not_taken" if failed else "taken").inc(len(spans))
        if failed and not self._failing:
            log.warning("traces_not_taken", count=len(spans))
        elif self._failing and not failed:
            log.info("traces_taken_again")
        self._failing = failed
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)


def _read(traceparent: str | None) -> SpanContext | None:
    """The span that a `traceparent` names; None for anything else."""
    found = TRACEPARENT.fullmatch(traceparent) if traceparent else None
    if found is None:
        return None
    trace_id, span_id, flags = (int(part, 16) for part in found.groups())
    return SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(flags & 1))


def _attributes(facts: Facts) -> dict[str, Any]:
    return {
        ATTRIBUTES[name]: _told(name, value) for name, value in facts.items() if value is not None
    }


def _told(name: str, value: object) -> object:
    # A route is as we declared it, and looks like an address with a secret in it.
    return _word(value) if isinstance(value, str) and name != "route" else value


@lru_cache(maxsize=4096)  # the same few words again and again
def _word(text: str) -> str:
    """A word as it may be told, should something else ever come in its place."""
    return redact_text(text)[:LONGEST_WORD]


def _instant(monotonic: float) -> int:
    return time.time_ns() - int((time.monotonic() - monotonic) * 1e9)
