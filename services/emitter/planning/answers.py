"""What the issuer answered, as the rows it becomes. Pure: nothing is read or written here."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from services.emitter.planning.plan import ENDING, STATUS_OF_NOTA
from services.emitter.planning.rows import Seal
from services.emitter.planning.waits import back_off, is_stuck, next_look_up, next_poll
from services.emitter.work import Plan, happened, settle
from shared.db.outbox.outbox_store import Entry
from shared.db.sales.notas_store import KnownNota, NotaUpdate
from shared.db.sales.sales_store import Progress
from shared.domain.denials import RESEND_GIVEN_UP, denial_group, gives_up, next_resend
from shared.domain.ids import IssuerNotaId
from shared.domain.nota import NotaStatus
from shared.domain.sale import SaleStatus
from shared.issuer.interface import Finding, Phase, Snapshot

FIRST_LOOK_UP = timedelta(0)  # at once, then the waits of ISSUER_LOOKUP_WAITS


class Sent(Struct, frozen=True, kw_only=True):
    """Which nota an answer is about: what is known of it after its intent was written."""

    entry: Entry
    part: int = 0
    revision: int
    status: NotaStatus
    since: datetime  # when it, or its cancelling, was asked for
    competencia: date
    auto_sends: int = 0
    then_cancel: str | None = None
    changed_at: datetime | None = None
    bill_read: bool = True


class Reader(Struct, frozen=True, kw_only=True):
    """How a tenant's denials are read and kept."""

    classify: Callable[[str | None], str]
    word: Callable[[str], bytes]  # a keyed hash of a normalised text
    seal: Seal
    zone: ZoneInfo


def about(entry: Entry, nota: KnownNota, now: datetime, *, bill_read: bool) -> Sent:
    """The nota of an entry, as known before asking."""
    cancelling = nota.status is NotaStatus.CANCELLING
    since = nota.cancel_sent_at if cancelling else nota.sent_at
    return Sent(
        entry=entry,
        part=nota.part,
        revision=nota.revision,
        status=nota.status,
        since=since or now,
        competencia=nota.competencia,
        auto_sends=nota.auto_sends,
        then_cancel=nota.then_cancel,
        changed_at=nota.changed_at,
        bill_read=bill_read,
    )


def accepted(sent: Sent, issuer_id: IssuerNotaId, now: datetime) -> Plan:
    """The issuer has it and is working on it."""
    return _moved(
        sent,
        NotaUpdate(
            bill_id=sent.entry.bill_id,
            part=sent.part,
            revision=sent.revision,
            status=NotaStatus.PENDING,
            issuer_id=issuer_id,
        ),
        due_at=next_poll(sent.since, now),
        what="issuer_accepted",
    )


def refused(
    sent: Sent, code: str, findings: Sequence[Finding], reader: Reader, now: datetime
) -> Plan:
    """The issuer took nothing of it: a person or a rule has to change something."""
    text = "; ".join(f"{finding.code} {finding.message}".strip() for finding in findings)
    resend_at = _resend_at(sent, code, reader, now)
    return _moved(
        sent,
        NotaUpdate(
            bill_id=sent.entry.bill_id,
            part=sent.part,
            revision=sent.revision,
            status=NotaStatus.DENIED,
            denial=code,
            reason=reader.seal(text.encode(), "reason"),
            denial_group=denial_group(code, text, reader.word),
            resend_at=resend_at,
        ),
        due_at=resend_at,
        what="nota_denied",
        why=_denial_why(code, resend_at, reader.zone),
        code=code,
        attention=RESEND_GIVEN_UP if gives_up(code, resend_at) else None,
    )


def _resend_at(sent: Sent, code: str, reader: Reader, now: datetime) -> datetime | None:
    return next_resend(code, sent.auto_sends, now, sent.competencia, now, reader.zone)


def _denial_why(code: str, resend_at: datetime | None, zone: ZoneInfo) -> str:
    if resend_at is None:
        return code
    return f"{code}; reenvio automático em {resend_at.astimezone(zone):%d/%m/%Y às %H:%M}"


def answer_lost(sent: Sent, why: str, now: datetime) -> Plan:
    """It may have happened: the sale is uncertain until a look-up tells."""
    return _moved(
        sent,
        NotaUpdate(
            bill_id=sent.entry.bill_id,
            part=sent.part,
            revision=sent.revision,
            status=NotaStatus.UNCERTAIN,
            look_up_at=now + FIRST_LOOK_UP,
        ),
        due_at=now + FIRST_LOOK_UP,
        what="answer_lost",
        why=why,
    )


