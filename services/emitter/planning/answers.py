"""What the issuer answered about one nota, as what changes of it. Pure."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, assert_never
from zoneinfo import ZoneInfo

from msgspec import Struct

from services.emitter.planning.rows import Seal
from services.emitter.planning.waits import is_stuck, next_look_up, next_poll
from shared.crypto import columns
from shared.db.sales.notas_store import KnownNota, NotaUpdate
from shared.domain.attention import CANCELLED_ELSEWHERE, MISSING, SUBSTITUTION_DENIED
from shared.domain.cancellations import cancel_again_at
from shared.domain.competencia import MONTH_CLOSED
from shared.domain.denials import RESEND_GIVEN_UP, denial_group, gives_up, next_resend
from shared.domain.ids import IssuerNotaId
from shared.domain.nota import NEVER_ARRIVED, NotaStatus
from shared.domain.part_states import FOLLOWED
from shared.domain.refusals import KnownDenial
from shared.domain.sale import SaleStatus
from shared.domain.statement import CANCEL_STATED
from shared.issuer.interface import Finding, Phase, Snapshot
from shared.issuer.word import Believed, Ended, Ours, Stale, Tied, judge

FIRST_LOOK_UP = timedelta(0)  # at once, then the waits of ISSUER_LOOKUP_WAITS
STUCK: Final = "issuer_stuck"
ASK_AGAIN: Final = timedelta(seconds=2)  # their instants have whole seconds


class Shown(Struct, frozen=True, kw_only=True):
    """What a sale is though its notas do not say so."""

    status: SaleStatus
    code: str | None = None


class Answer(Struct, frozen=True, kw_only=True):
    """What is known after one question about one nota, and what is told of it.

    Without an update or a withdrawal nothing new was learnt of the nota.
    """

    asked: KnownNota  # as it was known when it was asked about
    update: NotaUpdate | None = None
    withdraw: bool = False  # the intent surely never reached the issuer
    shows: Shown | None = None
    attention: str | None = None
    due_at: datetime | None = None  # when to ask again, where the nota's own state does not say
    failed: bool = False
    read_again: bool = False  # the bill too, before the next try
    what: str | None = None  # a line of the timeline
    why: str = ""
    nota_read: bool = False  # the issuer has told where it is
    tells: bool = False  # its sale says something else, though the nota is as it was
    denied: KnownDenial | None = None  # why it was denied just now
    unknown: bytes | None = None  # the text of that, sealed to be kept among those nobody knows
    leaves_again: bool = False  # its request is to leave once this is written

    @property
    def learnt(self) -> bool:
        """Say whether the nota is another than before."""
        return self.update is not None or self.withdraw


class Reader(Struct, frozen=True, kw_only=True):
    """How a tenant's denials are read and kept."""

    classify: Callable[[str | None], KnownDenial]
    classify_cancel: Callable[[Snapshot], str]
    word: Callable[[str], bytes]  # a keyed hash of a normalised text
    seal: Seal
    zone: ZoneInfo


def since(nota: KnownNota, now: datetime) -> datetime:
    """When a nota, or its cancelling, was asked for."""
    cancelling = nota.status is NotaStatus.CANCELLING
    return (nota.cancel_sent_at or nota.changed_at if cancelling else nota.sent_at) or now


def accepted(nota: KnownNota, issuer_id: IssuerNotaId) -> Answer:
    """The issuer has it and is working on it."""
    update = _now(nota, NotaStatus.PENDING, issuer_id=issuer_id)
    return Answer(asked=nota, update=update, what="issuer_accepted")


def refused(
    nota: KnownNota, known: KnownDenial, findings: Sequence[Finding], reader: Reader, now: datetime
) -> Answer:
    """The issuer took nothing of it: a person or a rule has to change something."""
    text = _text(findings)
    resend_at = _resend_at(nota, known, reader, now)
    update = _now(
        nota,
        NotaStatus.DENIED,
        denial=known.denial,
        denial_cause=known.name,
        reason=_reason(nota, text, reader.seal),
        denial_group=denial_group(known.denial, text, reader.word),
        resend_at=resend_at,
    )
    return Answer(
        asked=nota,
        update=update,
        attention=_after_denial(nota, known, resend_at),
        due_at=now if nota.substitutes is not None else None,
        what="nota_denied" if nota.substitutes is None else SUBSTITUTION_DENIED,
        why=_denial_why(known.denial, resend_at, reader.zone),
        denied=known,
        unknown=_unknown(update, known, text, reader),
    )


