"""One leased sale on its way through a pass, and what the pass writes for it."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from shared.db.outbox.outbox_store import Entry, Settlement
from shared.db.sales.notas_store import Intent, KnownNota, NotaUpdate
from shared.db.sales.sales_store import KnownSale, Progress, SaleRow
from shared.db.sales.timeline_store import Happening
from shared.db.vindi.bills_store import KnownBill, ReadBill
from shared.domain.bill import Bill, Customer
from shared.domain.denials import DAY_REFUSED
from shared.domain.ids import ChargeId
from shared.domain.money import Cents
from shared.domain.nota import NotaDraft, NotaStatus, Tomador
from shared.domain.part_states import in_round, is_over, round_of
from shared.domain.parts import PartState, Share
from shared.domain.sale import LastNota, SaleFacts

BY = "emitter"


class Known(Struct, frozen=True, kw_only=True):
    """What our tables say of one sale before the pass."""

    bill: KnownBill | None = None
    sale: KnownSale | None = None
    nota: KnownNota | None = None  # of a divided sale the one that speaks for it
    parts: "tuple[KnownPart, ...]" = ()  # of a divided sale

    def nota_of(self, part: int) -> KnownNota | None:
        """The newest nota of a part; 0 is the whole bill."""
        found = [one.nota for one in self.parts if one.share.part == part]
        if found:
            return found[0]
        return self.nota if self.nota is not None and self.nota.part == part else None


class KnownPart(Struct, frozen=True, kw_only=True):
    """One part of a divided sale, and its newest nota of any round."""

    share: Share
    nota: KnownNota | None = None

    def state(self, now: datetime) -> PartState:
        """What a decision looks at; see `part_states.in_round`."""
        if self.nota is None:
            return PartState(share=self.share)
        return PartState(
            share=self.share,
            status=self.nota.status,
            revision=self.nota.revision,
            resend=_resend(self.nota, now),
            then_cancel=self.nota.then_cancel,
            denial=self.nota.denial,
            stated=self.nota.stated,
        )


def states_of(parts: Sequence[KnownPart], now: datetime) -> tuple[PartState, ...]:
    """The parts of a sale in its newest round."""
    return in_round([part.state(now) for part in parts])


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
    # By part, the buyer as sent, where a denial hangs on such data.
    denied_with: Mapping[int, Tomador] = msgspec.field(default_factory=dict)

    def facts(self, now: datetime) -> SaleFacts:
        """Everything a decision looks at."""
        sale, nota = self.known.sale, self.known.nota
        parts = tuple(
            replace(one, denied_with=self.denied_with.get(one.share.part))
            for one in states_of(self.known.parts, now)
        )
        return SaleFacts(
            bill=self.bill,
            refunds=self.refunds,
            customer=self.customer,
            came_alive_at=self.came_alive_at,
            nota=None if nota is None else self._last(nota, parts, now),
            wish=sale.wish if sale else None,
            wish_at=sale.wish_at if sale else None,
            competencia=sale.competencia if sale else None,
            backfill=sale.backfill if sale else None,
            known_moment=sale.moment_at if sale else None,
            parts=parts,
        )

    def _last(self, nota: KnownNota, parts: Sequence[PartState], now: datetime) -> LastNota:
        over, sale = is_over(parts), self.known.sale
        amount = sum(one.share.amount for one in parts)
        return LastNota(
            revision=round_of(parts) or nota.revision,
            status=NotaStatus.CANCELLED if over else nota.status,
            amount=Cents(amount) if parts else nota.amount,
            resend=_resend(nota, now),
            customer_id=sale.customer_id if sale else None,
            cancelled_for=next((one.then_cancel for one in parts if over), nota.then_cancel),
            issued_at=nota.issued_at,
            competencia=nota.competencia,
            day_refused=nota.denial == DAY_REFUSED,
            denied_with=self.denied_with.get(nota.part),
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


def _resend(nota: KnownNota, now: datetime) -> bool:
    return nota.resend or (nota.resend_at is not None and nota.resend_at <= now)


class Send(Struct, frozen=True, kw_only=True):
    """Ask the issuer for this nota; its intent is written in the same commit as the sale."""

    intent: Intent
    draft: NotaDraft
    first: bool  # the first request under this id
    auto_sends: int = 0  # by itself, this one included
    queued_anew: bool = True  # the sale was not in the queue already


class FollowUp(Struct, frozen=True, kw_only=True):
    """Ask the issuer where the last nota is."""

    nota: KnownNota


class CancelNota(Struct, frozen=True, kw_only=True):
    """Ask the issuer to cancel the last nota, and why."""

    nota: KnownNota
    code: str


class Steps(Struct, frozen=True, kw_only=True):
    """Ask about several notas of one divided sale, one after another."""

    steps: tuple[FollowUp | CancelNota, ...]


Action = Send | FollowUp | CancelNota | Steps


class Plan(Struct, frozen=True, kw_only=True):
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
    part: int = 0  # of a withdrawn intent
    division: tuple[Share, ...] | None = None  # divides the sale anew; None leaves it as it is
    also: tuple[NotaUpdate, ...] = ()  # of other parts
    parts: tuple[KnownPart, ...] = ()  # of a divided sale, as they are once this is written
    meanwhile: datetime | None = None  # when its other parts need a look, whatever comes of this


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
