"""What an answer of the issuer makes of its sale, given its notas as they then are. Pure."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from services.emitter.planning.answers import Answer, Shown
from services.emitter.planning.looks import next_look, polled_at
from services.emitter.planning.waits import back_off
from services.emitter.work import happened, settle
from shared.db.outbox.outbox_store import Entry, Settlement
from shared.db.sales.sale_notas import SaleNotas
from shared.db.sales.sales_store import Progress
from shared.db.sales.timeline_store import Happening
from shared.domain.attention import SUBSTITUTION_WAITS
from shared.domain.denials import RESEND_GIVEN_UP
from shared.domain.ids import BillId
from shared.domain.nota import NotaStatus
from shared.domain.part_states import DOUBT, FOLLOWED, code_of, refusal_of, together, unwanted
from shared.domain.parts import WHOLE, Part
from shared.domain.sale import SaleStatus

# What a sale is while its request did not leave; the nota itself says nothing of it.
_NOT_LEFT = frozenset({SaleStatus.QUEUED, SaleStatus.HELD})
_STANDING = frozenset({SaleStatus.ISSUED, SaleStatus.CANCEL_REFUSED})
# The issuer has it, so that a person's wish for it is fulfilled.
_MADE = frozenset({NotaStatus.PENDING, NotaStatus.ISSUED, NotaStatus.DENIED})
_NEVER_HAD = frozenset({None, NotaStatus.DENIED, NotaStatus.CANCELLED})


class Answered(Struct, frozen=True, kw_only=True):
    """A leased sale, its notas, and what was answered about them in this pass; the last is new."""

    entry: Entry
    notas: SaleNotas  # as they are without the last answer
    answers: tuple[Answer, ...]
    bill_read: bool
    now: datetime
    more: bool = False  # others are to be asked about still: the entry is kept
    rests: Settlement | None = None  # what was decided in this pass, where nothing moves since

    def then(self, answer: Answer) -> "Answered":
        """It with one more answer."""
        return replace(self, answers=(*self.answers, answer))

    @property
    def last(self) -> Answer:
        """The answer that is to be written."""
        return self.answers[-1]

    @property
    def stands(self) -> bool:
        """Say whether what was decided in this pass does: it rests, and no nota of it moved."""
        return self.rests is not None and not any(one.moved for one in self.answers)

    def knew_better(self) -> "Answered":
        """It where the nota had moved on already: nothing of the answer is told.

        What is under way still is asked about again soon, and ever later if that happens again.
        """
        silent = replace(self.last, what=None, attention=None, shows=None)
        known = self.notas.newest.get(silent.asked.part)  # none where the row was lost since
        if known is not None and known.status in FOLLOWED:
            again = back_off(self.entry.tries + 1, self.now)
            silent = replace(silent, due_at=again, failed=True)
        return replace(self, answers=(*self.answers[:-1], silent))


class After(Struct, frozen=True, kw_only=True):
    """What is written of a sale with an answer."""

    progress: Progress | None
    happenings: tuple[Happening, ...]
    settlement: Settlement | None  # None while others are to be asked about


def sale_after(answered: Answered, notas: SaleNotas) -> After:
    """Say where a sale is whose notas now are these, and when it is looked at again."""
    return _accepted(answered, notas) or sale_after_any(answered, notas)


def _accepted(answered: Answered, notas: SaleNotas) -> After | None:
    """What it is nearly always: the issuer took the only nota of a sale, and works on it.

    No other than `sale_after_any` says, for a third of it; None where there is more to think of.
    """
    answer, entry, update = answered.last, answered.entry, answered.last.update
    if update is None or update.status is not NotaStatus.PENDING:
        return None
    alone = len(answered.answers) == 1 == len(notas.shares) and not answered.more
    if not alone or answered.rests is not None or (entry.bill_changed and not answered.bill_read):
        return None
    if answer.shows is not None or answer.attention is not None or answer.due_at is not None:
        return None
    nota = notas.newest.get(WHOLE)
    if nota is None or nota.status is not NotaStatus.PENDING or answer.asked.part != WHOLE:
        return None
    if not nota.raw_status == nota.then_cancel == nota.wish is None:
        return None
    told = () if answer.what is None else (happened(entry, answer.what, answer.why),)
    settlement = settle(
        entry,
        due_at=polled_at(nota, answered.now),
        failed=answer.failed,
        bill_read=answered.bill_read and not answer.read_again,
        nota_read=answer.nota_read,
    )
    progress = Progress(bill_id=entry.bill_id, status=SaleStatus.ISSUING, nota_made=True)
    return After(progress=progress, happenings=told, settlement=settlement)


def sale_after_any(answered: Answered, notas: SaleNotas) -> After:
    """The same for whatever was answered, of however many notas."""
    answer, entry = answered.last, answered.entry
    parts = notas.parts(answered.now)
    told = [] if answer.what is None else [happened(entry, answer.what, _why(answer, notas))]
    settlement = None
    if not answered.more:
        settlement = settle(
            entry,
            due_at=_due(answered, notas, parts),
            failed=answer.failed,
            bill_read=answered.bill_read and not answer.read_again,
            nota_read=_is_read_up(answered),
        )
    told_anew = (answer.learnt and not _says_what_waits(answered, parts)) or answer.tells
    progress = _progress(answered, parts) if told_anew else None
    return After(progress=progress, happenings=tuple(told), settlement=settlement)


def _says_what_waits(answered: Answered, parts: Sequence[Part]) -> bool:
    """Say whether a sale stays as it was decided: it tells of what is not sent yet.

    Just now, or before news of what rests of it, which moved nothing.
    """
    if not any(one.owed for one in parts):
        return False
    rests = answered.last.shows is None and not any(one.status in FOLLOWED for one in parts)
    return answered.stands or (rests and not any(one.moved for one in answered.answers))


def _progress(answered: Answered, parts: Sequence[Part]) -> Progress:
    answer, bill = answered.last, answered.entry.bill_id
    if answer.shows is not None and answer.asked.substitutes is not None:
        return _old_one_stands(bill, answer.shows, parts)
    if answer.shows is not None and _is_shown(answer, parts):
        return Progress(bill_id=bill, status=answer.shows.status, code=answer.shows.code)
    status = together(parts)
    code = code_of(status, parts)
    made = answer.update is not None and answer.update.status in _MADE
    return Progress(
        bill_id=bill,
        status=status,
        code=code,
        attention=_attention(answer, parts, status, code),
        nota_made=made and not any(one.owed for one in parts),
    )


def _old_one_stands(bill: BillId, shows: Shown, parts: Sequence[Part]) -> Progress:
    """Where one was to take the place of another, that one is valid: its sale is in no queue."""
    status = together(parts)
    waits = shows.code if shows.status is SaleStatus.HELD else SUBSTITUTION_WAITS
    told = waits if shows.status in _NOT_LEFT and status in _STANDING else None
    return Progress(bill_id=bill, status=status, code=code_of(status, parts), attention=told)


def _is_shown(answer: Answer, parts: Sequence[Part]) -> bool:
    """A sale is skipped for a nota that never arrived only if there was no other."""
    if answer.shows is None or answer.shows.status is not SaleStatus.SKIPPED:
        return answer.shows is not None
    if not unwanted(parts):  # one taken back alone: the others are owed still
        return False
    cancelled = [one for one in parts if one.status is NotaStatus.CANCELLED]
    return len(cancelled) == 1 and all(one.status in _NEVER_HAD for one in parts)


def _attention(
    answer: Answer, parts: Sequence[Part], status: SaleStatus, code: str | None
) -> str | None:
    if status is SaleStatus.CANCEL_REFUSED:
        return refusal_of(parts)
    if status is SaleStatus.DENIED:
        return RESEND_GIVEN_UP if answer.attention == RESEND_GIVEN_UP else code
    if answer.attention is None:
        return None
    own = [one for one in parts if one.share.part == answer.asked.part]
    return answer.attention if together(own) is status else None


def _due(answered: Answered, notas: SaleNotas, parts: Sequence[Part]) -> datetime | None:
    """When the first of its notas is to be looked at.

    One that could not be asked about waits as long as that answer says: the time of its own look
    has come, and would have the sale claimed again at once.
    """
    waiting = {one.asked.part for one in answered.answers if not one.learnt and one.due_at}
    looks = [next_look(nota, answered.now) for nota in notas.asked_for if nota.part not in waiting]
    own = None if answered.rests is None else answered.rests.due_at
    told = (one.due_at for one in answered.answers)
    dues = [due for due in (own, *looks, *told) if due is not None]
    if any(_is_let_go(one, notas) for one in answered.answers):
        dues.append(answered.now)
    # Not where it was to be read in this pass already: what kept it from that is there still.
    unread = answered.entry.bill_changed and not answered.bill_read and answered.rests is None
    if _next_may_follow(answered, parts) or (unread and _is_read_up(answered)):
        dues.append(answered.now)
    return min(dues, default=None)


def _is_let_go(answer: Answer, notas: SaleNotas) -> bool:
    """Say whether a nota that was to be cancelled was denied just now: its sale is decided."""
    nota = notas.newest.get(answer.asked.part)
    if nota is None or nota.status is not NotaStatus.DENIED:
        return False
    return answer.moved and nota.then_cancel is not None


def _is_read_up(answered: Answered) -> bool:
    """Say whether the issuer has told where each nota is that it was asked about."""
    return all(one.nota_read for one in answered.answers)


def _next_may_follow(answered: Answered, parts: Sequence[Part]) -> bool:
    """Say whether the next nota that is owed may leave at once.

    It does where nothing is under way, or where a request has just left, or a doubt just ended.
    """
    shows = answered.last.shows
    if answered.stands or (shows is not None and shows.status in _NOT_LEFT):
        return False
    if unwanted(parts) or not any(one.owed for one in parts):
        return False
    moving = {one.status for one in parts} & FOLLOWED
    cleared = any(one.asked.status in DOUBT for one in answered.answers)
    return not moving or (cleared and not moving & DOUBT)


def _why(answer: Answer, notas: SaleNotas) -> str:
    part = answer.asked.part
    which = f"nota {part} de {len(notas.shares)}" if part else ""
    return ": ".join(word for word in (which, answer.why) if word)
