"""Traces: what came of one fact, across requests, the outbox and processes (docs/operations.md).

Off unless a collector is named. Then nothing of OpenTelemetry is imported, and everybody who asks
for a span gets the same object, which does nothing.

A span's name is one of a few constant ones. What it says of its work are `Facts`: ids, counts and
constant words, never a document, a name, an address or a text of somebody else.
"""

from collections.abc import Iterable, Mapping, MutableMapping
from types import TracebackType
from typing import Any, Final, Literal, Protocol, Self, TypedDict, Unpack

import structlog
from structlog.typing import WrappedLogger

TraceKind = Literal["internal", "server", "client", "producer", "consumer"]


class Facts(TypedDict, total=False):
    """All that a span may say; the names under which it is seen stand in `open_telemetry`."""

    tenant_id: str
    bill_id: int | None
    run_id: str  # of a backfill, of one action for many sales
    request_id: str
    lane: int
    origin: str
    attempt: int  # of a lease
    tries: int  # that failed before
    count: int  # of sales, rows, pages
    status: str  # of a sale
    code: str  # of a hold, a skip, an attention
    outcome: str
    source: str  # who sent a webhook
    event: str  # the type of an event
    system: str  # who is called
    call: str  # the kind of a call
    rule_version: int
    method: str
    route: str  # as it is declared, never as it was asked for
    http_status: int


class TraceSpan(Protocol):
    """Some work that is told of as a whole; it lasts as long as the block it is entered for."""

    def note(self, **facts: Unpack[Facts]) -> None:
        """Say more of it."""

    def rename(self, name: str) -> None:
        """Call it otherwise, once it is known what it is."""

    def fail(self, word: str) -> None:
        """Say that it failed, in a constant word. An error that leaves the block says so too."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None: ...


class Tracing(Protocol):
    """What makes spans while tracing is on."""

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
    ) -> TraceSpan:
        """See `span`."""

    def carried(self) -> str | None:
        """See `carried`."""

    def note(self, facts: Facts) -> None:
        """See `note`."""

    def ids(self) -> Mapping[str, str]:
        """See `add_trace`."""

    def end(self) -> None:
        """See `end`."""


class _Nothing:
    """A span while tracing is off."""

    __slots__ = ()

    def note(self, **facts: Unpack[Facts]) -> None:
        pass

    def rename(self, name: str) -> None:
        pass

    def fail(self, word: str) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        pass


log = structlog.get_logger()

NOTHING: Final = _Nothing()
_tracing: Tracing | None = None


def begin(service: str) -> None:
    """Trace from here on, as the standard `OTEL_…` settings say; `end` it before the process ends.

    What cannot be handed to the collector is let go: nobody waits for it. Where tracing cannot
    begin, that is told, and the service works without.
    """
    global _tracing  # noqa: PLW0603 - one process, one way to tell
    try:
        from shared.telemetry.open_telemetry import OpenTelemetry  # noqa: PLC0415 - only when wanted

        _tracing = OpenTelemetry.for_service(service)
    except Exception as error:  # noqa: BLE001 - a certificate that is not there, for one
        log.error("traces_off", error=type(error).__name__)  # noqa: TRY400 - see docs/operations.md


def end() -> None:
    """Hand over what is left, within a second, and trace no more."""
    global _tracing  # noqa: PLW0603 - see `begin`
    if _tracing is not None:
        _tracing.end()
        _tracing = None


def on() -> bool:
    """Whether anything is told; for facts that cost something to find out."""
    return _tracing is not None


def span(
    name: str,
    *,
    kind: TraceKind = "internal",
    parent: str | None = None,
    links: Iterable[str | None] = (),
    alone: bool = False,
    since: float | None = None,
    **facts: Unpack[Facts],
) -> TraceSpan:
    """Some work, in the trace of whatever is being done around it.

    `parent` puts it into the trace of that `traceparent` instead, `alone` into one of its own.
    `links` name others that it serves too, or that led to it. `since` is when it began, in
    monotonic seconds, if that was before the block.
    """
    if _tracing is None:
        return NOTHING
    return _tracing.span(name, kind, facts, parent=parent, links=links, alone=alone, since=since)


def carried() -> str | None:
    """The `traceparent` (W3C) of what is being done, for whoever goes on with it elsewhere.

    None while tracing is off, and where nothing is traced around it.
    """
    return None if _tracing is None else _tracing.carried()


def note(**facts: Unpack[Facts]) -> None:
    """Say more of whatever is being done."""
    if _tracing is not None:
        _tracing.note(facts)


def handed_on(*, together: int, tenant_id: str, bill_id: int, origin: str) -> str | None:
    """The `traceparent` under which one sale goes on that was made due with others.

    A single one stays in the trace of what made it due. Of many each gets a trace of its own, which
    names that one: a trace of ten thousand sales is one that nobody can read.
    """
    if _tracing is None or together == 1:
        return carried()
    begun = span(
        "sale due",
        kind="producer",
        alone=True,
        links=(carried(),),
        tenant_id=tenant_id,
        bill_id=bill_id,
        origin=origin,
    )
    with begun:
        return carried()


def add_trace(
    _logger: WrappedLogger, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """A structlog processor: `trace_id` and `span_id` of what is being done."""
    if _tracing is not None:
        event.update(_tracing.ids())
    return event
