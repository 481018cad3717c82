"""One leased sale on its way through a pass, and what the pass writes for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from shared.db.bills_store import KnownBill, ReadBill
from shared.db.notas_store import Intent, KnownNota, NotaUpdate
from shared.db.outbox_store import Entry, Settlement
from shared.db.sales_store import KnownSale, Progress, SaleRow
from shared.db.timeline_store import Happening
from shared.domain.bill import Bill, Customer
from shared.domain.denials import DAY_REFUSED
from shared.domain.ids import BillId, ChargeId
from shared.domain.money import Cents
from shared.domain.nota import NotaDraft, Tomador
from shared.domain.sale import LastNota, SaleFacts

BY = "emitter"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What our tables say of one sale before the pass."""

    bill: KnownBill | None = None
    sale: KnownSale | None = None
    nota: KnownNota | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FreshSale:
    """A sale whose bill was just read."""

    entry: Entry
    known: Known
    bill: Bill
    body: bytes  # sealed
    refunds: Mapping[ChargeId, Cents]
    came_alive_at: datetime | None
    read_at: datetime
    customer: Customer | None = None
    customer_body: bytes | None = None  # sealed
    denied_with: Tomador | None = None  # the buyer as sent, where a denial hangs on such data

    def facts(self, now: datetime) -> SaleFacts:
        """Everything a decision looks at."""
        sale, nota = self.known.sale, self.known.nota
        return SaleFacts(
            bill=self.bill,
            refunds=self.refunds,
            customer=self.customer,
            came_alive_at=self.came_alive_at,
            nota=None if nota is None else self._last(nota, now),
            wish=sale.wish if sale else None,
            wish_at=sale.wish_at if sale else None,
            competencia=sale.competencia if sale else None,
            backfill=sale.backfill if sale else None,
            known_moment=sale.moment_at if sale else None,
        )

    def _last(self, nota: KnownNota, now: datetime) -> LastNota:
        sale = self.known.sale
        by_itself = nota.resend_at is not None and nota.resend_at <= now
        return LastNota(
            revision=nota.revision,
            status=nota.status,
            amount=nota.amount,
            resend=nota.resend or by_itself,
            customer_id=sale.customer_id if sale else None,
            cancelled_for=nota.then_cancel,
            issued_at=nota.issued_at,
            competencia=nota.competencia,
            day_refused=nota.denial == DAY_REFUSED,
            denied_with=self.denied_with,
        )

    def read(self) -> ReadBill:
        """The row of Vindi's side."""
        return ReadBill(
            bill=self.bill,
            body=self.body,
            refunds=self.refunds,
            came_alive_at=self.came_alive_at,
            read_at=self.read_at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """Ask the issuer for this nota; its intent is written in the same commit as the sale."""

    intent: Intent
    draft: NotaDraft
    first: bool  # the first request under this id
    auto_sends: int = 0  # by itself, this one included
    queued_anew: bool = True  # the sale was not in the queue already


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """Ask the issuer where the last nota is."""

    nota: KnownNota


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelNota:
    """Ask the issuer to cancel the last nota, and why."""

    nota: KnownNota
    code: str


Action = Send | FollowUp | CancelNota


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one decision becomes: rows to write, and an action or a settlement."""

    entry: Entry
    sale: SaleRow | None = None
    read: ReadBill | None = None
    nota: NotaUpdate | None = None
    progress: Progress | None = None
    happenings: tuple[Happening, ...] = ()
    action: Action | None = None
    settlement: Settlement | None = None  # None while an action follows
    withdraw: bool = False  # the intent surely never reached the issuer


@dataclass(slots=True)
class Written:
    """Counts of one pass, for logs and metrics."""

    claimed: int = 0
    sent: int = 0
    lost: set[BillId] = field(default_factory=set)


def settle(
    entry: Entry, *, due_at: datetime | None, failed: bool = False, bill_read: bool = False
) -> Settlement:
    """Give an entry back: due again at `due_at`, or finished when it is None."""
    return Settlement(
        bill_id=entry.bill_id,
        attempt=entry.attempt,
        generation=entry.generation,
        due_at=due_at,
        bill_facts_read=entry.bill_facts if bill_read else entry.bill_facts_read,
        failed=failed,
    )


def happened(entry: Entry, what: str, why: str = "") -> Happening:
    """One line of a sale's timeline, told by the emitter."""
    return Happening(bill_id=entry.bill_id, what=what, why=why, by=BY)