def _after_denial(nota: KnownNota, known: KnownDenial, resend_at: datetime | None) -> str | None:
    """What a person is told beside the denial: the nota it was to take the place of stands."""
    if nota.substitutes is not None:
        return SUBSTITUTION_DENIED
    return RESEND_GIVEN_UP if gives_up(known, resend_at) else None


def answer_lost(nota: KnownNota, why: str, now: datetime) -> Answer:
    """It may have happened: the sale is uncertain until a look-up tells."""
    update = _now(nota, NotaStatus.UNCERTAIN, look_up_at=now + FIRST_LOOK_UP)
    return Answer(asked=nota, update=update, what="answer_lost", why=why)


def not_found(nota: KnownNota, waits: Sequence[timedelta], now: datetime) -> Answer | None:
    """Nothing under this id yet: look again later; None when it may be sent again."""
    lookups = nota.lookups + 1
    pause = next_look_up(waits, lookups)
    if pause is None:
        return None
    update = _now(nota, NotaStatus.UNCERTAIN, lookups=lookups, look_up_at=now + pause)
    why = f"consulta {lookups}: o emissor não tem esta nota"
    return Answer(asked=nota, update=update, what="looked_up", why=why)


def sent_again(nota: KnownNota) -> Answer:
    """Every look-up found nothing: the same request leaves once more, under the same id."""
    update = _now(nota, NotaStatus.SENDING)
    return Answer(
        asked=nota, update=update, what="sent_again", why=nota.external_id, leaves_again=True
    )


def cancel_remembered(nota: KnownNota, now: datetime) -> Answer:
    """It cannot be cancelled yet, being under way again: the wish is kept for when it is issued."""
    why = nota.then_cancel or "canceled_by_person"
    update = _now(nota, NotaStatus.PENDING, then_cancel=why)
    due_at = next_poll(now, now)
    return Answer(asked=nota, update=update, due_at=due_at, what="cancel_remembered")


def cancel_taken(nota: KnownNota, now: datetime) -> Answer:
    """The wish was taken. What is taken again and again, and not done, is told to a person."""
    asked_at = since(nota, now)
    due_at = next_poll(asked_at, now)
    if not is_stuck(asked_at, now):
        return ask_later(nota, due_at)
    return Answer(asked=nota, due_at=due_at, attention=STUCK, tells=True)


def cancel_not_sent(nota: KnownNota, due_at: datetime) -> Answer:
    """The wish surely never left: it is asked for then, without the wait of one that did."""
    update = _now(nota, NotaStatus.CANCELLING, cancel_unsent=True)
    return Answer(asked=nota, update=update, due_at=due_at)


def cancel_refused(
    nota: KnownNota, findings: Sequence[Finding], code: str, seal: Seal, now: datetime
) -> Answer:
    """The nota stays valid, a person is told, and what may work later is asked for again."""
    reason = _reason(nota, _text(findings), seal)
    update = _now(nota, NotaStatus.CANCEL_REFUSED, reason=reason, **_not_cancelled(nota, code, now))
    return Answer(asked=nota, update=update, what="cancel_refused", why=code)


def _not_cancelled(nota: KnownNota, code: str, now: datetime) -> dict[str, Any]:
    return {
        "cancel_code": code,
        "cancel_tries": nota.cancel_tries + 1,
        "cancel_again_at": cancel_again_at(code, nota.cancel_tries, now),
    }


def never_arrived(nota: KnownNota, code: str) -> Answer:
    """Every look-up found nothing and the nota is not wanted any more: it ends here."""
    return Answer(
        asked=nota,
        update=_now(nota, NotaStatus.CANCELLED, raw_status=NEVER_ARRIVED),
        shows=Shown(status=SaleStatus.SKIPPED, code=code),
        what=SaleStatus.SKIPPED.value,
        why=code,
    )


def month_locked(nota: KnownNota, now: datetime) -> Answer:
    """Every look-up found nothing, and no nota goes into its month any more: decided anew.

    Its row stays, so that it is sent under the same id if at all: it may have left, and be late.
    """
    update = _now(nota, NotaStatus.CANCELLED, raw_status=NEVER_ARRIVED)
    why = f"o emissor não tem esta nota, e o mês {nota.competencia:%m/%Y} está fechado"
    if nota.substitutes is not None:  # the one before it stands, and a person is told
        shows = Shown(status=SaleStatus.HELD, code=MONTH_CLOSED)
        return Answer(asked=nota, update=update, shows=shows, what="looked_up", why=why)
    queued = Shown(status=SaleStatus.QUEUED)
    return Answer(asked=nota, update=update, shows=queued, due_at=now, what="looked_up", why=why)


