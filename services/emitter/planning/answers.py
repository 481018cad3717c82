"""What the issuer answered about one nota, as what changes of it. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from services.emitter.planning.denied import (
    Reader,
    after_denial,
    denial_why,
    reason_of,
    resend_at_of,
    text_of,
    unknown_of,
)
from services.emitter.planning.looks import asks_why, next_look, polled_at, since
from services.emitter.planning.rows import Seal
from services.emitter.planning.waits import is_stuck, next_look_up, next_poll
from shared.db.sales.notas_store import KnownNota, NotaUpdate
from shared.domain.attention import MISSING, SUBSTITUTION_DENIED
from shared.domain.cancellations import cancel_again_at
from shared.domain.competencia import MONTH_CLOSED
from shared.domain.denials import denial_group
from shared.domain.ids import IssuerNotaId
from shared.domain.nota import NEVER_ARRIVED, NotaStatus
from shared.domain.refusals import NUMBERING, KnownDenial
from shared.domain.sale import SaleStatus
from shared.issuer.interface import Finding

FIRST_LOOK_UP = timedelta(0)  # at once, then the waits of ISSUER_LOOKUP_WAITS
STUCK: Final = "issuer_stuck"


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
    unexplained: bool = False  # there was news of it, at rest, and the issuer shows none

    @property
    def moved(self) -> bool:
        """Say whether the nota is elsewhere than before."""
        return self.withdraw or (
            self.update is not None and self.update.status is not self.asked.status
        )

    @property
    def learnt(self) -> bool:
        """Say whether the nota is another than before."""
        return self.update is not None or self.withdraw


def accepted(nota: KnownNota, issuer_id: IssuerNotaId) -> Answer:
    """The issuer has it and is working on it."""
    update = updated(nota, NotaStatus.PENDING, issuer_id=issuer_id)
    return Answer(asked=nota, update=update, what="issuer_accepted")


def refused(
    nota: KnownNota, known: KnownDenial, findings: Sequence[Finding], reader: Reader, now: datetime
) -> Answer:
    """The issuer took nothing of it: a person or a rule has to change something.

    Where it says that there is such a nota, and shows none, it may be ours and show itself late: it
    is asked about for a while, as after news.
    """
    text = text_of(findings)
    resend_at = resend_at_of(nota, known, reader, now)
    update = updated(
        nota,
        NotaStatus.DENIED,
        denial=known.denial,
        denial_cause=known.name,
        reason=reason_of(nota, text, reader.seal),
        denial_group=denial_group(known.denial, text, reader.word),
        resend_at=resend_at,
        news_at=now if known.denial == NUMBERING else None,
    )
    return Answer(
        asked=nota,
        update=update,
        attention=after_denial(nota, known, resend_at),
        due_at=now if nota.substitutes is not None else None,
        what="nota_denied" if nota.substitutes is None else SUBSTITUTION_DENIED,
        why=denial_why(known.denial, resend_at, reader.zone),
        denied=known,
        unknown=unknown_of(update, known, text, reader),
    )


def answer_lost(nota: KnownNota, why: str, now: datetime) -> Answer:
    """It may have happened: the sale is uncertain until a look-up tells."""
    update = updated(nota, NotaStatus.UNCERTAIN, look_up_at=now + FIRST_LOOK_UP)
    return Answer(asked=nota, update=update, what="answer_lost", why=why)


def not_found(nota: KnownNota, waits: Sequence[timedelta], now: datetime) -> Answer | None:
    """Nothing under this id yet: look again later; None when it may be sent again."""
    lookups = nota.lookups + 1
    pause = next_look_up(waits, lookups)
    if pause is None:
        return None
    update = updated(nota, NotaStatus.UNCERTAIN, lookups=lookups, look_up_at=now + pause)
    why = f"consulta {lookups}: o emissor não tem esta nota"
    return Answer(asked=nota, update=update, what="looked_up", why=why)


def sent_again(nota: KnownNota) -> Answer:
    """Every look-up found nothing: the same request leaves once more, under the same id."""
    update = updated(nota, NotaStatus.SENDING)
    return Answer(
        asked=nota, update=update, what="sent_again", why=nota.external_id, leaves_again=True
    )


def cancel_remembered(nota: KnownNota, now: datetime) -> Answer:
    """It cannot be cancelled yet, being under way again: the wish is kept for when it is issued."""
    why = nota.then_cancel or "canceled_by_person"
    update = updated(nota, NotaStatus.PENDING, then_cancel=why)
    due_at = next_poll(now, now)
    return Answer(asked=nota, update=update, due_at=due_at, what="cancel_remembered")


def may_be_cancelled(nota: KnownNota) -> Answer:
    """Its cancelling is to leave now: after it waited for its turn, or long after it left first."""
    return Answer(asked=nota, leaves_again=True)


def cancel_taken(nota: KnownNota, now: datetime) -> Answer:
    """The wish was taken. What is taken again and again, and not done, is told to a person."""
    return _later_or_stuck(nota, polled_at(nota, now), now)


def _later_or_stuck(nota: KnownNota, due_at: datetime, now: datetime) -> Answer:
    if not is_stuck(since(nota, now), now):
        return ask_later(nota, due_at)
    return Answer(asked=nota, due_at=due_at, attention=STUCK, tells=True)


def cancel_not_sent(nota: KnownNota, due_at: datetime, *, failed: bool = False) -> Answer:
    """The wish surely never left: it is asked for then, without the wait of one that did."""
    update = updated(nota, NotaStatus.CANCELLING, cancel_unsent=True)
    return Answer(asked=nota, update=update, due_at=due_at, failed=failed)


def cancel_refused(
    nota: KnownNota, findings: Sequence[Finding], code: str, seal: Seal, now: datetime
) -> Answer:
    """The nota stays valid, a person is told, and what may work later is asked for again."""
    reason = reason_of(nota, text_of(findings), seal)
    update = updated(
        nota, NotaStatus.CANCEL_REFUSED, reason=reason, **not_cancelled(nota, code, now)
    )
    return Answer(asked=nota, update=update, what="cancel_refused", why=code)


def not_cancelled(nota: KnownNota, code: str, now: datetime) -> dict[str, Any]:
    """What changes of a nota whose cancelling was refused, beside its status."""
    return {
        "cancel_code": code,
        "cancel_tries": nota.cancel_tries + 1,
        "cancel_again_at": cancel_again_at(code, nota.cancel_tries, now),
    }


def never_arrived(nota: KnownNota, code: str, now: datetime) -> Answer:
    """Every look-up found nothing and the nota is not wanted any more: it ends here.

    It may be late, and its webhook lost: it is asked about for a while, as after news.
    """
    return Answer(
        asked=nota,
        update=updated(nota, NotaStatus.CANCELLED, raw_status=NEVER_ARRIVED, news_at=now),
        shows=Shown(status=SaleStatus.SKIPPED, code=code),
        what=SaleStatus.SKIPPED.value,
        why=code,
    )


def month_locked(nota: KnownNota, now: datetime) -> Answer:
    """Every look-up found nothing, and no nota goes into its month any more: decided anew.

    Its row stays, so that it is sent under the same id if at all: it may have left, and be late.
    """
    why = f"o emissor não tem esta nota, e o mês {nota.competencia:%m/%Y} está fechado"
    if nota.substitutes is not None:  # the one before it stands, and a person is told
        update = updated(nota, NotaStatus.CANCELLED, raw_status=NEVER_ARRIVED, news_at=now)
        shows = Shown(status=SaleStatus.HELD, code=MONTH_CLOSED)
        return Answer(asked=nota, update=update, shows=shows, what="looked_up", why=why)
    return _decided_anew(nota, why, now)


def bill_moved_on(nota: KnownNota, now: datetime) -> Answer:
    """Every look-up found nothing, and its bill is not as it was when it was asked for.

    It was refunded in part, or changed, or its payment is undone: nothing of that was known then.
    """
    return _decided_anew(nota, "o emissor não tem esta nota, e a fatura mudou desde o pedido", now)


def _decided_anew(nota: KnownNota, why: str, now: datetime) -> Answer:
    update = updated(nota, NotaStatus.CANCELLED, raw_status=NEVER_ARRIVED, news_at=now)
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
    update = updated(nota, NotaStatus.SENDING, lookups=len(waits), look_up_at=due_at)
    return Answer(asked=nota, update=update, shows=Shown(status=SaleStatus.QUEUED))


def blocked(nota: KnownNota, code: str) -> Answer:
    """The issuer refuses the key or the company: the sale is held until a person acts."""
    held = Shown(status=SaleStatus.HELD, code=code)
    return Answer(asked=nota, withdraw=True, shows=held, what=SaleStatus.HELD.value, why=code)


def ask_later(nota: KnownNota, due_at: datetime, *, failed: bool = False) -> Answer:
    """The issuer could not be asked where the nota is: nothing changes but the next try."""
    return Answer(asked=nota, due_at=due_at, failed=failed)


def not_shown(nota: KnownNota, now: datetime, *, news: bool) -> Answer:
    """The issuer showed nothing new of a nota under way: it is asked again, soon after news."""
    if not news:
        return _later_or_stuck(nota, next_look(nota, now) or now, now)
    told = STUCK if is_stuck(since(nota, now), now) else None
    return Answer(asked=nota, update=as_it_is(nota, news_at=now), attention=told, nota_read=True)


def as_before(nota: KnownNota, *, news: bool) -> Answer:
    """The issuer shows nothing new of a nota at rest: after news it is asked again."""
    return Answer(asked=nota, nota_read=True, unexplained=news)


def missing(nota: KnownNota, now: datetime, *, news: bool) -> Answer:
    """The issuer says that it has no such nota at rest.

    Where we know that it had it a person is told, once for all looks after the same news.
    """
    shown = as_before(nota, news=news)
    if nota.raw_status == NEVER_ARRIVED or (asks_why(nota, now) and not news):
        return shown
    return replace(shown, attention=MISSING, what="attention", why=MISSING, tells=True)


def as_it_is(nota: KnownNota, **changes: Any) -> NotaUpdate:
    """A nota that stays where it is, but for what is said."""
    return updated(
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


def updated(nota: KnownNota, status: NotaStatus, **changes: Any) -> NotaUpdate:
    """The next state of a nota."""
    return NotaUpdate(
        bill_id=nota.bill_id,
        part=nota.part,
        revision=nota.revision,
        status=status,
        **changes,
    )
