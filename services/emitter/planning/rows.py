"""The rows a decision becomes, and what plans of one tenant share. Pure."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from msgspec import Struct

from services.emitter.work import FreshSale, Known, Rest, happened, settle
from shared.crypto.columns import RowKey, SealedColumn
from shared.db.sales.notas_store import KnownNota, NotaUpdate
from shared.db.sales.sales_store import SaleRow
from shared.db.sales.timeline_store import Happening
from shared.domain.bill import Bill, BillStatus
from shared.domain.choose_rule import choose_moment
from shared.domain.fields.words import WORDS
from shared.domain.ids import TenantId
from shared.domain.moment import VINDI_ZONE, moment_created, moment_paid
from shared.domain.money import Cents
from shared.domain.nota import IN_FLIGHT, VALID_NOTA, IssuerEnvironment, NotaStatus
from shared.domain.rule import Rule
from shared.domain.sale import SaleStatus
from shared.domain.sold import sold_as
from shared.domain.text.form import Form


class Seal(Protocol):
    """Seals one value of the pass's tenant for the row of a key."""

    def __call__(self, column: SealedColumn, value: bytes, *key: RowKey) -> bytes:
        """Return the sealed value."""


class Terms(Struct, frozen=True, kw_only=True):
    """What plans of one tenant share."""

    tenant: TenantId
    rule: Rule | None
    rule_version: int | None
    environment: IssuerEnvironment | None
    issuer_trouble: str | None  # why the issuer cannot be asked at all; a stable word
    seal: Seal
    document_word: "DocumentWord"
    zone: ZoneInfo = VINDI_ZONE  # in which instants are told
    connection_id: int | None = None  # where notas are born now
    form: Form | None = None  # the room its issuer has for texts; None while it is blocked
    issuer_takes: frozenset[str] = WORDS  # the fields that notas may have there
    issuer_substitutes: bool = True  # whether one may take another's place there in one step

    def is_elsewhere(self, nota: KnownNota) -> bool:
        """Whether a nota was born under a connection that the tenant has left."""
        return None not in (self.connection_id, nota.connection_id) and (
            nota.connection_id != self.connection_id
        )

    def trouble_with(self, notas: Sequence[KnownNota]) -> str | None:
        """Why none of them can be asked about; where one was left, only asking tells."""
        elsewhere = any(self.is_elsewhere(nota) for nota in notas)
        return None if elsewhere else self.issuer_trouble


class DocumentWord(Protocol):
    """Hashes a document so that it can be searched for."""

    def __call__(self, document: str) -> bytes:
        """Return the keyed hash."""


_MADE_OUT = IN_FLIGHT | VALID_NOTA
_LEFT_FOR_PAYMENT = frozenset({"before_activation", "activation_unclear"})


def rest(fresh: FreshSale, sale: SaleRow | None, due_at: datetime | None = None) -> Rest:
    """Write a sale and give its entry back: nothing is asked of the issuer."""
    return Rest(
        entry=fresh.entry,
        read=fresh.read(),
        sale=sale,
        happenings=() if sale is None else _timeline(fresh, sale),
        settlement=settle(fresh.entry, due_at=due_at, bill_read=True),
    )


def _timeline(fresh: FreshSale, row: SaleRow) -> tuple[Happening, ...]:
    """The line of the timeline, where something changed."""
    known = fresh.known.sale
    if known is not None and (known.status, known.code) == (row.status, row.code):
        return attention_line(fresh, row)
    why = ": ".join(part for part in (row.code or "", row.detail) if part)
    said = happened(fresh.entry, row.status.value, why)
    return (said, *attention_line(fresh, row))


def attention_line(fresh: FreshSale, row: SaleRow) -> tuple[Happening, ...]:
    """The line of what a person is asked to look at, where that is new."""
    known = fresh.known.sale
    if row.attention in (None, row.code, known.attention if known else None):
        return ()
    return (happened(fresh.entry, "attention", row.attention),)


def sale_row(
    fresh: FreshSale,
    terms: Terms,
    status: SaleStatus,
    *,
    code: str | None = None,
    detail: str = "",
    attention: str | None = None,
    amount: Cents | None = None,
    issue_at: datetime | None = None,
    competencia: date | None = None,
    wish_done: bool = False,
) -> SaleRow:
    """The sale as it is now decided; without an amount it is worth its bill."""
    bill, customer, known = fresh.bill, fresh.customer, fresh.known.sale
    standing = is_made_out(fresh.known)
    passed = standing and known is not None and known.customer_id not in (None, bill.customer_id)
    when = choose_moment(bill, terms.rule) if terms.rule else None
    document = customer.document if customer and not passed else None
    sold = sold_as(bill)
    return SaleRow(
        bill_id=bill.id,
        status=status,
        code=code,
        detail=detail,
        attention=attention,
        amount=_amount(bill) if amount is None else amount,
        moment_at=_moment_at(fresh, when.issue_when if when else None, code, terms.zone),
        issue_at=issue_at,
        competencia=competencia,
        rule_version=terms.rule_version,
        rule_exception=when.exception if when else None,
        origin=fresh.entry.origin,
        customer_id=None if standing else bill.customer_id,
        customer_name="" if standing else customer.name if customer else bill.customer_name,
        document_word=terms.document_word(document) if document else None,
        products=sold.products,
        plan=sold.plan,
        method=sold.method,
        customer=None if passed else fresh.customer_body,
        wish_done=known.wish_at if wish_done and known else None,
    )


def is_made_out(known: Known) -> bool:
    """Whether a nota is asked for or stands: the sale is in the name of whom it was made out to."""
    asked_for = known.notas.asked_for
    return known.sale is not None and any(nota.status in _MADE_OUT for nota in asked_for)


def _moment_at(
    fresh: FreshSale, issue_when: str | None, code: str | None, zone: ZoneInfo
) -> datetime | None:
    created = moment_created(fresh.bill, fresh.came_alive_at)
    if issue_when not in ("bill_paid", "guarantee_ended"):
        return created.at if created else None
    moment = moment_paid(fresh.bill)
    paid = moment.counted_at(zone) if moment else None
    known = fresh.known.sale.moment_at if fresh.known.sale else None
    if paid is None or known is None or code not in _LEFT_FOR_PAYMENT:
        return paid
    # The first payment is what it was left out for, also once its bill shows it no more.
    return paid if created and known == created.at else min(paid, known)


def _amount(bill: Bill) -> Cents:
    return bill.lines_total if bill.status is BillStatus.CANCELED else bill.amount


def same_state(
    nota: KnownNota,
    *,
    status: NotaStatus | None = None,
    then_cancel: str | None = None,
    cancel_sent: bool = False,
    wanted_again: bool = False,
) -> NotaUpdate:
    """A nota that stays as the issuer knows it, but for what is said."""
    return NotaUpdate(
        bill_id=nota.bill_id,
        part=nota.part,
        revision=nota.revision,
        status=status or nota.status,
        denial=nota.denial,
        denial_cause=nota.denial_cause,
        lookups=nota.lookups,
        look_up_at=nota.look_up_at,
        then_cancel=then_cancel,
        cancel_sent=cancel_sent,
        wanted_again=wanted_again,
    )