def not_sent(nota: KnownNota, due_at: datetime) -> Answer:
    """The request surely never left: the intent is taken back and the sale waits its turn."""
    queued = Shown(status=SaleStatus.QUEUED)
    return Answer(
        asked=nota, withdraw=True, shows=queued, due_at=due_at, failed=True, read_again=True
    )


def put_off(nota: KnownNota, due_at: datetime) -> Answer:
    """An outage began before the request left: it waits in the queue, and no try is counted."""
    queued = Shown(status=SaleStatus.QUEUED)
    return Answer(asked=nota, withdraw=True, shows=queued, due_at=due_at)


def busy(nota: KnownNota, due_at: datetime, waits: Sequence[timedelta]) -> Answer:
    """The issuer took nothing for now. One look-up goes before the next request, waits do not."""
    update = _now(nota, NotaStatus.SENDING, lookups=len(waits), look_up_at=due_at)
    return Answer(asked=nota, update=update, shows=Shown(status=SaleStatus.QUEUED))


def blocked(nota: KnownNota, code: str) -> Answer:
    """The issuer refuses the key or the company: the sale is held until a person acts."""
    held = Shown(status=SaleStatus.HELD, code=code)
    return Answer(asked=nota, withdraw=True, shows=held, what=SaleStatus.HELD.value, why=code)


def ask_later(nota: KnownNota, due_at: datetime, *, failed: bool = False) -> Answer:
    """The issuer could not be asked where the nota is: nothing changes but the next try."""
    return Answer(asked=nota, due_at=due_at, failed=failed)


def seen(nota: KnownNota, snapshot: Snapshot, *, reader: Reader, now: datetime) -> Answer:
    """The issuer said where the nota is: the sale goes along, unless we know better."""
    verdict = judge(ours_of(nota), snapshot)
    match verdict:
        case Stale():
            return _stale(nota, now)
        case Tied(raw_status=raw_status):
            update = _as_it_is(nota, tied=raw_status)
            return Answer(asked=nota, update=update, due_at=now + ASK_AGAIN)
        case Believed(status=status) if status is nota.status and status not in FOLLOWED:
            return _unmoved(nota, snapshot)
        case Believed(status=status):
            return _moved(nota, snapshot, status, reader=reader, now=now)
        case _:
            assert_never(verdict)


def ours_of(nota: KnownNota) -> Ours:
    """What our row says of a nota, to be held against the issuer's word."""
    return Ours(
        status=nota.status,
        changed_at=nota.changed_at,
        resent_at=nota.sent_at if nota.sends > 1 else None,
        wants_cancel=nota.then_cancel is not None,
        tied=nota.tied,
        ended=_ended(nota),
    )


def _ended(nota: KnownNota) -> Ended | None:
    if nota.status is not NotaStatus.CANCELLED:
        return None
    if nota.raw_status == NEVER_ARRIVED:
        return "never_arrived"
    return "stated" if nota.raw_status == CANCEL_STATED else "by_issuer"


def _stale(nota: KnownNota, now: datetime) -> Answer:
    """An answer from before what we know. Of what rests the nightly list is the net."""
    if nota.status in FOLLOWED:
        return ask_later(nota, next_poll(since(nota, now), now))
    return Answer(asked=nota, nota_read=True)


def missing(nota: KnownNota) -> Answer:
    """The issuer says that it has no such nota, which we know it had: a person is told."""
    if nota.raw_status == NEVER_ARRIVED:
        return Answer(asked=nota, nota_read=True)
    return Answer(
        asked=nota, attention=MISSING, what="attention", why=MISSING, nota_read=True, tells=True
    )


def _unmoved(nota: KnownNota, snapshot: Snapshot) -> Answer:
    """Nothing new about where it is; of a valid one the number or the PDF may be."""
    if nota.status is not NotaStatus.ISSUED:
        return Answer(asked=nota, nota_read=True)
    return Answer(asked=nota, update=_told_by(nota, snapshot, nota.status), nota_read=True)


