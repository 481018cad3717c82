"""From a decision about a divided sale to the rows it becomes. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from services.emitter.planning.rows import Terms, done, sale_row, same_state
from services.emitter.planning.waits import next_poll
from services.emitter.work import (
    CancelNota,
    FollowUp,
    FreshSale,
    Known,
    KnownPart,
    Plan,
    Steps,
    happened,
    states_of,
)
from shared.db.sales.notas_store import KnownNota, NotaUpdate
from shared.domain.decision import Cancel, Follow, Keep
from shared.domain.denials import ON_CUSTOMER
from shared.domain.money import Cents
from shared.domain.nota import IN_FLIGHT, NotaStatus
from shared.domain.part_states import FOLLOWED, stated, together, unwanted
from shared.domain.parts import PartState, Share
from shared.domain.sale import SaleStatus

ASK_BLOCKED: Final = timedelta(hours=1)
_ENDING = frozenset({SaleStatus.CANCELLING, SaleStatus.CANCELLED, SaleStatus.CANCEL_REFUSED})


def parts_after(known: Known, division: tuple[Share, ...] | None) -> tuple[KnownPart, ...]:
    """The parts of a sale under a new division, with the notas their numbers had before."""
    if division is None:
        return known.parts
    return tuple(KnownPart(share=share, nota=known.nota_of(share.part)) for share in division)


def whole_of(parts: Sequence[KnownPart]) -> Cents:
    """What all parts come to."""
    return Cents(sum(part.share.amount for part in parts))


def code_of(status: SaleStatus, states: Sequence[PartState]) -> str | None:
    """Why a divided sale is as it is: a denial, or why it was taken back.

    Of several denials one that hangs on the customer's data: by it the sale is found once that
    is mended.
    """
    if status is SaleStatus.DENIED:
        denials = [one.denial for one in states if one.status is NotaStatus.DENIED]
        return min(denials, key=lambda denial: denial not in ON_CUSTOMER)
    if status in _ENDING:
        return next((one.then_cancel for one in states if one.then_cancel is not None), None)
    return None


def next_look(part: KnownPart, now: datetime) -> datetime | None:
    """When a part is to be looked at again whatever else happens; None when it rests."""
    nota = part.nota
    if nota is None:
        return None
    match nota.status:
        case NotaStatus.SENDING | NotaStatus.UNCERTAIN:
            return nota.look_up_at or now
        case NotaStatus.PENDING:
            return next_poll(nota.sent_at or now, now)
        case NotaStatus.CANCELLING:
            return next_poll(nota.cancel_sent_at or now, now)
        case NotaStatus.DENIED:
            return nota.resend_at
        case NotaStatus.ISSUED if nota.then_cancel is not None:
            return now  # it became unwanted on the way: decide about cancelling it
        case _:
            return None


def meanwhile(known: Known, now: datetime) -> datetime | None:
    """When the notas that are under way need a look, though the sale itself waits for a person."""
    moving = [part for part in known.parts if part.nota and part.nota.status in FOLLOWED]
    return min((due for part in moving if (due := next_look(part, now)) is not None), default=None)


def follow_parts(parts: Sequence[KnownPart]) -> Steps:
    """Ask about every nota of a divided sale that is under way."""
    return Steps(steps=tuple(FollowUp(nota=nota) for nota in _moving(parts)))


def follow_instead(plan: Plan) -> Plan | None:
    """What is done when the next part of a divided sale may not leave: others are looked after.

    None when no other part is under way; the sale is then held.
    """
    if plan.meanwhile is None:
        return None
    action = follow_parts(plan.parts)
    return Plan(entry=plan.entry, read=plan.read, action=action, parts=plan.parts)


def plan_follow_parts(fresh: FreshSale, decision: Follow, terms: Terms, now: datetime) -> Plan:
    """Follow what is under way; what is no longer wanted is remembered to be cancelled."""
    parts, updates = _remembered(fresh.known.parts, decision.then_cancel)
    states = states_of(parts, now)
    status = together(states)
    attention = decision.attention or decision.then_cancel or stated(states)
    told = happened(fresh.entry, "cancel_remembered", decision.then_cancel or "")
    return Plan(
        entry=fresh.entry,
        read=fresh.read(),
        sale=sale_row(
            fresh,
            terms,
            status,
            amount=whole_of(parts),
            code=code_of(status, states),
            attention=attention,
        ),
        also=updates,
        happenings=(told,) if updates else (),
        action=follow_parts(parts),
        parts=parts,
    )


def plan_cancel_parts(fresh: FreshSale, decision: Cancel, terms: Terms, now: datetime) -> Plan:
    """Cancel every nota that is valid, in one pass; one still under way is cancelled later.

    A refusal stands until a person wishes to ask again.
    """
    if terms.issuer_trouble is not None:
        return keep_parts(fresh, Keep(attention=terms.issuer_trouble), terms, now)
    parts, remembered = _remembered(fresh.known.parts, decision.code)
    sale = fresh.known.sale
    again = sale is not None and sale.wish == "cancel"
    wanted = [part.nota for part in parts if part.nota and _may_be_asked(part.nota, again=again)]
    cancelled = {nota.part: _to_cancel(nota, decision, fresh.read_at) for nota in wanted}
    parts = tuple(replace(part, nota=cancelled.get(part.share.part, part.nota)) for part in parts)
    asks = [CancelNota(nota=nota, code=decision.code) for nota in cancelled.values()]
    follows = [FollowUp(nota=nota) for nota in _moving(parts) if nota.part not in cancelled]
    return Plan(
        entry=fresh.entry,
        read=fresh.read(),
        sale=sale_row(
            fresh,
            terms,
            together(states_of(parts, now)),
            amount=whole_of(parts),
            code=decision.code,
            attention=decision.attention,
            wish_done=True,
        ),
        also=(*remembered, *(_cancelling(nota, decision) for nota in wanted)),
        happenings=(happened(fresh.entry, "cancel_requested", decision.code),),
        action=Steps(steps=(*asks, *follows)),
        parts=parts,
    )


def keep_parts(fresh: FreshSale, decision: Keep, terms: Terms, now: datetime) -> Plan:
    """Leave every nota as it is; what was not sent by now will not be."""
    parts = fresh.known.parts
    states = states_of(parts, now)
    status = together([one for one in states if one.status is not None])
    code = code_of(status, states)
    known = fresh.known.sale
    attention = decision.attention
    if attention is None and known is not None and known.status is status is SaleStatus.DENIED:
        attention = known.attention
    row = sale_row(
        fresh,
        terms,
        status,
        amount=whole_of(parts),
        code=code,
        attention=attention or (code if status is SaleStatus.DENIED else stated(states)),
    )
    moving = any(one.status in FOLLOWED for one in states)
    wakes = [] if unwanted(states) else [next_look(part, now) for part in parts]
    later = [due for due in wakes if due is not None and due > now]
    # Under way and kept all the same: the issuer cannot be asked before a person has acted.
    return done(fresh, sale=row, due_at=now + ASK_BLOCKED if moving else min(later, default=None))


def _moving(parts: Sequence[KnownPart]) -> list[KnownNota]:
    return [part.nota for part in parts if part.nota and part.nota.status in FOLLOWED]


def _may_be_asked(nota: KnownNota, *, again: bool) -> bool:
    refused = nota.status is NotaStatus.CANCEL_REFUSED
    return nota.status is NotaStatus.ISSUED or (refused and again)


def _remembered(
    parts: Sequence[KnownPart], code: str | None
) -> tuple[tuple[KnownPart, ...], tuple[NotaUpdate, ...]]:
    """Parts under way with why they are to be cancelled, and the rows of those that change."""
    if code is None:
        return tuple(parts), ()
    anew = {
        nota.part: replace(nota, then_cancel=code)
        for nota in _moving(parts)
        if nota.status in IN_FLIGHT and nota.then_cancel is None
    }
    updates = tuple(same_state(nota, then_cancel=code) for nota in anew.values())
    return (
        tuple(replace(part, nota=anew.get(part.share.part, part.nota)) for part in parts),
        updates,
    )


def _to_cancel(nota: KnownNota, decision: Cancel, now: datetime) -> KnownNota:
    return replace(
        nota, status=NotaStatus.CANCELLING, then_cancel=decision.code, cancel_sent_at=now
    )


def _cancelling(nota: KnownNota, decision: Cancel) -> NotaUpdate:
    return same_state(
        nota, status=NotaStatus.CANCELLING, then_cancel=decision.code, cancel_sent=True
    )
