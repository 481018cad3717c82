"""What one pass over one account works with, and what it has found so far."""

import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, TypeVar

import msgspec
from msgspec import Struct

from services.reconciler.accounts.read_list import ListRead, read_list
from services.reconciler.accounts.rows import ZONE_DOUBT, Row
from shared.crypto.seal import Sealer
from shared.db.connection import Pool
from shared.db.outbox.outbox_store import RECONCILE, Lane
from shared.db.vindi.bills_store import KnownBill
from shared.db.vindi.passes_store import PassState, Zone
from shared.domain.bill import Bill
from shared.domain.errors import TransientError
from shared.domain.ids import BillId, TenantId
from shared.vindi.bulk import Bulk
from shared.vindi.client import VindiClient
from shared.vindi.stored import reopen_bill, seal_bill

T = TypeVar("T")

# Until the zone of query values is known on an account, a bound may be read three hours off.
OVERLAP_UNKNOWN: Final = timedelta(hours=3, minutes=15)
OVERLAP_MEASURED: Final = timedelta(minutes=15)
LARGEST_SKEW: Final = timedelta(days=1)
CLOCKS_APART: Final = timedelta(minutes=5)  # an event may bear an earlier time than its change


class AccountLeft(TransientError):
    """The tenant has another key, or another account, than what is read with; nothing is stored."""


@dataclass(slots=True, kw_only=True)
class Findings:
    """What a pass found; `missed` and `heard` count sales whose event had time to come."""

    found: set[BillId] = field(default_factory=set)
    missed: int = 0
    heard: int = 0
    events_due: dict[BillId, datetime] = field(default_factory=dict)  # of sales found
    plain: set[str] = field(default_factory=set)
    sample: Bill | None = None  # a bill just read, to measure the zone with
    seen: dict[BillId, datetime] = field(default_factory=dict)  # when this pass asked for it


class PassContext(Struct, frozen=True, kw_only=True):
    """One pass over one account. `now` is the database's clock when it was claimed."""

    pool: Pool
    sealer: Sealer
    vindi: VindiClient
    bulk: Bulk
    state: PassState
    connected_at: datetime
    now: datetime
    findings: Findings
    lane: Lane = RECONCILE  # in which what it finds is due
    claimed: float = msgspec.field(default_factory=time.monotonic)

    @property
    def tenant(self) -> TenantId:
        """Whose account it is."""
        return self.state.tenant_id

    def clock(self) -> datetime:
        """The database's clock, never ahead of it."""
        return self.now + timedelta(seconds=time.monotonic() - self.claimed)

    def vindi_behind(self) -> timedelta:
        """How far Vindi's clock was behind the database's at its last answer, if it was."""
        there = self.vindi.now()
        if there is None:
            return timedelta()
        return min(max(self.clock() - there, timedelta()), LARGEST_SKEW)

    def bound(self, mark: datetime) -> datetime:
        """From when to read, so that nothing is lost to the zone of query values."""
        return mark - overlap(self.state.zone)

    def written(self, bound: datetime) -> datetime:
        """The bound to put into a query: values are written in Brasília's time (shared.vindi).

        An account measured to read them as UTC is sent a text that says the same there.
        """
        return bound + ZONE_DOUBT if self.state.zone == "utc" else bound

    def seal_bill(self, bill: BillId, raw: dict[str, object]) -> bytes:
        """Seal a bill's JSON as it came."""
        return seal_bill(self.sealer, self.tenant, bill, raw)

    def stored_bill(self, known: KnownBill | None) -> Bill | None:
        """The bill as it was last read; None when it never was, or cannot be read any more.

        It is then read from Vindi like one never seen: a damaged row must not stop every pass.
        """
        if known is None:
            return None
        kept = reopen_bill(self.sealer, self.tenant, known.bill_id, known.body)
        return None if kept is None else kept.value


def overlap(zone: Zone) -> timedelta:
    """How far behind its mark a pass begins."""
    return OVERLAP_UNKNOWN if zone == "unknown" else OVERLAP_MEASURED


async def pages(
    context: PassContext, wanted: ListRead[T]
) -> AsyncIterator[tuple[datetime, Sequence[Row[T]]]]:
    """Read a list whole, each page with the instant before which it was not asked for."""
    asked = context.clock()
    async for rows in read_list(context.vindi, wanted):
        yield asked, rows
        asked = context.clock()
