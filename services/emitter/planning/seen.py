"""What the issuer showed of a nota, as what changes of it. Pure."""

from datetime import datetime
from typing import Any, assert_never

from msgspec.structs import replace

from services.emitter.planning.answers import (
    STUCK,
    Answer,
    as_before,
    as_it_is,
    not_cancelled,
    not_shown,
    updated,
)
from services.emitter.planning.denied import (
    Reader,
    after_denial,
    denial_why,
    reason_of,
    resend_at_of,
    unknown_of,
)
from services.emitter.planning.looks import said_again_at, since, tied_for
from services.emitter.planning.waits import is_stuck
from shared.db.sales.notas_store import KnownNota, NotaUpdate
from shared.domain.attention import CANCELLED_ELSEWHERE, SUBSTITUTION_DENIED
from shared.domain.denials import denial_group
from shared.domain.nota import NEVER_ARRIVED, NotaStatus
from shared.domain.part_states import DOUBT, FOLLOWED
from shared.domain.statement import CANCEL_STATED
from shared.issuer.interface import Phase, Snapshot
from shared.issuer.word import Believed, Ended, Ours, Stale, Tied, judge


def seen(
    nota: KnownNota, snapshot: Snapshot, *, reader: Reader, now: datetime, news: bool = False
) -> Answer:
    """The issuer said where the nota is: the sale goes along, unless we know better.

    `news`: something was heard of it that no look has covered yet.
    """
    verdict = judge(ours_of(nota, now), snapshot)
    match verdict:
        case Stale():
            return _stale(nota, snapshot, now, news=news)
        case Tied(raw_status=raw_status):
            return _said_again(nota, raw_status, now)
        case Believed(status=status) if status is nota.status and status not in FOLLOWED:
            return _unmoved(nota, snapshot, now, news=news)
        case Believed(status=status, older=older):
            moved = _moved(nota, snapshot, status, reader=reader, now=now)
            return _of_its_time(moved, older, now if news and status in FOLLOWED else None)
        case _:
            assert_never(verdict)


def _said_again(nota: KnownNota, raw_status: str, now: datetime) -> Answer:
    """A word that is no newer than ours is asked for again, until it is settled."""
    due_at = said_again_at(nota, now)
    update = as_it_is(nota, tied=raw_status)
    if nota.status in DOUBT:  # its next look-up is this one
        update = replace(update, look_up_at=due_at)
    return Answer(asked=nota, update=update, due_at=due_at)


def _of_its_time(moved: Answer, older: str | None, news_at: datetime | None) -> Answer:
    """It with the instant that counts from now on, where what was said bears one before ours."""
    if moved.update is None:
        return moved
    explained = moved.update.status not in FOLLOWED
    update = replace(moved.update, news_at=news_at, explained=explained, older=older == "taken")
    if older == "kept":
        update = replace(update, changed_at=None)
    return replace(moved, update=update)


def ours_of(nota: KnownNota, now: datetime) -> Ours:
    """What our row says of a nota, to be held against the issuer's word."""
    return Ours(
        status=nota.status,
        changed_at=nota.changed_at,
        resent_at=nota.sent_at if nota.sends > 1 else None,
        wants_cancel=nota.then_cancel is not None,
        tied=nota.tied,
        tied_for=tied_for(nota, now),
        ended=_ended(nota),
    )


def _ended(nota: KnownNota) -> Ended | None:
    if nota.status is not NotaStatus.CANCELLED:
        return None
    if nota.raw_status == NEVER_ARRIVED:
        return "never_arrived"
    return "stated" if nota.raw_status == CANCEL_STATED else "by_issuer"


def _stale(nota: KnownNota, snapshot: Snapshot, now: datetime, *, news: bool) -> Answer:
    """An answer from before what we know."""
    if nota.status in FOLLOWED:
        return not_shown(nota, now, news=news)
    if nota.status is NotaStatus.ISSUED and snapshot.phase is Phase.ISSUED:
        # What it lacked it has now, whenever that was; nothing is taken away again.
        adds = snapshot.has_pdf and not nota.has_pdf
        shown = replace(snapshot, changed_at=None) if adds else None
        return _unmoved(nota, shown, now, news=news)
    return as_before(nota, news=news)


