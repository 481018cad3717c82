"""Takes a situation through decision, plan and issuer's answer: the pure part of a sale's way."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, cast

from msgspec.structs import replace

from services.emitter.planning import answers
from services.emitter.planning.answers import Answer
from services.emitter.planning.denied import Reader
from services.emitter.planning.plan import plan_sale
from services.emitter.planning.rows import Terms
from services.emitter.planning.sale_after import Answered, sale_after
from services.emitter.planning.seen import seen
from services.emitter.work import Act, Ask, FreshSale, Known, Plan, Send, Step
from shared.crypto.columns import RowKey, SealedColumn
from shared.db.sales.notas_store import KnownNota
from shared.db.sales.sale_notas import NONE, SaleNotas, gathered
from shared.db.sales.sales_store import KnownSale, SaleRow
from shared.domain.decide import decide
from shared.domain.decision import NeedsCustomer
from shared.domain.external_id import external_id
from shared.domain.ids import CustomerId, IssuerNotaId
from shared.domain.money import Cents
from shared.domain.part_states import together
from shared.domain.parts import Part, Share
from shared.domain.sale import SaleStatus, Wish
from shared.domain.statement import STATED_BY_PERSON
from shared.issuer.enotas.cancellations import why_not_cancelled
from shared.issuer.enotas.denials import classify_denial
from shared.issuer.interface import Finding, Phase, Snapshot
from tests.builders import TENANT, an_entry
from tests.situations import words
from tests.situations.words import NotaWords, Situation
from tests.support.notas import after, as_written

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
    action = plan.action if isinstance(plan, Act) else None
    send = action if isinstance(action, Send) else None
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
        asks=_asks(action),
    )


def _asks(action: Send | Ask | None) -> str:
    match action:
        case None:
            return "nothing"
        case Send():
            return "issue"
        case Ask(steps=steps):
            return " ".join(_step(step) for step in steps)


def _step(step: Step) -> str:
    word = "cancel" if step.cancel else "follow"
    return f"{word} {step.part}" if step.part else word


def _answered(said: Situation, fresh: FreshSale, plan: Plan, before: Shown, now: datetime) -> Shown:
    if not isinstance(plan, Act):
        raise TypeError("the issuer answers, but was not asked")
    notas = as_written(plan, now)
    part = plan.action.intent.part if isinstance(plan.action, Send) else plan.action.steps[0].part
    answer = _answer(said["issuer"], notas.newest[part], now)
    if answer is None:
        return Shown(status="sent_again")
    known = Answered(entry=fresh.entry, notas=notas, answers=(answer,), bill_read=True, now=now)
    progress = sale_after(known, after(notas, answer)).progress
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


def _answer(text: str, nota: KnownNota, now: datetime) -> Answer | None:
    verb, _, rest = text.partition(" ")
    soon = now + timedelta(minutes=5)
    match verb:
        case "denies":
            return seen(nota, _snapshot(Phase.DENIED, rest), reader=_reader(), now=now)
        case "refuses":
            finding = Finding(code="NF001", message=rest)
            return answers.refused(nota, classify_denial(rest), [finding], _reader(), now)
        case "blocks":
            return answers.blocked(nota, rest)
        case "refuses-cancelling":
            return _not_cancelled(nota, rest, now)
        case "nothing":  # "nothing found, look 2"
            looked = replace(nota, lookups=int(rest.split()[-1]) - 1)
            return answers.not_found(looked, WAITS, now)
        case _:
            pass
    match text:
        case "accepts":
            return answers.accepted(nota, IssuerNotaId("n1"))
        case "answer is lost":
            return answers.answer_lost(nota, "timeout", now)
        case "is busy":
            return answers.busy(nota, soon, WAITS)
        case "was not reached":
            return answers.not_sent(nota, soon)
        case "is down":
            return answers.put_off(nota, soon)
        case "cannot be asked":
            return answers.ask_later(nota, soon, failed=True)
        case "refused the cancelling":
            return _not_cancelled(nota, "", now)
        case "cannot cancel yet":
            return answers.cancel_remembered(nota, now)
        case "never had it":
            return answers.never_arrived(nota, nota.then_cancel or "canceled_by_person", now)
        case _:
            return seen(nota, _snapshot(PHASES[text]), reader=_reader(), now=now)


def _not_cancelled(nota: KnownNota, text: str, now: datetime) -> Answer:
    code = why_not_cancelled(text, _snapshot(Phase.ISSUED))
    return answers.cancel_refused(nota, [Finding(code="C1", message=text)], code, _seal, now)


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


def _seal(column: SealedColumn, value: bytes, *key: RowKey) -> bytes:
    return column.row(key).encode() + value


def _word(document: str) -> bytes:
    return document.encode()


def _reader() -> Reader:
    return Reader(
        classify=classify_denial,
        classify_cancel=lambda snapshot: why_not_cancelled(snapshot.reason, snapshot),
        word=str.encode,
        seal=_seal,
        zone=words.zone_of({}),
    )


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
    nota = words.nota(said) or next((one for _, one in words.parts(said) if one), None)
    return FreshSale(
        entry=an_entry(bill.id, due_at=now, heard_at=now),
        known=Known(
            sale=_known_sale(said, nota),
            notas=_notas(said),
            denied_with=words.denied_with(said),
        ),
        bill=bill,
        body=b"",
        refunds=words.refunds(said, bill),
        came_alive_at=words.maybe_instant(said, "alive"),
        read_at=now,
        customer=words.customer(said),
    )


def _notas(said: Situation) -> SaleNotas:
    whole = words.nota(said)
    if whole is not None:
        return gathered([_known_nota(said, whole)], ())
    parts = list(enumerate(words.parts(said), start=1))
    shares = [Share(part=n, amount=amount, lines=(n,)) for n, (amount, _) in parts]
    notas = [_known_nota(said, nota, part=n) for n, (_, nota) in parts if nota]
    return gathered(notas, shares) if notas else NONE


def _known_sale(said: Situation, nota: NotaWords | None) -> KnownSale:
    fixed, backfill = said.get("fixed"), said.get("backfill")
    return KnownSale(
        bill_id=words.bill(said).id,
        status=_status(nota) if nota else SaleStatus.WAITING_PAYMENT,
        code=None,
        detail="",
        attention=None,
        amount=nota.amount if nota else Cents(0),
        moment_at=words.maybe_instant(said, "had moment"),
        issue_at=None,
        competencia=date.fromisoformat(fixed) if fixed else None,
        rule_version=1,
        origin="backfill" if backfill else "webhook",
        wish=cast("Wish | None", said["wish"].split()[0] if "wish" in said else None),
        day_choice="today" if said.get("wish") == "issue today" else None,
        wish_at=words.today(said) if "wish" in said else None,
        backfill=backfill,
        customer_id=CustomerId(9),
    )


def _status(nota: NotaWords) -> SaleStatus:
    return together([Part(share=Share(part=0, amount=nota.amount), status=nota.status)])


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
        raw_status=STATED_BY_PERSON if nota.stated else None,
    )
