"""Takes a situation through decision, plan and issuer's answer: the pure part of a sale's way."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, cast

from services.emitter.planning import answers
from services.emitter.planning.answers import Reader, Sent
from services.emitter.planning.plan import STATUS_OF_NOTA, plan_sale
from services.emitter.planning.rows import Terms
from services.emitter.work import (
    CancelNota,
    FollowUp,
    FreshSale,
    Known,
    KnownPart,
    Plan,
    Send,
    Steps,
)
from shared.db.sales.notas_store import KnownNota, liveliest
from shared.db.sales.sales_store import KnownSale, SaleRow
from shared.domain.decide import decide
from shared.domain.decision import NeedsCustomer
from shared.domain.ids import CustomerId, IssuerNotaId
from shared.domain.money import Cents
from shared.domain.nota import NotaStatus, external_id
from shared.domain.parts import Share
from shared.domain.sale import SaleStatus, Wish
from shared.issuer.enotas.denials import classify_denial
from shared.issuer.interface import Finding, Phase, Snapshot
from tests.builders import TENANT, an_entry
from tests.situations import words
from tests.situations.words import NotaWords, Situation

WAITS: Final = tuple(timedelta(seconds=s) for s in (10, 30, 120))
PHASES: Final = {
    "authorises": Phase.ISSUED,
    "works on it": Phase.PENDING,
    "cancels": Phase.CANCELLED,
    "is cancelling": Phase.CANCELLING,
    "refused to cancel": Phase.CANCEL_REFUSED,
    "says an unknown word": Phase.UNKNOWN_STATUS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a person sees of the sale afterwards."""

    status: str
    code: str | None = None
    attention: str | None = None
    amount: Cents | None = None
    issue_at: datetime | None = None
    competencia: date | None = None
    revision: int | None = None
    part: int | None = None
    nota: Cents | None = None  # what the nota asked for is worth
    asks: str = "nothing"


def show(said: Situation) -> Shown:
    """Decide a situation and, where the issuer speaks in it, go on with its answer."""
    fresh, now = _fresh(said), words.today(said)
    decision = decide(fresh.facts(now), words.rule(said), words.tenant_terms(said), now)
    if isinstance(decision, NeedsCustomer):
        return Shown(status="reads_customer")
    plan = plan_sale(fresh, decision, _terms(said), now)
    if plan.sale is None:
        return Shown(status="no_sale")
    shown = _shown(plan, plan.sale)
    return _answered(said, fresh, plan, shown, now) if "issuer" in said else shown


def _shown(plan: Plan, row: SaleRow) -> Shown:
    asks = {Send: "issue", FollowUp: "follow", CancelNota: "cancel"}
    send = plan.action if isinstance(plan.action, Send) else None
    return Shown(
        status=row.status.value,
        code=row.code,
        attention=row.attention,
        amount=row.amount,
        issue_at=row.issue_at,
        competencia=row.competencia,
        revision=send.intent.revision if send else None,
        part=send.intent.part if send else None,
        nota=send.intent.amount if send else None,
        asks=_steps(plan.action)
        if isinstance(plan.action, Steps)
        else asks[type(plan.action)]
        if plan.action
        else "nothing",
    )


def _steps(action: Steps) -> str:
    words = {FollowUp: "follow", CancelNota: "cancel"}
    return " ".join(f"{words[type(step)]} {step.nota.part}" for step in action.steps)


def _answered(said: Situation, fresh: FreshSale, plan: Plan, before: Shown, now: datetime) -> Shown:
    after = _outcome(said["issuer"], _sent(fresh, plan, now), now)
    if after is None:
        return Shown(status="sent_again")
    progress = after.progress
    if progress is None:
        return before
    return Shown(
        status=progress.status.value,
        code=progress.code,
        attention=progress.attention,
        amount=before.amount,
        issue_at=before.issue_at,
        competencia=before.competencia,
        revision=before.revision,
        asks=before.asks,
    )


def _sent(fresh: FreshSale, plan: Plan, now: datetime) -> Sent:
    match plan.action:
        case Send():
            return Sent(
                entry=fresh.entry,
                revision=plan.action.intent.revision,
                status=NotaStatus.SENDING,
                since=now,
                competencia=plan.action.intent.competencia,
                auto_sends=plan.action.auto_sends,
            )
        case FollowUp() | CancelNota():
            return answers.about(fresh.entry, plan.action.nota, now, bill_read=True)
        case Steps() | None:
            raise ValueError("the issuer answers, but not about one nota")


