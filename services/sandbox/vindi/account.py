"""One Vindi account: what it holds, its keys, its rate window, its faults."""

import random
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from services.sandbox.clock import Clock
from services.sandbox.storms import Weather
from services.sandbox.vindi.faults import EventFaults, Faults
from services.sandbox.vindi.fields import FIELDS, HASHED
from services.sandbox.vindi.records import (
    Bill,
    Charge,
    Customer,
    Invoice,
    Issue,
    Json,
    Period,
    Plan,
    Product,
    Row,
    Subscription,
    Transaction,
)
from services.sandbox.vindi.render import render
from services.sandbox.vindi.table import R, Table

JOURNAL_LENGTH: Final = 50_000


@dataclass(slots=True, kw_only=True)
class ApiKey:
    """A key of an account. Roles: Administrator, Manager, CustomerService, ReadOnly, Blank."""

    key: str
    role: str = "Administrator"
    public: bool = False
    revoked: bool = False
    denied: set[str] = field(default_factory=set)  # first path words answered 403


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """One request as it was answered. `count` is its number within its rate window."""

    at: float  # sandbox seconds
    real: float  # monotonic seconds
    method: str
    path: str
    query: str
    status: int
    window: int
    count: int


@dataclass(slots=True, kw_only=True)
class RateWindow:
    """A fixed window that opens with the first request after the last one closed.

    It runs on real time, whatever the sandbox's clock does: a test that jumps a day
    must neither close a window early nor leave it open for ever. `length` is short
    for tests and benches. `limit` None switches it off.
    """

    limit: int | None = 120
    length: float = 60.0
    number: int = 0
    count: int = 0
    opened: float = -1e9
    peak: int = 0  # most requests seen in one window, refused ones included
    refused: int = 0
    monotonic: Callable[[], float] = time.monotonic

    def admit(self) -> bool:
        """Count a request; say whether it is within the limit."""
        now = self.monotonic()
        if now - self.opened >= self.length:
            self.number, self.count, self.opened = self.number + 1, 0, now
        self.count += 1
        self.peak = max(self.peak, self.count)
        if self.limit is None or self.count <= self.limit:
            return True
        self.refused += 1
        return False

    def left(self) -> float:
        """Give the real seconds until the window closes."""
        return max(0.0, self.opened + self.length - self.monotonic())


@dataclass(slots=True)
class _Shadow:
    """What a replica still shows: the state before a write, until `until_ms`."""

    until_ms: int
    body: Json | None


class Account:
    """A merchant at Vindi. Operations on it are in `operations`."""

    def __init__(
        self, *, account_id: int, name: str, registry_code: str, clock: Clock,
        next_id: Callable[[str], int], emit: Callable[["Account", str, Row], None],
    ) -> None:  # fmt: skip
        self.id = account_id
        self.name = name
        self.registry_code = registry_code
        self.clock = clock
        self.next_id = next_id
        self._emit = emit
        self.keys: list[ApiKey] = []
        self.webhooks: list[str] = []
        self.rng = random.Random(account_id)  # noqa: S311 (faults must repeat, not surprise)
        self.rate = RateWindow()
        self.faults = Faults()
        self.event_faults = EventFaults()
        self.weather = Weather()
        self.canned: dict[str, tuple[int, bytes, str]] = {}
        self.journal: deque[JournalEntry] = deque(maxlen=JOURNAL_LENGTH)
        self._shadows: dict[tuple[str, int], _Shadow] = {}
        self.bills: Table[Bill] = _table("bills")
        self.charges: Table[Charge] = _table("charges")
        self.transactions: Table[Transaction] = _table("transactions")
        self.customers: Table[Customer] = _table("customers")
        self.products: Table[Product] = _table("products")
        self.plans: Table[Plan] = _table("plans")
        self.subscriptions: Table[Subscription] = _table("subscriptions")
        self.periods: Table[Period] = _table("periods")
        self.invoices: Table[Invoice] = _table("invoices")
        self.issues: Table[Issue] = _table("issues")

    def table(self, kind: str) -> Table[Any]:
        """Give the rows behind a list, by its plural name."""
        found: Table[Any] = getattr(self, kind)
        return found

    def now_ms(self) -> int:
        """Tell the sandbox's time in milliseconds."""
        return round(self.clock.now() * 1000)

    def added(self, kind: str, row: Row) -> None:
        """Take a new row, and let replicas not know it yet."""
        self._shade(kind, row.id, None)
        self.table(kind).add(row)

    def changing(self, kind: str, row: Row) -> None:
        """Remember how a row looks before it changes, if replicas lag."""
        if self.faults.stale_seconds:
            missing = self.faults.stale_as == "missing"
            self._shade(kind, row.id, None if missing else render(self, row))

    def changed(self, kind: str, row: Row, *, at_ms: int | None = None) -> None:
        """Note that a row has changed."""
        self.table(kind).touch(row, self.now_ms() if at_ms is None else at_ms)

    def can(
        self, path: str, body: str, *, status: int = 200, content_type: str = "application/json"
    ) -> None:
        """Answer a path (after /api/v1, with no query) with exactly this text."""
        self.canned[path] = (status, body.encode(), content_type)

    def emit(self, event_type: str, row: Row) -> None:
        """Send an event about a row to every registered webhook."""
        self._emit(self, event_type, row)

    def shadow_of(self, kind: str, row_id: int) -> tuple[bool, Json | None]:
        """Say whether a replica still shows an old state, and which (None: no such row)."""
        shadow = self._shadows.get((kind, row_id))
        if shadow is None:
            return False, None
        if self.now_ms() >= shadow.until_ms:
            del self._shadows[(kind, row_id)]
            return False, None
        return True, shadow.body

    def _shade(self, kind: str, row_id: int, body: Json | None) -> None:
        if self.faults.stale_seconds and not self.shadow_of(kind, row_id)[0]:
            until = self.now_ms() + round(self.faults.stale_seconds * 1000)
            self._shadows[(kind, row_id)] = _Shadow(until, body)


def _table(kind: str) -> Table[R]:
    return Table(FIELDS[kind], HASHED.get(kind, ()))
