"""What becomes of a sale that was divided into several notas, while any of them lives. Pure."""

from shared.domain.attention import attention_after_issue
from shared.domain.decision import Cancel, Decision, Follow, Hold, Issue, Keep, NeedsCustomer, Skip
from shared.domain.nota import VALID_NOTA, NotaStatus
from shared.domain.part_states import DOUBT, FOLLOWED, unwanted
from shared.domain.parts import PartState
from shared.domain.refunds import refund_state, why_unwanted
from shared.domain.rule import Rule
from shared.domain.sale import LastNota, SaleFacts, TenantTerms
from shared.domain.sending import send_next_part


def decide_parts(
    sale: SaleFacts, nota: LastNota, rule: Rule | None, terms: TenantTerms
) -> Decision:
    """Take the next step of a divided sale: parts are sent one after another, cancelled together.

    A part in doubt is followed before another one leaves.
    """
    why = why_unwanted(sale.bill, sale.refunds)
    if sale.wish == "cancel":
        why = why or "canceled_by_person"
    alive = [one for one in sale.parts if one.status in FOLLOWED or one.status in VALID_NOTA]
    if not alive:
        return _nothing_alive(sale, why, rule, terms)
    may_cancel = sale.wish == "cancel" or rule is None or rule.cancel_on_refund
    if why is not None and may_cancel:
        return _take_back(sale, why, terms)
    attention = why or attention_after_issue(sale, nota, rule)
    moving = [one for one in alive if one.status in FOLLOWED]
    if not _may_send(sale, why):
        return Follow(attention=attention) if moving else _kept(alive, attention)
    step = _send(sale, rule, terms)
    if isinstance(step, Issue | NeedsCustomer):
        return step
    if moving:  # first what is under way, or nobody would look after it
        return Follow(attention=step.code if isinstance(step, Hold) else attention)
    return step


def _nothing_alive(
    sale: SaleFacts, why: str | None, rule: Rule | None, terms: TenantTerms
) -> Decision:
    """Of a divided sale there are only denials, and parts that were never sent."""
    if why is not None:
        return Skip(code=why)
    if refund_state(sale.bill, sale.refunds) == "partial" and sale.wish != "issue":
        return Hold(code="partially_refunded")
    return _send(sale, rule, terms) if _may_send(sale, why) else Keep()


def _may_send(sale: SaleFacts, why: str | None) -> bool:
    if why is not None or unwanted(sale.parts):
        return False
    if any(one.status in DOUBT for one in sale.parts):
        return False
    return any(one.owed for one in sale.parts)


def _send(sale: SaleFacts, rule: Rule | None, terms: TenantTerms) -> Decision:
    unsent = any(one.status is None for one in sale.parts)
    if sale.wish == "hold":
        return Hold(code="held_by_person") if unsent else Keep()
    if not terms.issuing and not unsent:
        return Keep(attention="tenant_paused")
    return send_next_part(sale, rule, terms)


def _take_back(sale: SaleFacts, why: str, terms: TenantTerms) -> Decision:
    may_be_asked = {NotaStatus.ISSUED}
    if sale.wish == "cancel":
        may_be_asked.add(NotaStatus.CANCEL_REFUSED)
    if any(one.status in may_be_asked for one in sale.parts) and terms.issuing:
        return Cancel(code=why)
    if any(one.status in FOLLOWED for one in sale.parts):
        return Follow(then_cancel=why)
    if any(one.status in may_be_asked for one in sale.parts):
        return Keep(attention="tenant_paused")
    return Keep(attention="cancel_refused")


def _kept(alive: list[PartState], attention: str | None) -> Keep:
    refused = any(one.status is NotaStatus.CANCEL_REFUSED for one in alive)
    return Keep(attention="cancel_refused" if refused else attention)
