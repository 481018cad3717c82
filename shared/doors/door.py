"""Who is let in at a listener, and who is shown out when it is full."""

import time
from collections import Counter
from typing import Final, Literal, Protocol

import structlog
from prometheus_client import Counter as Metric

from shared.config.door import DoorSettings
from shared.doors.subscriber import read_address, subscriber_at

TurnAway = Literal[
    "malformed",
    "head_too_large",
    "too_many_headers",
    "head_too_slow",
    "body_too_slow",
    "too_many_pipelined",
    "stalled",
    "full",
    "evicted",
    "source",
]
LOG_EVERY: Final = 60.0  # seconds, for one reason: a flood must not become one of lines

TURNED_AWAY: Final = Metric(
    "notaponte_connections_turned_away_total",
    "Connections ended by a limit of the listener, by which.",
    ["why"],
)

log = structlog.get_logger()


class Guest(Protocol):
    """A connection, as the door sees it."""

    def show_out(self) -> None:
        """End the connection now: it has no request under way."""


class Entrance:
    """The connections of one listener.

    Those that have asked nothing yet stand in line, the longest waiting first: when all places are
    taken it is one of them that has to go, so that half-sent requests keep nobody out.
    """

    def __init__(self, limits: DoorSettings) -> None:
        self.limits = limits
        self._inside: dict[Guest, str | None] = {}
        self._of_source: Counter[str] = Counter()
        self._waiting: dict[Guest, None] = {}
        self._logged: dict[TurnAway, float] = {}

    def __len__(self) -> int:
        return len(self._inside)

    def enter(self, guest: Guest, address: str | None) -> TurnAway | None:
        """Let a new connection in, or say why not. `address` is its peer's, None if unknown."""
        source = self._source(address)
        if source is not None and self._of_source[source] >= self.limits.connections_per_source:
            return "source"
        if len(self._inside) >= self.limits.connections and not self._make_room():
            return "full"
        self._inside[guest] = source
        if source is not None:
            self._of_source[source] += 1
        self._waiting[guest] = None
        return None

    def leave(self, guest: Guest) -> None:
        """Its place is free again; safe to repeat."""
        source = self._inside.pop(guest, None)
        self._waiting.pop(guest, None)
        if source is None:
            return
        self._of_source[source] -= 1
        if not self._of_source[source]:
            del self._of_source[source]

    def asked(self, guest: Guest) -> None:
        """Its request is known: it is worked on and stays."""
        self._waiting.pop(guest, None)

    def answered(self, guest: Guest) -> None:
        """It has its answer and waits for nothing: it stands at the end of the line."""
        if guest in self._inside:
            self._waiting[guest] = None

    def turned_away(self, why: TurnAway) -> None:
        """Count it, and say so once in a while."""
        TURNED_AWAY.labels(why).inc()
        now = time.monotonic()
        if now >= self._logged.get(why, 0.0):
            self._logged[why] = now + LOG_EVERY
            log.warning("connection_turned_away", why=why, open=len(self._inside))

    def _make_room(self) -> bool:
        oldest = next(iter(self._waiting), None)
        if oldest is None:
            return False
        self.leave(oldest)
        self.turned_away("evicted")
        oldest.show_out()
        return True

    def _source(self, address: str | None) -> str | None:
        """By what a connection is counted; None for one that is many people's."""
        parsed = read_address(address or "")
        if parsed is None or any(parsed in network for network in self.limits.proxies):
            return None
        return subscriber_at(parsed)
