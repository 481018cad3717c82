"""From a decision to the rows it becomes. Pure: nothing is read or written here."""

import hashlib
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Protocol, assert_never

from services.emitter.drafts import draft_to_json
from services.emitter.ladder import next_poll
from services.emitter.work import (
    CancelNota,
    FollowUp,
    FreshSale,
    Plan,
    Send,
    happened,
    settle,
)
from shared.db.notas_store import Intent, KnownNota, NotaUpdate
from shared.db.sales_store import SaleRow
from shared.db.timeline_store import Happening
from shared.domain.bill import Bill, BillStatus
from shared.domain.choose_rule import choose_moment
from shared.domain.decision import (
    Cancel,
    Decision,
    Follow,
    Hold,
    Issue,
    Keep,
    NeedsCustomer,
    NotYet,
    Skip,
    Wait,
)
from shared.domain.denials import ON_CUSTOMER, RESEND_GIVEN_UP
from shared.domain.ids import TenantId
from shared.domain.moment import moment_created, moment_paid
from shared.domain.money import Cents
from shared.domain.nota import (
    IN_FLIGHT,
    VALID_NOTA,
    IssuerEnvironment,
    NotaStatus,
    external_id,
)
from shared.domain.rule import Rule
from shared.domain.sale import SaleStatus
from shared.domain.statement import STATED_BY_PERSON


class Seal(Protocol):
    """Seals one value of the pass's tenant for a purpose."""

    def __call__(self, value: bytes, purpose: str) -> bytes:
        """Return the sealed value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What plans of one tenant share."""

    tenant: TenantId
    rule: Rule | None
    rule_version: int | None
    environment: IssuerEnvironment | None
    issuer_trouble: str | None  # why the issuer cannot be asked at all; a stable word
    seal: Seal
    document_word: "DocumentWord"


class DocumentWord(Protocol):
    """Hashes a document so that it can be searched for."""

    def __call__(self, document: str) -> bytes:
        """Return the keyed hash."""


# What was said of a nota and is not worked out afresh from its bill.
_STAYS = frozenset({RESEND_GIVEN_UP, STATED_BY_PERSON})

# What a nota that is or was to be cancelled carries as its code: why.
ENDING = frozenset({NotaStatus.CANCELLING, NotaStatus.CANCELLED, NotaStatus.CANCEL_REFUSED})
_MADE_OUT = IN_FLIGHT | VALID_NOTA
STATUS_OF_NOTA = {
    NotaStatus.SENDING: SaleStatus.ISSUING,
    NotaStatus.UNCERTAIN: SaleStatus.UNCERTAIN,
    NotaStatus.PENDING: SaleStatus.ISSUING,
    NotaStatus.ISSUED: SaleStatus.ISSUED,
    NotaStatus.DENIED: SaleStatus.DENIED,
    NotaStatus.CANCELLING: SaleStatus.CANCELLING,
    NotaStatus.CANCELLED: SaleStatus.CANCELLED,
    NotaStatus.CANCEL_REFUSED: SaleStatus.CANCEL_REFUSED,
}


def plan_sale(fresh: FreshSale, decision: Decision, terms: Terms, now: datetime) -> Plan:
    """Say what is written for one sale, and what is asked of the issuer next."""
    match decision:
        case NotYet():
            return _done(fresh, sale=None)
        case NeedsCustomer():
            raise ValueError("the customer is read before a sale is planned")
        case Wait():
            row = _row(fresh, terms, SaleStatus(decision.status), detail=decision.why)
            row = _dated(row, decision.until, decision.competencia)
            return _done(fresh, sale=row, due_at=decision.until)
        case Hold():
            row = _row(fresh, terms, SaleStatus.HELD, code=decision.code, detail=decision.detail)
            return _done(fresh, sale=_dated(row, decision.issue_at, decision.competencia))
        case Skip():
            # What a person cancelled stays cancelled: that wish is not used up.
            over = decision.code != "canceled_by_person"
            row = _row(
                fresh,
                terms,
                SaleStatus.SKIPPED,
                code=decision.code,
                attention=decision.attention,
                wish_done=over,
            )
            return _done(fresh, sale=_dated(row, decision.issue_at, None))
        case Issue():
            return _plan_issue(fresh, decision, terms)
        case Follow():
            return _plan_follow(fresh, decision, terms)
        case Cancel():
            return _plan_cancel(fresh, decision, terms)
        case Keep():
            return _plan_keep(fresh, decision, terms, now)
        case _:
            assert_never(decision)