def _unmoved(nota: KnownNota, snapshot: Snapshot | None, now: datetime, *, news: bool) -> Answer:
    """Nothing new about where it is; of a valid one the number or the PDF may be."""
    explained = snapshot is not None and _says_more(nota, snapshot)
    if nota.status is not NotaStatus.ISSUED or snapshot is None:
        return as_before(nota, news=news and not explained)
    lacks_pdf = not nota.has_pdf and not snapshot.has_pdf
    news_at = now if news and (lacks_pdf or not explained) else None
    update = replace(_told_by(nota, snapshot, nota.status), news_at=news_at)
    return Answer(asked=nota, update=update, nota_read=True)


def _says_more(nota: KnownNota, snapshot: Snapshot) -> bool:
    """Whether what is shown of a nota where we know it explains news: it is newer, or more."""
    if snapshot.has_pdf and not nota.has_pdf:
        return True
    if nota.changed_at is None or snapshot.changed_at is None:
        return False
    return snapshot.changed_at > nota.changed_at


def _moved(
    nota: KnownNota, snapshot: Snapshot, status: NotaStatus, *, reader: Reader, now: datetime
) -> Answer:
    known = reader.classify(snapshot.reason) if status is NotaStatus.DENIED else None
    denial = None if known is None else known.denial
    resend_at = resend_at_of(nota, known, reader, now) if known else None
    refused = reader.classify_cancel(snapshot) if status is NotaStatus.CANCEL_REFUSED else None
    elsewhere = status is NotaStatus.CANCELLED and nota.then_cancel is None
    changes = not_cancelled(nota, refused, now) if refused else {}
    update = _told_by(
        nota,
        snapshot,
        status,
        denial=denial,
        denial_cause=None if known is None else known.name,
        reason=reason_of(nota, snapshot.reason, reader.seal) if snapshot.reason else None,
        denial_group=denial_group(denial, snapshot.reason, reader.word) if denial else None,
        resend_at=resend_at,
        then_cancel=CANCELLED_ELSEWHERE if elsewhere else None,
        **changes,
    )
    told = after_denial(nota, known, resend_at) if known is not None else None
    odd = CANCELLED_ELSEWHERE if elsewhere else _oddity(nota, status, snapshot.phase, now)
    back = nota.status not in FOLLOWED or nota.status is NotaStatus.CANCELLING
    stands_again = nota.substitutes is not None and denial is not None
    return Answer(
        asked=nota,
        update=update,
        attention=told or odd,
        # What rested, or was being cancelled, and is valid now may be unwanted by now: it is
        # decided about. So is what stands though another was to take its place.
        due_at=now if stands_again or (back and status is NotaStatus.ISSUED) else None,
        what=SUBSTITUTION_DENIED if stands_again else _what(nota, status),
        why=denial_why(denial, resend_at, reader.zone)
        if denial
        else refused or _number(status, snapshot),
        nota_read=True,
        denied=known,
        unknown=unknown_of(update, known, snapshot.reason, reader),
    )


def _what(nota: KnownNota, status: NotaStatus) -> str | None:
    if nota.raw_status == NEVER_ARRIVED:
        return "nota_arrived_late"
    return None if status is nota.status else _WHAT.get(status)


def _told_by(nota: KnownNota, snapshot: Snapshot, status: NotaStatus, **changes: Any) -> NotaUpdate:
    return updated(
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


def _oddity(nota: KnownNota, status: NotaStatus, phase: Phase, now: datetime) -> str | None:
    """What is odd about a nota that is under way."""
    if status not in (NotaStatus.PENDING, NotaStatus.CANCELLING):
        return None
    if is_stuck(since(nota, now), now):
        return STUCK
    return "issuer_status_unknown" if phase is Phase.UNKNOWN_STATUS else None