def _moved(
    nota: KnownNota, snapshot: Snapshot, status: NotaStatus, *, reader: Reader, now: datetime
) -> Answer:
    known = reader.classify(snapshot.reason) if status is NotaStatus.DENIED else None
    denial = None if known is None else known.denial
    resend_at = _resend_at(nota, known, reader, now) if known else None
    refused = reader.classify_cancel(snapshot) if status is NotaStatus.CANCEL_REFUSED else None
    elsewhere = status is NotaStatus.CANCELLED and nota.then_cancel is None
    changes = _not_cancelled(nota, refused, now) if refused else {}
    update = _told_by(
        nota,
        snapshot,
        status,
        denial=denial,
        denial_cause=None if known is None else known.name,
        reason=_reason(nota, snapshot.reason, reader.seal) if snapshot.reason else None,
        denial_group=denial_group(denial, snapshot.reason, reader.word) if denial else None,
        resend_at=resend_at,
        then_cancel=CANCELLED_ELSEWHERE if elsewhere else None,
        **changes,
    )
    told = _after_denial(nota, known, resend_at) if known is not None else None
    odd = CANCELLED_ELSEWHERE if elsewhere else _oddity(nota, status, snapshot.phase, now)
    rested = nota.status not in FOLLOWED
    stands_again = nota.substitutes is not None and denial is not None
    return Answer(
        asked=nota,
        update=update,
        attention=told or odd,
        # What rested and is valid now may be unwanted by now: it is decided about. So is what
        # stands though another was to take its place.
        due_at=now if stands_again or (rested and status is NotaStatus.ISSUED) else None,
        what=SUBSTITUTION_DENIED if stands_again else _what(nota, status),
        why=_denial_why(denial, resend_at, reader.zone)
        if denial
        else refused or _number(status, snapshot),
        nota_read=True,
        denied=known,
        unknown=_unknown(update, known, snapshot.reason, reader),
    )


def _what(nota: KnownNota, status: NotaStatus) -> str | None:
    if nota.raw_status == NEVER_ARRIVED:
        return "nota_arrived_late"
    return None if status is nota.status else _WHAT.get(status)


def _told_by(nota: KnownNota, snapshot: Snapshot, status: NotaStatus, **changes: Any) -> NotaUpdate:
    return _now(
        nota,
        status,
        issuer_id=snapshot.issuer_id,
        raw_status=snapshot.raw_status,
        number=snapshot.number,
        verification_code=snapshot.verification_code,
        has_pdf=snapshot.has_pdf,
        has_xml=snapshot.has_xml,
        changed_at=snapshot.changed_at,
        **changes,
    )


def _as_it_is(nota: KnownNota, **changes: Any) -> NotaUpdate:
    return _now(
        nota,
        nota.status,
        denial=nota.denial,
        denial_cause=nota.denial_cause,
        resend_at=nota.resend_at,
        lookups=nota.lookups,
        look_up_at=nota.look_up_at,
        cancel_again_at=nota.cancel_again_at,
        **changes,
    )


def _number(status: NotaStatus, snapshot: Snapshot) -> str:
    issued = status is NotaStatus.ISSUED and snapshot.number
    return f"número {snapshot.number}" if issued else ""


_WHAT = {
    NotaStatus.PENDING: "issuer_accepted",
    NotaStatus.ISSUED: "nota_issued",
    NotaStatus.DENIED: "nota_denied",
    NotaStatus.CANCELLING: "cancelling",
    NotaStatus.CANCELLED: "nota_cancelled",
    NotaStatus.CANCEL_REFUSED: "cancel_refused",
}


def _now(nota: KnownNota, status: NotaStatus, **changes: Any) -> NotaUpdate:
    return NotaUpdate(
        bill_id=nota.bill_id,
        part=nota.part,
        revision=nota.revision,
        status=status,
        **changes,
    )


def _reason(nota: KnownNota, text: str, seal: Seal) -> bytes:
    return seal(columns.REASON, text.encode(), nota.bill_id, nota.part, nota.revision)


def _unknown(
    update: NotaUpdate, known: KnownDenial | None, text: str | None, reader: Reader
) -> bytes | None:
    if known is None or known.in_catalogue or not text:
        return None
    return reader.seal(columns.UNKNOWN_DENIAL, text.encode(), update.cause)


def _text(findings: Sequence[Finding]) -> str:
    return "; ".join(f"{finding.code} {finding.message}".strip() for finding in findings)


def _resend_at(
    nota: KnownNota, known: KnownDenial, reader: Reader, now: datetime
) -> datetime | None:
    if nota.substitutes is not None:  # the one before it stands: a person asks again
        return None
    if not known.resends:
        return None
    return next_resend(known.denial, nota.auto_sends, now, nota.competencia, now, reader.zone)


def _denial_why(code: str, resend_at: datetime | None, zone: ZoneInfo) -> str:
    if resend_at is None:
        return code
    return f"{code}; reenvio automático em {resend_at.astimezone(zone):%d/%m/%Y às %H:%M}"


def _oddity(nota: KnownNota, status: NotaStatus, phase: Phase, now: datetime) -> str | None:
    """What is odd about a nota that is under way."""
    if status not in (NotaStatus.PENDING, NotaStatus.CANCELLING):
        return None
    if is_stuck(since(nota, now), now):
        return STUCK
    return "issuer_status_unknown" if phase is Phase.UNKNOWN_STATUS else None
