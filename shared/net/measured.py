"""Counts and times what is asked of a system outside, by kind of call and by what came of it."""

import time
from types import TracebackType
from typing import Final

from prometheus_client import Counter, Histogram

from shared.telemetry import traces
from shared.telemetry.traces import NOTHING, TraceSpan

BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60)
NOBODY_WAITS: Final = "cut off"


class CallOutcome:
    """What a call came to, once that is known."""

    __slots__ = ("word",)

    def __init__(self) -> None:
        self.word = NOBODY_WAITS

    def status(self, status: int) -> None:
        """Take an HTTP status as the outcome: those that mean something of their own, or a class.

        Few words, however odd the answers: each is a series.
        """
        own = status in (200, 401, 402, 403, 404, 408, 429)
        self.word = str(status) if own else f"{status // 100}xx"


class Calls:
    """The calls of one system: `notaponte_{system}_answers_total` and `…_seconds`."""

    def __init__(self, system: str, *, kind: str) -> None:
        """`kind` names the label that tells calls apart."""
        self._system = system
        self._answers = Counter(
            f"notaponte_{system}_answers_total",
            f"Requests to {system} by what came of them.",
            [kind, "outcome"],
        )
        self._seconds = Histogram(
            f"notaponte_{system}_seconds",
            f"Time from a request to {system} to its whole answer, or to its failure.",
            [kind],
            buckets=BUCKETS,
        )
        # The library looks a series up by its labels anew each time, under a lock.
        self._answers_of: dict[tuple[str, str], Counter] = {}
        self._seconds_of: dict[str, Histogram] = {}

    def call(self, kind: str) -> "MeasuredCall":
        """Measure the request that is sent in the block, which is told what came of it.

        An error's `why`, a constant word, is the outcome of what failed.
        """
        span = traces.span(f"{self._system} {kind}", kind="client", system=self._system, call=kind)
        return MeasuredCall(self, kind, span)

    def count(self, kind: str, word: str, seconds: float) -> None:
        """Count one call; for MeasuredCall alone."""
        answers = self._answers_of.get((kind, word))
        if answers is None:
            answers = self._answers_of[kind, word] = self._answers.labels(kind, word)
        answers.inc()
        times = self._seconds_of.get(kind)
        if times is None:
            times = self._seconds_of[kind] = self._seconds.labels(kind)
        times.observe(seconds)


class MeasuredCall:
    """One call, as a context; a class because it is on the way of every nota."""

    __slots__ = ("_calls", "_kind", "_said", "_span", "_started")

    def __init__(self, calls: Calls, kind: str, span: TraceSpan) -> None:
        self._span = span
        self._calls = calls
        self._kind = kind
        self._said = CallOutcome()
        self._started = time.perf_counter()

    def __enter__(self) -> CallOutcome:
        if self._span is not NOTHING:
            self._span = self._span.__enter__()
        return self._said

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, Exception):
            self._said.word = getattr(error, "why", None) or type(error).__name__
        if self._span is not NOTHING:
            self._span.note(outcome=self._said.word)
            self._span.__exit__(kind, error, trace)
        self._calls.count(self._kind, self._said.word, time.perf_counter() - self._started)
