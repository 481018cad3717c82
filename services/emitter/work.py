"""One leased sale on its way through a batch, and what the batch writes and asks for it."""

from collections.abc import Mapping
from datetime import datetime

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from shared.db.outbox.outbox_store import Entry, Settlement
from shared.db.sales.intents_store import Intent
from shared.db.sales.notas_store import NotaUpdate
from shared.db.sales.sale_notas import NONE, SaleNotas
from shared.db.sales.sales_store import KnownSale, SaleRow
from shared.db.sales.timeline_store import Happening
from shared.db.vindi.bills_store import KnownBill, ReadBill, seen_with
from shared.domain.bill import Bill, Customer, Payment
from shared.domain.ids import ChargeId
from shared.domain.money import Cents
from shared.domain.nota import NotaDraft, Tomador
from shared.domain.parts import Part, Share
from shared.domain.sale import SaleFacts
from shared.domain.shadow import LEFT_TO_OTHERS
from shared.domain.stream import NO_PAYMENTS

BY = "emitter"


class Known(Struct, frozen=True, kw_only=True):
    """What our tables say of one sale before the batch."""

    bill: KnownBill | None = None
    sale: KnownSale | None = None
    notas: SaleNotas = NONE
    # By part, the buyer as sent, where a denial hangs on such data.
    denied_with: Mapping[int, Tomador] = msgspec.field(default_factory=dict)
    listed: bool = False  # the issuer has a nota of it that a restore made us forget

    def parts(self, now: datetime) -> tuple[Part, ...]:
        """Its notas as a decision looks at them."""
        parts = self.notas.parts(now)
        if not self.denied_with:
            return parts
        return tuple(
            replace(one, denied_with=self.denied_with.get(one.share.part)) for one in parts
        )


class FreshSale(Struct, frozen=True, kw_only=True):
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
    payments: Mapping[ChargeId, Payment] = NO_PAYMENTS
    refunded_at: datetime | None = None  # the newest refund

    def facts(self, now: datetime) -> SaleFacts:
        """Everything a decision looks at."""
        sale = self.known.sale
        listed = self.known.listed
        return SaleFacts(
            bill=self.bill,
            # What stands at the issuer is adopted first, as if nothing had been given back since;
            # once it is known everything counts again.
            refunds={} if listed else self.refunds,
            customer=self.customer,
            came_alive_at=self.came_alive_at,
            wish="issue" if listed else sale.wish if sale else None,
            wish_at=sale.wish_at if sale else None,
            competencia=sale.competencia if sale else None,
            backfill=sale.backfill if sale else None,
            known_moment=sale.moment_at if sale else None,
            amount_choice=sale.amount_choice if sale else None,
            without_document=sale is not None and sale.without_document,
            today=sale is not None and sale.day_choice == "today",
            left_out=sale is not None and sale.code in LEFT_TO_OTHERS,
            seen=seen_with(self.known.bill, self.bill, self.read_at),
            payments=self.payments,
            parts=self.known.parts(now),
            made_out_to=sale.customer_id if sale else None,
        )

    def read(self) -> ReadBill:
        """The row of Vindi's side; one older than the stored was read until that was settled."""
        before = self.known.bill
        return ReadBill(
            bill=self.bill,
            body=self.body,
            refunds=self.refunds,
            refunded_at=self.refunded_at,
            came_alive_at=self.came_alive_at,
            read_at=self.read_at,
            settled=before is not None and self.bill.updated_at < before.updated_at,
        )


class OpenNews(Struct, frozen=True, kw_only=True):
    """Notas at rest of which there was news that a look may explain yet."""

    parts: tuple[int, ...]  # but those that were looked at a moment ago
    look_at: datetime | None  # when the first of all of them is to be looked at
    only_valid: bool  # each stands: no sale waits for the answer


class Send(Struct, frozen=True, kw_only=True):
    """Ask the issuer for this nota; its intent is written in the same commit as the sale."""

    intent: Intent
    draft: NotaDraft
    first: bool  # the first request under this id
    queued_anew: bool = True  # the sale was not in the queue already
    number_refused: bool = False  # the city has its RPS number already, and a person sends it anew
    after_real: bool = False  # a nota of the same environment went before it
    division: tuple[Share, ...] | None = None  # divides the sale anew; None leaves it as it is
    adopts: bool = False  # it is at the issuer already: nothing is sent, whatever is found there
    # Where this may not leave: how its other notas are followed, if any is under way, and what
    # rests of which there was news.
    follows: tuple["Step", ...] = ()
    news: OpenNews | None = None
    known: KnownSale | None = None  # the sale as it is stored


class Step(Struct, frozen=True, kw_only=True):
    """Ask the issuer about one nota of a sale: where it is, or to cancel it."""

    part: int
    cancel: bool = False
    to_replace: bool = False  # another is wanted elsewhere, once it is proved not to stand here
    by_person: bool = False  # who says that it is wanted
    only_looks: bool = False  # nothing is asked for again, whatever is found


class Ask(Struct, frozen=True, kw_only=True):
    """Ask about notas that the issuer knows, one after another.

    `rests`: how the entry was to be given back if they were not asked about, where their sale was
    decided just now. Where no nota moves that stands.
    """

    steps: tuple[Step, ...]
    rests: Settlement | None = None


class Rest(Struct, frozen=True, kw_only=True):
    """Rows to write, and the entry given back: nothing is asked of the issuer."""

    entry: Entry
    settlement: Settlement
    sale: SaleRow | None = None
    read: ReadBill | None = None
    happenings: tuple[Happening, ...] = ()


class Act(Struct, frozen=True, kw_only=True):
    """Rows to write, and what is then asked of the issuer; the entry is kept meanwhile."""

    entry: Entry
    action: Send | Ask
    notas: SaleNotas  # as they were read, or once this is written, as they then are
    sale: SaleRow | None = None
    read: ReadBill | None = None
    updates: tuple[NotaUpdate, ...] = ()
    happenings: tuple[Happening, ...] = ()

    @property
    def issues(self) -> bool:
        """Say whether it asks for a nota."""
        return isinstance(self.action, Send)

    @property
    def cancels(self) -> bool:
        """Say whether it asks for a cancellation."""
        return isinstance(self.action, Ask) and any(step.cancel for step in self.action.steps)


Plan = Rest | Act


def settle(
    entry: Entry,
    *,
    due_at: datetime | None,
    failed: bool = False,
    bill_read: bool = False,
    nota_read: bool = False,
) -> Settlement:
    """Give an entry back: due again at `due_at`, or finished when it is None."""
    return Settlement(
        bill_id=entry.bill_id,
        attempt=entry.attempt,
        generation=entry.generation,
        due_at=due_at,
        bill_facts_read=entry.bill_facts if bill_read else entry.bill_facts_read,
        issuer_facts_read=entry.issuer_facts if nota_read else entry.issuer_facts_read,
        failed=failed,
    )


def happened(entry: Entry, what: str, why: str = "") -> Happening:
    """One line of a sale's timeline, told by the emitter."""
    return Happening(bill_id=entry.bill_id, what=what, why=why, by=BY)