def _plan_issue(fresh: FreshSale, decision: Issue, terms: Terms) -> Plan:
    if terms.issuer_trouble is not None or terms.environment is None:
        code = terms.issuer_trouble or "issuer_not_connected"
        row = _row(fresh, terms, SaleStatus.HELD, code=code)
        return _done(fresh, sale=_dated(row, decision.issue_at, decision.competencia))
    intent = _intent(fresh, decision, terms, terms.environment)
    row = _row(fresh, terms, SaleStatus.ISSUING, amount=intent.amount, attention=decision.attention)
    why = f"regra v{terms.rule_version}; competência {decision.competencia:%d/%m/%Y}"
    why = f"{decision.because}; {why}" if decision.because else why
    last, known = fresh.known.nota, fresh.known.sale
    return Plan(
        entry=fresh.entry,
        read=fresh.read(),
        sale=_dated(row, decision.issue_at, decision.competencia),
        happenings=(happened(fresh.entry, "nota_requested", why),),
        action=Send(
            intent=intent,
            draft=decision.draft,
            first=last is None or last.revision != decision.revision,
            auto_sends=_auto_sends(last, decision),
            queued_anew=known is None or known.status is not SaleStatus.QUEUED,
        ),
    )


def _auto_sends(last: KnownNota | None, decision: Issue) -> int:
    if last is None or last.revision != decision.revision or _asked_anew(last):
        return 0
    return last.auto_sends + 1


def _asked_anew(nota: KnownNota) -> bool:
    """Whether it is sent again for a person or a customer's new data, and tries start anew."""
    return nota.resend or nota.denial in ON_CUSTOMER


def _intent(
    fresh: FreshSale, decision: Issue, terms: Terms, environment: IssuerEnvironment
) -> Intent:
    key = external_id(
        tenant=terms.tenant,
        environment=environment,
        bill=fresh.bill.id,
        revision=decision.revision,
    )
    last = fresh.known.nota
    if last is not None and last.revision == decision.revision:
        key = last.external_id  # a denied nota is sent again under the id it was born with
    request = draft_to_json(decision.draft)
    return Intent(
        bill_id=fresh.bill.id,
        revision=decision.revision,
        external_id=key,
        environment=environment,
        amount=decision.draft.amount,
        competencia=decision.draft.competencia,
        request=terms.seal(request, "nota"),
        request_hash=hashlib.sha256(request).digest(),
    )


def _plan_follow(fresh: FreshSale, decision: Follow, terms: Terms) -> Plan:
    nota = _nota(fresh)
    update = None
    told: tuple[Happening, ...] = ()
    if decision.then_cancel is not None and nota.then_cancel is None:
        update = _same_state(nota, then_cancel=decision.then_cancel)
        nota = replace(nota, then_cancel=decision.then_cancel)
        told = (happened(fresh.entry, "cancel_remembered", decision.then_cancel),)
    row = _row(
        fresh,
        terms,
        STATUS_OF_NOTA[nota.status],
        amount=nota.amount,
        code=nota.then_cancel if nota.status in ENDING else None,
        attention=decision.attention or decision.then_cancel,
    )
    return Plan(
        entry=fresh.entry,
        read=fresh.read(),
        sale=row,
        nota=update,
        happenings=told,
        action=FollowUp(nota=nota),
    )


def _plan_cancel(fresh: FreshSale, decision: Cancel, terms: Terms) -> Plan:
    nota = _nota(fresh)
    if terms.issuer_trouble is not None:
        row = _row(
            fresh,
            terms,
            STATUS_OF_NOTA[nota.status],
            amount=nota.amount,
            attention=terms.issuer_trouble,
        )
        return _done(fresh, sale=row)
    row = _row(
        fresh,
        terms,
        SaleStatus.CANCELLING,
        amount=nota.amount,
        code=decision.code,
        attention=decision.attention,
        wish_done=True,
    )
    return Plan(
        entry=fresh.entry,
        read=fresh.read(),
        sale=row,
        nota=_same_state(
            nota, status=NotaStatus.CANCELLING, then_cancel=decision.code, cancel_sent=True
        ),
        happenings=(
            happened(fresh.entry, "cancel_requested", decision.code),
            *_attention_told(fresh, row),
        ),
        action=CancelNota(
            nota=replace(
                nota,
                status=NotaStatus.CANCELLING,
                then_cancel=decision.code,
                cancel_sent_at=fresh.read_at,
            ),
            code=decision.code,
        ),
    )