def _outcome(text: str, sent: Sent, now: datetime) -> Plan | None:
    verb, _, rest = text.partition(" ")
    soon = now + timedelta(minutes=5)
    match verb:
        case "denies":
            return answers.seen(sent, _snapshot(Phase.DENIED, rest), reader=_reader(), now=now)
        case "refuses":
            finding = Finding(code="NF001", message=rest)
            return answers.refused(sent, classify_denial(rest), [finding], _reader(), now)
        case "blocks":
            return answers.blocked(sent, rest)
        case "nothing":  # "nothing found, look 2"
            return answers.not_found(sent, int(rest.split()[-1]), WAITS, now)
        case _:
            pass
    match text:
        case "accepts":
            return answers.accepted(sent, IssuerNotaId("n1"), now)
        case "answer is lost":
            return answers.answer_lost(sent, "timeout", now)
        case "is busy":
            return answers.busy(sent, soon, WAITS)
        case "was not reached":
            return answers.not_sent(sent, soon)
        case "is down":
            return answers.put_off(sent, soon)
        case "cannot be asked":
            return answers.ask_later(sent, now)
        case "refused the cancelling":
            return answers.cancel_refused(sent, [Finding(code="C1", message="prazo")], _seal)
        case "cannot cancel yet":
            return answers.cancel_remembered(sent, now)
        case "never had it":
            return answers.never_arrived(sent, sent.then_cancel or "canceled_by_person")
        case _:
            return answers.seen(sent, _snapshot(PHASES[text]), reader=_reader(), now=now)


def _snapshot(phase: Phase, reason: str | None = None) -> Snapshot:
    return Snapshot(
        issuer_id=IssuerNotaId("n1"),
        external_id=None,
        phase=phase,
        raw_status=phase.value,
        reason=reason,
        number="1" if phase is Phase.ISSUED else None,
        verification_code=None,
        has_pdf=False,
        has_xml=False,
        created_at=None,
        changed_at=None,
        issued_at=None,
        amount=None,
    )


def _seal(value: bytes, purpose: str) -> bytes:
    return purpose.encode() + value


def _word(document: str) -> bytes:
    return document.encode()


def _reader() -> Reader:
    return Reader(classify=classify_denial, word=str.encode, seal=_seal, zone=words.zone_of({}))


def _terms(said: Situation) -> Terms:
    rule = words.rule(said)
    return Terms(
        tenant=TENANT,
        rule=rule,
        rule_version=1 if rule else None,
        environment="Producao",
        issuer_trouble=None,
        seal=_seal,
        document_word=_word,
    )


def _fresh(said: Situation) -> FreshSale:
    bill, now = words.bill(said), words.today(said)
    parts = _known_parts(said)
    nota = words.nota(said) or next((one for _, one in words.parts(said) if one), None)
    of_parts = [part.nota for part in parts if part.nota]
    speaks = liveliest(of_parts) if of_parts else _known_nota(said, nota) if nota else None
    entry = an_entry(bill.id, due_at=now, heard_at=now)
    return FreshSale(
        entry=entry,
        known=Known(sale=_known_sale(said, nota), nota=speaks, parts=parts),
        bill=bill,
        body=b"",
        refunds=words.refunds(said, bill),
        came_alive_at=words.maybe_instant(said, "alive"),
        read_at=now,
        customer=words.customer(said),
        denied_with=words.denied_with(said),
    )


def _known_parts(said: Situation) -> tuple[KnownPart, ...]:
    return tuple(
        KnownPart(
            share=Share(part=number, amount=amount, lines=(number,)),
            nota=_known_nota(said, nota, part=number) if nota else None,
        )
        for number, (amount, nota) in enumerate(words.parts(said), start=1)
    )


def _known_sale(said: Situation, nota: NotaWords | None) -> KnownSale:
    fixed, backfill = said.get("fixed"), said.get("backfill")
    return KnownSale(
        bill_id=words.bill(said).id,
        status=STATUS_OF_NOTA[nota.status] if nota else SaleStatus.WAITING_PAYMENT,
        code=None,
        detail="",
        attention=None,
        amount=nota.amount if nota else Cents(0),
        moment_at=words.maybe_instant(said, "had moment"),
        issue_at=None,
        competencia=date.fromisoformat(fixed) if fixed else None,
        rule_version=1,
        origin="backfill" if backfill else "webhook",
        wish=cast("Wish | None", said.get("wish")),
        wish_at=words.today(said) if "wish" in said else None,
        backfill=backfill,
        customer_id=CustomerId(9),
    )


def _known_nota(said: Situation, nota: NotaWords, part: int = 0) -> KnownNota:
    bill = words.bill(said).id
    sent = words.maybe_instant(said, "sent") or words.today(said)
    return KnownNota(
        bill_id=bill,
        part=part,
        revision=nota.revision,
        external_id=external_id(
            tenant=TENANT, environment="Producao", bill=bill, revision=nota.revision, part=part
        ),
        issuer_id=IssuerNotaId("n1"),
        status=nota.status,
        amount=nota.amount,
        competencia=date.fromisoformat(said.get("fixed", "2026-11-10")),
        request=b"",
        lookups=0,
        look_up_at=None,
        resend=nota.resend,
        then_cancel=nota.then_cancel,
        denial=nota.denial,
        changed_at=None,
        sent_at=sent,
        cancel_sent_at=sent,
        sends=1,
        auto_sends=nota.auto_sends,
        resend_at=None,
        issued_at=words.maybe_instant(said, "issued on"),
        stated=nota.stated,
    )
