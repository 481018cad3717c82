"""What an answer about one part makes of a whole divided sale. Pure."""

from collections.abc import Collection, Sequence
from datetime import datetime

from msgspec.structs import replace

from services.emitter.planning.plan_parts import code_of, next_look
from services.emitter.work import KnownPart, Plan, Send, states_of
from shared.db.sales.notas_store import KnownNota, NotaUpdate
from shared.db.sales.sales_store import Progress
from shared.domain.denials import RESEND_GIVEN_UP
from shared.domain.nota import NotaStatus
from shared.domain.part_states import DOUBT, FOLLOWED, together, unwanted
from shared.domain.parts import PartState
from shared.domain.sale import SaleStatus

# What a sale is while its request did not leave; the part itself says nothing of it.
_NOT_LEFT = frozenset({SaleStatus.QUEUED, SaleStatus.HELD})


def sent_parts(parts: Sequence[KnownPart], send: Send, now: datetime) -> tuple[KnownPart, ...]:
    """The parts of a sale once the intent of one of them is written."""
    intent = send.intent
    nota = KnownNota(
        bill_id=intent.bill_id,
        part=intent.part,
        revision=intent.revision,
        external_id=intent.external_id,
        issuer_id=None,
        status=NotaStatus.SENDING,
        amount=intent.amount,
        competencia=intent.competencia,
        request=intent.request,
        lookups=0,
        look_up_at=None,
        resend=False,
        then_cancel=None,
        denial=None,
        changed_at=None,
        sent_at=now,
        cancel_sent_at=None,
        sends=1 if send.first else 2,
        auto_sends=send.auto_sends,
        resend_at=None,
    )
    return tuple(replace(p, nota=nota) if p.share.part == intent.part else p for p in parts)


def answered(parts: Sequence[KnownPart], answer: Plan) -> tuple[KnownPart, ...]:
    """The parts of a sale once an answer about one of them is written."""
    if answer.withdraw:
        return tuple(_withdrawn(one) if one.share.part == answer.part else one for one in parts)
    update = answer.nota
    if update is None:
        return tuple(parts)
    return tuple(
        replace(one, nota=_updated(one.nota, update))
        if one.nota is not None and one.share.part == update.part
        else one
        for one in parts
    )


def fold(
    answer: Plan,
    before: Sequence[KnownPart],
    now: datetime,
    *,
    sent: bool,
    again: Sequence[datetime] = (),
    put_off: Collection[int] = (),
) -> Plan:
    """Tell an answer about one part as what it makes of its sale.

    `sent`: a request for a nota left, so the next part may follow at once; `again` is when other
    parts, asked about in the same pass, wanted to be looked at again. `put_off` are parts that
    could not be asked about: their answer says when they can, and the time of their look, which
    has come, would have the sale claimed again at once.
    """
    settlement = answer.settlement
    if settlement is None:
        return answer  # the lease is lost
    parts = answered(before, answer)
    states = states_of(parts, now)
    progress = answer.progress and _progress(answer.progress, states)
    left = answer.progress is None or answer.progress.status not in _NOT_LEFT
    moving = [part for part in parts if part.share.part not in put_off]
    dues = [due for part in moving if (due := next_look(part, now)) is not None]
    dues += again if settlement.due_at is None else [settlement.due_at, *again]
    if left and _next_may_follow(states, sent=sent):
        dues.append(now)
    which = _about(answer, parts)
    return replace(
        answer,
        progress=progress,
        happenings=tuple(
            replace(one, why=": ".join(word for word in (which, one.why) if word))
            for one in answer.happenings
        ),
        settlement=replace(settlement, due_at=min(dues, default=None)),
    )


def _next_may_follow(states: Sequence[PartState], *, sent: bool) -> bool:
    if unwanted(states) or not any(one.owed for one in states):
        return False
    moving = {one.status for one in states} & FOLLOWED
    return not moving or (sent and not moving & DOUBT)


def _progress(own: Progress, states: Sequence[PartState]) -> Progress:
    made = own.nota_made and not any(one.owed for one in states)
    if own.status in _NOT_LEFT:
        return replace(own, nota_made=made)
    status = together(states)
    never_had = all(one.status in (None, NotaStatus.DENIED, NotaStatus.CANCELLED) for one in states)
    if own.status is SaleStatus.SKIPPED and never_had:
        others = [one for one in states if one.status is NotaStatus.CANCELLED]
        if len(others) == 1:
            return own  # the only nota asked for never arrived
    code = code_of(status, states)
    return replace(
        own,
        status=status,
        code=code,
        attention=_attention(own, status, code),
        nota_made=made,
    )


def _attention(own: Progress, status: SaleStatus, code: str | None) -> str | None:
    match status:
        case SaleStatus.DENIED:
            return RESEND_GIVEN_UP if own.attention == RESEND_GIVEN_UP else code
        case SaleStatus.CANCEL_REFUSED:
            return "cancel_refused"
        case _:
            return own.attention if own.status is status else None


def _about(answer: Plan, parts: Sequence[KnownPart]) -> str:
    part = answer.part if answer.nota is None else answer.nota.part
    return f"nota {part} de {len(parts)}" if part else ""


def _updated(nota: KnownNota | None, update: NotaUpdate) -> KnownNota | None:
    if nota is None:
        return None
    return replace(
        nota,
        status=update.status,
        then_cancel=update.then_cancel or nota.then_cancel,
        denial=update.denial if update.status is NotaStatus.DENIED else None,
        resend=nota.resend and update.status is NotaStatus.DENIED,
        resend_at=update.resend_at if update.status is NotaStatus.DENIED else None,
        look_up_at=update.look_up_at,
        changed_at=update.changed_at or nota.changed_at,
    )


def _withdrawn(part: KnownPart) -> KnownPart:
    if part.nota is None or part.nota.sends < 2:
        return replace(part, nota=None)
    return replace(part, nota=replace(part.nota, status=NotaStatus.DENIED, resend=True))