def _plan_keep(fresh: FreshSale, decision: Keep, terms: Terms, now: datetime) -> Plan:
    nota, sale = _nota(fresh), fresh.known.sale
    status = STATUS_OF_NOTA[nota.status]
    code = nota.denial if nota.status is NotaStatus.DENIED else None
    if nota.status in ENDING:
        code = nota.then_cancel
    if code is None and sale is not None and sale.status is status:
        code = sale.code
    row = _row(
        fresh,
        terms,
        status,
        amount=nota.amount,
        code=code,
        detail=sale.detail if sale else "",
        attention=decision.attention or _still_told(fresh, status, code),
    )
    due = _keep_until(nota, now)
    return _done(fresh, sale=row, due_at=due)


def _still_told(fresh: FreshSale, status: SaleStatus, code: str | None) -> str | None:
    sale = fresh.known.sale
    known = sale.attention if sale is not None and sale.status is status else None
    if known in _STAYS:
        return known
    return code if status is SaleStatus.DENIED else None


def _keep_until(nota: KnownNota, now: datetime) -> datetime | None:
    if nota.status is NotaStatus.PENDING:
        return next_poll(nota.sent_at or now, now)
    if nota.status is NotaStatus.DENIED and nota.resend_at is not None and nota.resend_at > now:
        return nota.resend_at
    return None


def _nota(fresh: FreshSale) -> KnownNota:
    if fresh.known.nota is None:
        raise ValueError("decided about a nota that is not there")
    return fresh.known.nota


def _same_state(
    nota: KnownNota,
    *,
    status: NotaStatus | None = None,
    then_cancel: str | None = None,
    cancel_sent: bool = False,
) -> NotaUpdate:
    return NotaUpdate(
        bill_id=nota.bill_id,
        revision=nota.revision,
        status=status or nota.status,
        denial=nota.denial,
        lookups=nota.lookups,
        look_up_at=nota.look_up_at,
        then_cancel=then_cancel,
        cancel_sent=cancel_sent,
    )


def _done(fresh: FreshSale, *, sale: SaleRow | None, due_at: datetime | None = None) -> Plan:
    return Plan(
        entry=fresh.entry,
        read=fresh.read(),
        sale=sale,
        happenings=() if sale is None else _told(fresh, sale),
        settlement=settle(fresh.entry, due_at=due_at, bill_read=True),
    )


def _told(fresh: FreshSale, row: SaleRow) -> tuple[Happening, ...]:
    known = fresh.known.sale
    if known is not None and (known.status, known.code) == (row.status, row.code):
        return _attention_told(fresh, row)
    why = ": ".join(part for part in (row.code or "", row.detail) if part)
    told = happened(fresh.entry, row.status.value, why)
    return (told, *_attention_told(fresh, row))


def _attention_told(fresh: FreshSale, row: SaleRow) -> tuple[Happening, ...]:
    known = fresh.known.sale
    if row.attention in (None, row.code, known.attention if known else None):
        return ()
    return (happened(fresh.entry, "attention", row.attention),)


def _row(
    fresh: FreshSale,
    terms: Terms,
    status: SaleStatus,
    *,
    code: str | None = None,
    detail: str = "",
    attention: str | None = None,
    amount: Cents | None = None,
    wish_done: bool = False,
) -> SaleRow:
    bill, customer, known = fresh.bill, fresh.customer, fresh.known.sale
    # While a nota is asked for or stands, the sale is in the name of whom it was made out to.
    nota = fresh.known.nota
    standing = nota is not None and nota.status in _MADE_OUT and known is not None
    when = choose_moment(bill, terms.rule) if terms.rule else None
    document = customer.document if customer else None
    return SaleRow(
        bill_id=bill.id,
        status=status,
        code=code,
        detail=detail,
        attention=attention,
        amount=_amount(bill) if amount is None else amount,
        moment_at=_moment_at(fresh, when.issue_when if when else None),
        rule_version=terms.rule_version,
        rule_exception=when.exception if when else None,
        origin=fresh.entry.origin,
        customer_id=None if standing else bill.customer_id,
        customer_name="" if standing else customer.name if customer else bill.customer_name,
        document_word=terms.document_word(document) if document else None,
        customer=fresh.customer_body,
        wish_done=known.wish_at if wish_done and known else None,
    )


def _dated(row: SaleRow, issue_at: datetime | None, competencia: date | None) -> SaleRow:
    return replace(row, issue_at=issue_at, competencia=competencia)


def _moment_at(fresh: FreshSale, issue_when: str | None) -> datetime | None:
    if issue_when in ("bill_paid", "guarantee_ended"):
        moment = moment_paid(fresh.bill)
    else:
        moment = moment_created(fresh.bill, fresh.came_alive_at)
    return moment.at if moment else None


def _amount(bill: Bill) -> Cents:
    return bill.lines_total if bill.status is BillStatus.CANCELED else bill.amount
