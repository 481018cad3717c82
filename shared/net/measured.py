"""Counts and times what is asked of a system outside, by kind of call and by what came of it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from prometheus_client import Counter, Histogram

from shared.telemetry import traces

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

    @contextmanager
    def call(self, kind: str) -> Iterator[CallOutcome]:
        """Measure the request that is sent in the block; it says what came of it.

        An error's `why`, a constant word, is the outcome of what failed.
        """
        said, started = CallOutcome(), time.perf_counter()
        with traces.span(
            f"{self._system} {kind}", kind="client", system=self._system, call=kind
        ) as told:
            try:
                yield said
            except Exception as error:
                said.word = getattr(error, "why", None) or type(error).__name__
                raise
            finally:
                told.note(outcome=said.word)
                self._answers.labels(kind, said.word).inc()
                self._seconds.labels(kind).observe(time.perf_counter() - started)
