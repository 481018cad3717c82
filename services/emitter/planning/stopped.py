"""What is written in place of a request that may not leave now. Pure."""

from datetime import datetime
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from services.emitter.planning.follow import ask_why
from services.emitter.work import Act, Ask, Plan, Rest, Send, happened, settle
from shared.db.sales.sales_store import SaleRow
from shared.domain.attention import SUBSTITUTION_WAITS
from shared.domain.part_states import code_of, together
from shared.domain.sale import SaleStatus

PACE: Final = "issuer_pace"


class Held(Struct, frozen=True, kw_only=True):
    """A person must decide; what the sale says of it, as in `Hold`.

    `look_at`: when it is decided once more, where it may be settled by itself before that.
    """

    code: str
    detail: str = ""
    look_at: datetime | None = None


class Queued(Struct, frozen=True, kw_only=True):
    """It waits for its turn until then, by no fault of its own; `why` is told once."""

    until: datetime
    why: str


class Again(Struct, frozen=True, kw_only=True):
    """What it was decided by is no more: it is decided again, at once."""


def stopped(act: Act, by: Held | Queued | Again, *, asks: bool = True) -> Plan:
    """Keep a request from leaving; nothing of it has been written yet.

    It waits until what is under way of the sale is looked after, or nobody would do that: what
    keeps one nota of a sale may be that another of its notas has not ended. So is what rests of
    which there was news, and one that never arrived. Without `asks` the issuer is asked nothing.
    """
    plan = _stopped(act, by)
    if not asks and isinstance(plan, Act) and isinstance(by, Queued):
        return _put_off(plan, by.until)
    if not asks or not isinstance(plan, Rest) or not isinstance(act.action, Send):
        return plan
    return plan if isinstance(by, Again) else ask_why(plan, act.notas, act.action.news)


def _stopped(act: Act, by: Held | Queued | Again) -> Plan:
    match by:
        case Again():
            # What was read is kept, and counts for as long as nothing is heard of the bill; but
            # beside a nota under way nothing is decided unless the bill is still to be read.
            whole = act.read is not None and not act.notas.under_way
            done = settle(act.entry, due_at=act.entry.due_at, bill_read=whole)
            return Rest(entry=act.entry, read=act.read, settlement=done)
        case _ if isinstance(act.action, Send) and act.action.follows:
            action = Ask(steps=act.action.follows)
            return Act(entry=act.entry, read=act.read, notas=act.notas, action=action)
        case _ if isinstance(act.action, Send) and act.action.intent.substitutes is not None:
            return _old_one_stands(act, act.action, by)
        case Held(code=code, detail=detail, look_at=look_at):
            return _instead(act, SaleStatus.HELD, code, detail, due_at=look_at)
        case Queued(until=until, why=why):
            if not isinstance(act.action, Send):
                return _put_off(act, until)
            told = why if act.action.queued_anew else ""
            return _instead(act, SaleStatus.QUEUED, None, "", due_at=until, why=told)


def in_line(act: Act) -> Act:
    """Say that a decided sale waits for its turn at the issuer; its entry is kept meanwhile.

    Nothing is asked: people see it in the queue, and can hold it as long as its turn has not come.
    """
    if act.sale is None or not isinstance(act.action, Send):
        raise ValueError("only what issues a nota stands in line")
    if act.action.intent.substitutes is not None:  # the sale is issued, and goes on to be
        return Act(entry=act.entry, notas=act.notas, read=act.read, action=Ask(steps=()))
    told = (happened(act.entry, SaleStatus.QUEUED.value, PACE),) if act.action.queued_anew else ()
    return Act(
        entry=act.entry,
        notas=act.notas,
        read=act.read,
        sale=_queued(act.sale),
        action=Ask(steps=()),
        happenings=told,
    )


def said(act: Act) -> Act:
    """The same act once it was said that it waits, which is not said again."""
    if not isinstance(act.action, Send):
        raise TypeError("only what issues a nota stands in line")
    return replace(act, action=replace(act.action, queued_anew=False))


def _queued(sale: SaleRow) -> SaleRow:
    return replace(sale, status=SaleStatus.QUEUED, code=None, detail="", wish_done=None)


def _instead(
    act: Act,
    status: SaleStatus,
    code: str | None,
    detail: str,
    *,
    due_at: datetime | None = None,
    why: str | None = None,
) -> Rest:
    if act.sale is None:
        raise ValueError("a nota is sent with its sale")
    if why is None:
        why = ": ".join(word for word in (code or "", detail) if word)
    looked_again = status is SaleStatus.HELD and due_at is not None
    if _is_said(act, status, code, looked_again=looked_again):
        why = ""
    row = replace(act.sale, status=status, code=code, detail=detail, wish_done=None)
    return Rest(
        entry=act.entry,
        read=act.read,
        sale=row,
        happenings=(happened(act.entry, status.value, why),) if why else (),
        settlement=settle(act.entry, due_at=due_at, bill_read=True),
    )


def _is_said(act: Act, status: SaleStatus, code: str | None, *, looked_again: bool) -> bool:
    """Say whether its sale says so already, while it is decided again by itself."""
    if not isinstance(act.action, Send) or not (looked_again or act.action.news is not None):
        return False
    known = act.action.known
    return known is not None and (known.status, known.code) == (status, code)


def _old_one_stands(act: Act, send: Send, by: Held | Queued) -> Rest:
    """The nota that was to be substituted is valid meanwhile: its sale stays as it is."""
    if act.sale is None:
        raise ValueError("a nota is sent with its sale")
    code, due_at = (by.code, None) if isinstance(by, Held) else (SUBSTITUTION_WAITS, by.until)
    detail = by.detail if isinstance(by, Held) else by.why
    parts = [one for one in act.notas.parts() if one.status is not None]
    status = together(parts)
    row = replace(
        act.sale,
        status=status,
        code=code_of(status, parts),
        detail="",
        attention=code,
        wish_done=None,
    )
    why = ": ".join(word for word in (code, detail) if word)
    said = send.news is not None and send.known is not None and send.known.attention == code
    anew = not said if isinstance(by, Held) else send.queued_anew
    return Rest(
        entry=act.entry,
        read=act.read,
        sale=row,
        happenings=(happened(act.entry, "attention", why),) if anew else (),
        settlement=settle(act.entry, due_at=due_at, bill_read=True),
    )


def _put_off(act: Act, until: datetime) -> Rest:
    """What only asks stays as it is; a cancellation keeps what was read for it.

    What was to be written of the sale is not: its bill counts as unread still, or the refund that
    was seen would be forgotten, and a nota in doubt sent again for all of it.
    """
    said = act.cancels or (act.sale is None and not act.updates)
    done = settle(act.entry, due_at=until, bill_read=act.read is not None and said)
    return Rest(entry=act.entry, read=act.read if act.cancels else None, settlement=done)
