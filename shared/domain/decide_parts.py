"""What becomes of a sale that was divided into several notas, while any of them lives. Pure."""

from datetime import datetime

from msgspec.structs import replace

from shared.domain.attention import attention_after_issue
from shared.domain.decision import Cancel, Decision, Follow, Hold, Issue, Keep, NeedsCustomer, Skip
from shared.domain.draft import buyer_mended
from shared.domain.nota import IN_FLIGHT, VALID_NOTA, NotaStatus
from shared.domain.part_states import DOUBT, FOLLOWED, unwanted
from shared.domain.parts import PartState
from shared.domain.refund_policy import CODES, treat
from shared.domain.refunds import cause_of
from shared.domain.rule import Rule
from shared.domain.sale import LastNota, SaleFacts, TenantTerms
from shared.domain.sending import send_next_part
from shared.domain.undone import above, attention_to, treatment_of_standing, undone, unwanted_code


def decide_parts(
    sale: SaleFacts, nota: LastNota, rule: Rule | None, terms: TenantTerms, now: datetime
) -> Decision:
    """Take the next step of a divided sale: parts are sent one after another, cancelled together.

    A part in doubt is followed before another one leaves.
    """
    sale = _with_mended(sale, rule)
    cause = cause_of(sale.bill, sale.refunds)
    alive = [one for one in sale.parts if one.status in FOLLOWED or one.status in VALID_NOTA]
    if not alive:
        return _nothing_alive(sale, nota, rule, terms, now)
    if sale.wish == "cancel":
        return _take_back(sale, unwanted_code(cause), terms)
    attention = attention_after_issue(sale, nota, rule)
    if cause is not None:
        treatment = treatment_of_standing(cause, nota, rule, terms, now)
        if treatment == "cancel":
            return _take_back(sale, CODES[cause], terms)
        attention = attention_to(sale, nota, rule, cause, treatment)
        # No window has begun for a nota that is not there yet: it goes as soon as it is.
        if _in_flight(alive) and treat(cause, "while", rule) == "remember":
            stands = any(one.status in VALID_NOTA for one in alive)
            return Follow(then_cancel=CODES[cause], attention=attention if stands else None)
    moving = [one for one in alive if one.status in FOLLOWED]
    if cause not in ("full", "bill_canceled") and _hangs_on_customer(sale):
        return NeedsCustomer()
    if cause in ("full", "bill_canceled") or not _may_send(sale):
        return Follow(attention=attention) if moving else _kept(alive, attention)
    step = _send(sale, nota, rule, terms, now)
    if isinstance(step, Issue | NeedsCustomer):
        return step
    if moving:  # first what is under way, or nobody would look after it
        return Follow(attention=step.code if isinstance(step, Hold) else attention)
    # The rest is not wanted any more, but no sale is skipped while a nota of it stands.
    return _kept(alive, attention or step.code) if isinstance(step, Skip) else step


def _nothing_alive(
    sale: SaleFacts, nota: LastNota, rule: Rule | None, terms: TenantTerms, now: datetime
) -> Decision:
    """Of a divided sale there are only denials, and parts that were never sent."""
    if sale.wish == "cancel":
        return Skip(code=unwanted_code(cause_of(sale.bill, sale.refunds)))
    stopped = undone(sale, rule)
    if stopped is not None:
        return stopped
    if _hangs_on_customer(sale):
        return NeedsCustomer()
    return _send(sale, nota, rule, terms, now) if _may_send(sale) else Keep()


def _with_mended(sale: SaleFacts, rule: Rule | None) -> SaleFacts:
    """Parts denied for their buyer's data are owed again once that is other data."""
    if not any(one.denied_with for one in sale.parts):
        return sale
    parts = [
        replace(
            one, mended=one.denied_with is not None and buyer_mended(sale, rule, one.denied_with)
        )
        for one in sale.parts
    ]
    return replace(sale, parts=tuple(parts))


def _hangs_on_customer(sale: SaleFacts) -> bool:
    """Say whether only the customer's data tells if a denied part is sent again."""
    if sale.customer is not None or sale.wish == "hold" or not _may_be_sent(sale):
        return False
    return not any(one.owed for one in sale.parts) and any(one.denied_with for one in sale.parts)


def _in_flight(parts: list[PartState]) -> bool:
    return any(one.status in IN_FLIGHT for one in parts)


def _may_send(sale: SaleFacts) -> bool:
    return _may_be_sent(sale) and any(one.owed for one in sale.parts)


def _may_be_sent(sale: SaleFacts) -> bool:
    return not unwanted(sale.parts) and not any(one.status in DOUBT for one in sale.parts)


def _send(
    sale: SaleFacts, nota: LastNota, rule: Rule | None, terms: TenantTerms, now: datetime
) -> Decision:
    unsent = any(one.status is None for one in sale.parts)
    if sale.wish == "hold":
        return Hold(code="held_by_person") if unsent else Keep()
    if not terms.issuing and not unsent:
        return Keep(attention="tenant_paused")
    return send_next_part(sale, nota, rule, terms, now)


def _take_back(sale: SaleFacts, why: str, terms: TenantTerms) -> Decision:
    may_be_asked = {NotaStatus.ISSUED}
    if sale.wish == "cancel":
        may_be_asked.add(NotaStatus.CANCEL_REFUSED)
    if any(one.status in may_be_asked for one in sale.parts) and terms.issuing:
        return Cancel(code=why, attention=above(sale))
    if any(one.status in FOLLOWED for one in sale.parts):
        return Follow(then_cancel=why)
    if any(one.status in may_be_asked for one in sale.parts):
        return Keep(attention="tenant_paused")
    return Keep(attention="cancel_refused")


def _kept(alive: list[PartState], attention: str | None) -> Keep:
    refused = any(one.status is NotaStatus.CANCEL_REFUSED for one in alive)
    return Keep(attention="cancel_refused" if refused else attention)