def not_found(sent: Sent, lookups: int, waits: Sequence[timedelta], now: datetime) -> Plan | None:
    """Nothing under this id yet: look again later; None when it may be sent again."""
    pause = next_look_up(waits, lookups)
    if pause is None:
        return None
    return _moved(
        sent,
        NotaUpdate(
            bill_id=sent.entry.bill_id,
            part=sent.part,
            revision=sent.revision,
            status=NotaStatus.UNCERTAIN,
            lookups=lookups,
            look_up_at=now + pause,
        ),
        due_at=now + pause,
        what="looked_up",
        why=f"consulta {lookups}: o emissor não tem esta nota",
    )


def cancel_remembered(sent: Sent, now: datetime) -> Plan:
    """It cannot be cancelled yet, being under way again: the wish is kept for when it is issued."""
    return _moved(
        sent,
        NotaUpdate(
            bill_id=sent.entry.bill_id,
            part=sent.part,
            revision=sent.revision,
            status=NotaStatus.PENDING,
            then_cancel=sent.then_cancel or "canceled_by_person",
        ),
        due_at=next_poll(now, now),
        what="cancel_remembered",
    )


def cancel_refused(sent: Sent, findings: Sequence[Finding], seal: Seal) -> Plan:
    """The nota stays valid, and a person is told."""
    text = "; ".join(f"{finding.code} {finding.message}".strip() for finding in findings)
    return _moved(
        sent,
        NotaUpdate(
            bill_id=sent.entry.bill_id,
            part=sent.part,
            revision=sent.revision,
            status=NotaStatus.CANCEL_REFUSED,
            reason=seal(text.encode(), "reason"),
        ),
        due_at=None,
        what="cancel_refused",
        attention="cancel_refused",
    )


def never_arrived(sent: Sent, code: str) -> Plan:
    """Every look-up found nothing and the nota is not wanted any more: it ends here."""
    return Plan(
        entry=sent.entry,
        nota=NotaUpdate(
            bill_id=sent.entry.bill_id,
            part=sent.part,
            revision=sent.revision,
            status=NotaStatus.CANCELLED,
            raw_status="never_arrived",
        ),
        progress=Progress(bill_id=sent.entry.bill_id, status=SaleStatus.SKIPPED, code=code),
        happenings=(happened(sent.entry, SaleStatus.SKIPPED.value, code),),
        settlement=settle(sent.entry, due_at=None, bill_read=sent.bill_read),
    )


def not_sent(sent: Sent, due_at: datetime) -> Plan:
    """The request surely never left: the intent is taken back and the sale waits its turn."""
    return Plan(
        entry=sent.entry,
        withdraw=True,
        part=sent.part,
        progress=Progress(bill_id=sent.entry.bill_id, status=SaleStatus.QUEUED),
        settlement=settle(sent.entry, due_at=due_at, failed=True),
    )


def put_off(sent: Sent, due_at: datetime) -> Plan:
    """An outage began before the request left: it waits in the queue, and no try is counted."""
    return Plan(
        entry=sent.entry,
        withdraw=True,
        part=sent.part,
        progress=Progress(bill_id=sent.entry.bill_id, status=SaleStatus.QUEUED),
        settlement=settle(sent.entry, due_at=due_at, bill_read=sent.bill_read),
    )


def busy(sent: Sent, due_at: datetime, waits: Sequence[timedelta]) -> Plan:
    """The issuer took nothing for now. One look-up goes before the next request, waits do not."""
    return Plan(
        entry=sent.entry,
        nota=NotaUpdate(
            bill_id=sent.entry.bill_id,
            part=sent.part,
            revision=sent.revision,
            status=NotaStatus.SENDING,
            lookups=len(waits),
            look_up_at=due_at,
        ),
        progress=Progress(bill_id=sent.entry.bill_id, status=SaleStatus.QUEUED),
        settlement=settle(sent.entry, due_at=due_at, bill_read=sent.bill_read),
    )


def blocked(sent: Sent, code: str) -> Plan:
    """The issuer refuses the key or the company: the sale is held until a person acts."""
    return Plan(
        entry=sent.entry,
        withdraw=True,
        part=sent.part,
        progress=Progress(bill_id=sent.entry.bill_id, status=SaleStatus.HELD, code=code),
        happenings=(happened(sent.entry, SaleStatus.HELD.value, code),),
        settlement=settle(sent.entry, due_at=None, bill_read=sent.bill_read),
    )


