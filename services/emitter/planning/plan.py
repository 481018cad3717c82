"""From a decision to the rows it becomes. Pure: nothing is read or written here."""

from datetime import datetime
from typing import assert_never

from msgspec.structs import replace

from services.emitter.planning.drafts import draft_to_json
from services.emitter.planning.plan_parts import (
    keep_parts,
    meanwhile,
    parts_after,
    plan_cancel_parts,
    plan_follow_parts,
    whole_of,
)
from services.emitter.planning.rows import (
    Terms,
    attention_told,
    done,
    keep_until,
    sale_row,
    same_state,
)
from services.emitter.work import (
    CancelNota,
    FollowUp,
    FreshSale,
    Plan,
    Send,
    happened,
    states_of,
)
from shared.db.sales.notas_store import Intent, KnownNota
from shared.db.sales.timeline_store import Happening
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
from shared.domain.nota import IssuerEnvironment, NotaStatus, external_id
from shared.domain.part_states import stated
from shared.domain.sale import SaleStatus
from shared.domain.statement import STATED_BY_PERSON

# What was said of a nota and is not worked out afresh from its bill.
_STAYS = frozenset({RESEND_GIVEN_UP, STATED_BY_PERSON})

# What a nota that is or was to be cancelled carries as its code: why.
ENDING = frozenset({NotaStatus.CANCELLING, NotaStatus.CANCELLED, NotaStatus.CANCEL_REFUSED})
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
            return done(fresh, sale=None)
        case NeedsCustomer():
            raise ValueError("the customer is read before a sale is planned")
        case Wait():
            row = sale_row(
                fresh,
                terms,
                SaleStatus(decision.status),
                detail=decision.why,
                issue_at=decision.until,
                competencia=decision.competencia,
            )
            return done(fresh, sale=row, due_at=decision.until)
        case Hold():
            row = sale_row(
                fresh,
                terms,
                SaleStatus.HELD,
                code=decision.code,
                detail=decision.detail,
                issue_at=decision.issue_at,
                competencia=decision.competencia,
            )
            return done(fresh, sale=row, due_at=meanwhile(fresh.known, now))
        case Skip():
            # What a person cancelled stays cancelled: that wish is not used up.
            over = decision.code != "canceled_by_person"
            row = sale_row(
                fresh,
                terms,
                SaleStatus.SKIPPED,
                code=decision.code,
                attention=decision.attention,
                issue_at=decision.issue_at,
                wish_done=over,
            )
            return done(fresh, sale=row)
        case Issue():
            return _plan_issue(fresh, decision, terms, now)
        case Follow() if fresh.known.parts:
            return plan_follow_parts(fresh, decision, terms, now)
        case Cancel() if fresh.known.parts:
            return plan_cancel_parts(fresh, decision, terms, now)
        case Keep() if fresh.known.parts:
            return keep_parts(fresh, decision, terms, now)
        case Follow():
            return _plan_follow(fresh, decision, terms)
        case Cancel():
            return _plan_cancel(fresh, decision, terms)
        case Keep():
            return _plan_keep(fresh, decision, terms, now)
        case _:
            assert_never(decision)