def ask_later(sent: Sent, now: datetime, *, due_at: datetime | None = None) -> Plan:
    """The issuer could not be asked where the nota is: nothing changes but the next try."""
    later = due_at or back_off(sent.entry.tries + 1, now)
    return Plan(
        entry=sent.entry,
        settlement=settle(
            sent.entry, due_at=later, failed=due_at is None, bill_read=sent.bill_read
        ),
    )


def seen(
    sent: Sent,
    snapshot: Snapshot,
    *,
    reader: Reader,
    now: datetime,
) -> Plan:
    """The issuer said where the nota is: the sale goes along."""
    status = _status_of(sent, snapshot.phase)
    denial = reader.classify(snapshot.reason) if status is NotaStatus.DENIED else None
    resend_at = _resend_at(sent, denial, reader, now) if denial else None
    update = NotaUpdate(
        bill_id=sent.entry.bill_id,
        part=sent.part,
        revision=sent.revision,
        status=status,
        issuer_id=snapshot.issuer_id,
        raw_status=snapshot.raw_status,
        number=snapshot.number,
        verification_code=snapshot.verification_code,
        has_pdf=snapshot.has_pdf,
        has_xml=snapshot.has_xml,
        denial=denial,
        reason=reader.seal(snapshot.reason.encode(), "reason") if snapshot.reason else None,
        denial_group=denial_group(denial, snapshot.reason, reader.word) if denial else None,
        resend_at=resend_at,
        changed_at=snapshot.changed_at,
    )
    due_at, attention = _next_step(sent, status, snapshot.phase, now)
    if denial is not None and gives_up(denial, resend_at):
        attention = RESEND_GIVEN_UP
    return _moved(
        sent,
        update,
        due_at=resend_at or due_at,
        what=None if status is sent.status else _WHAT.get(status),
        why=_denial_why(denial, resend_at, reader.zone) if denial else "",
        code=denial,
        attention=attention,
    )


_MADE = frozenset({NotaStatus.PENDING, NotaStatus.ISSUED, NotaStatus.DENIED})
_WHAT = {
    NotaStatus.PENDING: "issuer_accepted",
    NotaStatus.ISSUED: "nota_issued",
    NotaStatus.DENIED: "nota_denied",
    NotaStatus.CANCELLING: "cancelling",
    NotaStatus.CANCELLED: "nota_cancelled",
    NotaStatus.CANCEL_REFUSED: "cancel_refused",
}


def _status_of(sent: Sent, phase: Phase) -> NotaStatus:
    if phase is Phase.UNKNOWN_STATUS:
        # A word we do not know moves nothing, but it proves that the issuer has the nota.
        in_doubt = sent.status in (NotaStatus.SENDING, NotaStatus.UNCERTAIN)
        return NotaStatus.PENDING if in_doubt else sent.status
    if phase is Phase.ISSUED and sent.status is NotaStatus.CANCELLING:
        return NotaStatus.CANCELLING  # the wish was taken, the city has not heard of it yet
    return NotaStatus(phase.value)


def _next_step(
    sent: Sent, status: NotaStatus, phase: Phase, now: datetime
) -> tuple[datetime | None, str | None]:
    match status:
        case NotaStatus.PENDING | NotaStatus.CANCELLING:
            odd = "issuer_status_unknown" if phase is Phase.UNKNOWN_STATUS else None
            stuck = "issuer_stuck" if is_stuck(sent.since, now) else odd
            return next_poll(sent.since, now), stuck
        case NotaStatus.ISSUED if sent.then_cancel is not None:
            return now, None  # it became unwanted on the way: decide about cancelling it now
        case NotaStatus.CANCEL_REFUSED:
            return None, "cancel_refused"
        case _:
            return None, None


def _moved(
    sent: Sent,
    update: NotaUpdate,
    *,
    due_at: datetime | None,
    what: str | None,
    why: str = "",
    code: str | None = None,
    attention: str | None = None,
) -> Plan:
    told = (happened(sent.entry, what, why),) if what else ()
    cause = sent.then_cancel if update.status in ENDING else None
    return Plan(
        entry=sent.entry,
        nota=update,
        progress=Progress(
            bill_id=sent.entry.bill_id,
            status=STATUS_OF_NOTA[update.status],
            code=code or cause,
            attention=attention or code,
            nota_made=update.status in _MADE,
        ),
        happenings=told,
        settlement=settle(sent.entry, due_at=due_at, bill_read=sent.bill_read),
    )