def _plan_issue(fresh: FreshSale, decision: Issue, terms: Terms, now: datetime) -> Plan:
    due = meanwhile(fresh.known, now)
    if terms.issuer_trouble is not None or terms.environment is None:
        code = terms.issuer_trouble or "issuer_not_connected"
        row = sale_row(
            fresh,
            terms,
            SaleStatus.HELD,
            code=code,
            issue_at=decision.issue_at,
            competencia=decision.competencia,
        )
        return done(fresh, sale=row, due_at=due)
    parts = parts_after(fresh.known, decision.division)
    last, known = fresh.known.nota_of(decision.part), fresh.known.sale
    again = last is not None and last.revision == decision.revision
    intent = _intent(fresh, decision, terms, terms.environment, last if again else None)
    amount = whole_of(parts) if decision.part else intent.amount
    row = sale_row(
        fresh,
        terms,
        SaleStatus.ISSUING,
        amount=amount,
        attention=decision.attention or stated(states_of(parts, now)),
        issue_at=decision.issue_at,
        competencia=decision.competencia,
    )
    return Plan(
        entry=fresh.entry,
        read=fresh.read(),
        sale=row,
        happenings=(_requested(fresh, decision, terms, len(parts)),),
        action=Send(
            intent=intent,
            draft=decision.draft,
            first=not again,
            auto_sends=0 if last is None or not again or _asked_anew(last) else last.auto_sends + 1,
            queued_anew=known is None or known.status is not SaleStatus.QUEUED,
        ),
        division=decision.division,
        parts=parts if decision.part else (),
        meanwhile=due,
    )


def _requested(fresh: FreshSale, decision: Issue, terms: Terms, parts: int) -> Happening:
    which = f"nota {decision.part} de {parts}; " if decision.part else ""
    which += f"{decision.because}; " if decision.because else ""
    why = f"{which}regra v{terms.rule_version}; competência {decision.competencia:%d/%m/%Y}"
    return happened(fresh.entry, "nota_requested", why)


def _asked_anew(nota: KnownNota) -> bool:
    """Whether it is sent again for a person or a customer's new data, and tries start anew."""
    return nota.resend or nota.denial in ON_CUSTOMER


def _intent(
    fresh: FreshSale,
    decision: Issue,
    terms: Terms,
    environment: IssuerEnvironment,
    denied: KnownNota | None,
) -> Intent:
    key = external_id(
        tenant=terms.tenant,
        environment=environment,
        bill=fresh.bill.id,
        revision=decision.revision,
        part=decision.part,
    )
    if denied is not None:
        key = denied.external_id  # a denied nota is sent again under the id it was born with
    request = draft_to_json(decision.draft)
    return Intent(
        bill_id=fresh.bill.id,
        part=decision.part,
        revision=decision.revision,
        external_id=key,
        environment=environment,
        amount=decision.draft.amount,
        competencia=decision.draft.competencia,
        request=terms.seal(request, "nota"),
    )


def _plan_follow(fresh: FreshSale, decision: Follow, terms: Terms) -> Plan:
    nota = _nota(fresh)
    update = None
    told: tuple[Happening, ...] = ()
    if decision.then_cancel is not None and nota.then_cancel is None:
        update = same_state(nota, then_cancel=decision.then_cancel)
        nota = replace(nota, then_cancel=decision.then_cancel)
        told = (happened(fresh.entry, "cancel_remembered", decision.then_cancel),)
    row = sale_row(
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
        row = sale_row(
            fresh,
            terms,
            STATUS_OF_NOTA[nota.status],
            amount=nota.amount,
            attention=terms.issuer_trouble,
        )
        return done(fresh, sale=row)
    row = sale_row(
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
        nota=same_state(
            nota, status=NotaStatus.CANCELLING, then_cancel=decision.code, cancel_sent=True
        ),
        happenings=(
            happened(fresh.entry, "cancel_requested", decision.code),
            *attention_told(fresh, row),
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
    row = sale_row(
        fresh,
        terms,
        status,
        amount=nota.amount,
        code=code,
        detail=sale.detail if sale else "",
        attention=decision.attention or _still_told(fresh, status, code),
    )
    due = keep_until(nota, now)
    return done(fresh, sale=row, due_at=due)


def _still_told(fresh: FreshSale, status: SaleStatus, code: str | None) -> str | None:
    sale = fresh.known.sale
    known = sale.attention if sale is not None and sale.status is status else None
    if known in _STAYS:
        return known
    return code if status is SaleStatus.DENIED else None


def _nota(fresh: FreshSale) -> KnownNota:
    if fresh.known.nota is None:
        raise ValueError("decided about a nota that is not there")
    return fresh.known.nota
