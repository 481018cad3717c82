"""What becomes of a sale of which a nota was asked for, while any of its notas lives. Pure."""

from collections.abc import Collection
from datetime import datetime

from msgspec.structs import replace

from shared.domain.attention import attention_after_issue
from shared.domain.decision import Cancel, Decision, Follow, Hold, Issue, Keep, NeedsCustomer, Skip
from shared.domain.draft import buyer_mended
from shared.domain.nota import IN_FLIGHT, VALID_NOTA, NotaStatus
from shared.domain.part_states import (
    BY_PERSON,
    DOUBT,
    FOLLOWED,
    cancelled_for,
    refusal_of,
    unwanted,
)
from shared.domain.parts import Part
from shared.domain.refund_policy import CODES, treat
from shared.domain.refunds import Cause
from shared.domain.rule import Rule
from shared.domain.sale import SaleFacts, TenantTerms
from shared.domain.sending import send_next, substitute
from shared.domain.shadow import stopped_code
from shared.domain.undone import (
    above,
    attention_to,
    standing_cause,
    treatment_of_standing,
    undone,
    unwanted_code,
    wanted_again,
)

_STANDS = frozenset({NotaStatus.ISSUED})
_LEAVING = frozenset({NotaStatus.CANCELLING})
_REFUSED = frozenset({NotaStatus.CANCEL_REFUSED})


def decide_asked(sale: SaleFacts, rule: Rule | None, terms: TenantTerms, now: datetime) -> Decision:
    """Take the next step: notas are sent one after another, and cancelled together.

    One in doubt is followed before another one leaves.
    """
    cause = standing_cause(sale)
    kept = wanted_again(sale, cause, rule, terms, now)
    if not kept:
        return _decide_asked(sale, cause, rule, terms, now)
    parts = tuple(
        replace(one, then_cancel=None) if one.share.part in kept else one for one in sale.parts
    )
    decision = _decide_asked(replace(sale, parts=parts), cause, rule, terms, now)
    return replace(decision, wanted_again=kept) if isinstance(decision, Follow) else decision


def _decide_asked(
    sale: SaleFacts, cause: Cause | None, rule: Rule | None, terms: TenantTerms, now: datetime
) -> Decision:
    sale = _with_mended(sale, rule)
    if not _any(sale, FOLLOWED | VALID_NOTA):
        return _decide_denied(sale, cause, rule, terms, now)
    if sale.wish == "cancel":
        return _take_back(sale, unwanted_code(cause), terms)
    alone = tuple(one.share.part for one in sale.parts if one.to_cancel)
    if alone and terms.issuing:
        return Cancel(code=BY_PERSON, parts=alone, attention=above(sale))
    if alone:
        return _as_it_is(sale, stopped_code(terms))
    if cause not in ("full", "bill_canceled"):
        instead = _substitute(sale, rule, terms)
        if instead is not None:
            return instead
    if unwanted(sale.parts) and not _any(sale, _STANDS | IN_FLIGHT):
        return _ending(sale, cause, terms)
    attention = attention_after_issue(sale, rule)
    if cause is not None:
        answer = _undone(sale, cause, rule, terms, now)
        if isinstance(answer, Cancel | Follow | Keep):
            return answer
        attention = answer
    if cause in ("full", "bill_canceled"):
        return _as_it_is(sale, attention)
    return _go_on(sale, attention, rule, terms, now)


def _substitute(sale: SaleFacts, rule: Rule | None, terms: TenantTerms) -> Decision | None:
    """Send what is to take a valid nota's place, or say what keeps it from being sent."""
    part = next((one for one in sale.parts if one.to_substitute), None)
    if part is None or _any(sale, DOUBT):
        return None
    if rule is None or not terms.issuing:
        return _as_it_is(sale, "no_rule" if rule is None else stopped_code(terms))
    made = substitute(sale, part, rule, terms)
    return _as_it_is(sale, made.code) if isinstance(made, Hold) else made


def _undone(
    sale: SaleFacts, cause: Cause, rule: Rule | None, terms: TenantTerms, now: datetime
) -> Cancel | Follow | Keep | str:
    """What the tenant's table says of what stands and of what is under way; or what is told."""
    standing = [one for one in sale.parts if one.status in _STANDS]
    told = None
    if standing:
        treatment = treatment_of_standing(cause, standing, rule, terms, now)
        if treatment == "cancel":
            return _take_back(sale, CODES[cause], terms)
        told = attention_to(sale, rule, cause, treatment)
    if _any(sale, IN_FLIGHT):
        # No window has begun for a nota that is not there yet: it goes as soon as it is.
        treatment = treat(cause, "while", rule)
        if treatment == "remember":
            return Follow(then_cancel=CODES[cause], attention=told)
        told = told or attention_to(sale, rule, cause, treatment)
    return told or CODES[cause]


def _go_on(
    sale: SaleFacts,
    attention: str | None,
    rule: Rule | None,
    terms: TenantTerms,
    now: datetime,
) -> Decision:
    """Send what is owed still, where that may leave now."""
    if _hangs_on_customer(sale):
        return NeedsCustomer()
    if not _may_send(sale):
        return _as_it_is(sale, attention)
    step = _send(sale, rule, terms, now)
    if isinstance(step, Issue | NeedsCustomer):
        return step
    if _any(sale, FOLLOWED):  # first what is under way, or nobody would look after it
        return Follow(attention=step.code if isinstance(step, Hold) else attention)
    # The rest is not wanted any more, but no sale is skipped while a nota of it stands.
    return _as_it_is(sale, attention or step.code) if isinstance(step, Skip) else step


def _decide_denied(
    sale: SaleFacts, cause: Cause | None, rule: Rule | None, terms: TenantTerms, now: datetime
) -> Decision:
    """There are only denials, and notas that were never sent."""
    if sale.wish == "cancel" and cause not in ("full", "bill_canceled"):
        return Skip(code="canceled_by_person")  # asked for while it was with the issuer
    stopped = undone(sale, rule)
    if stopped is not None:
        return stopped
    if _hangs_on_customer(sale):
        return NeedsCustomer()
    return _send(sale, rule, terms, now) if _may_send(sale) else Keep()


def _with_mended(sale: SaleFacts, rule: Rule | None) -> SaleFacts:
    """Notas denied for their buyer's data are owed again once that is other data."""
    if not any(one.denied_with for one in sale.parts):
        return sale
    return replace(sale, parts=tuple(_mended(one, sale, rule) for one in sale.parts))


def _mended(part: Part, sale: SaleFacts, rule: Rule | None) -> Part:
    sent = part.denied_with
    return replace(part, mended=sent is not None and buyer_mended(sale, rule, sent))


def _hangs_on_customer(sale: SaleFacts) -> bool:
    """Say whether only the customer's data tells if a denied nota is sent again."""
    if sale.customer is not None or sale.wish == "hold" or not _may_be_sent(sale):
        return False
    return not any(one.owed for one in sale.parts) and any(one.denied_with for one in sale.parts)


def _may_send(sale: SaleFacts) -> bool:
    return _may_be_sent(sale) and any(one.owed for one in sale.parts)


def _may_be_sent(sale: SaleFacts) -> bool:
    return not unwanted(sale.parts) and not _any(sale, DOUBT)


def _send(sale: SaleFacts, rule: Rule | None, terms: TenantTerms, now: datetime) -> Decision:
    unsent = any(one.status is None for one in sale.parts)
    if sale.wish == "hold":
        return Hold(code="held_by_person") if unsent else Keep()
    if not terms.issuing and not unsent:
        return Keep(attention=stopped_code(terms))
    return send_next(sale, rule, terms, now)


def _take_back(sale: SaleFacts, why: str, terms: TenantTerms) -> Cancel | Follow | Keep:
    """Cancel what stands; what is under way goes as soon as it is issued.

    A refusal of the city stands until a person wishes to ask again, and nothing is under way.
    """
    again = sale.wish == "cancel" and not _any(sale, IN_FLIGHT)
    stands = _any(sale, _STANDS | _REFUSED if again else _STANDS)
    if stands and terms.issuing:
        return Cancel(code=why, attention=above(sale))
    if _any(sale, IN_FLIGHT):
        return Follow(then_cancel=why)
    if _any(sale, _LEAVING):
        return Follow(attention=stopped_code(terms) if stands else above(sale))
    return Keep(attention=stopped_code(terms) if stands else refusal_of(sale.parts))


def _ending(sale: SaleFacts, cause: Cause | None, terms: TenantTerms) -> Cancel | Follow | Keep:
    """All that lives is being cancelled, or that was refused: only money is a question yet.

    What may work later is asked for again by itself, as long as it is wanted.
    """
    if _any(sale, _LEAVING):
        return Follow(attention=above(sale))
    why = cancelled_for(sale.parts)
    wanted = why == "canceled_by_person" or cause is not None
    if any(one.cancel_again for one in sale.parts) and why is not None and wanted and terms.issuing:
        return Cancel(code=why, attention=above(sale))
    return Keep(attention=refusal_of(sale.parts))


def _as_it_is(sale: SaleFacts, attention: str | None) -> Follow | Keep:
    if _any(sale, FOLLOWED):
        return Follow(attention=attention)
    return Keep(attention=refusal_of(sale.parts) if _any(sale, _REFUSED) else attention)


def _any(sale: SaleFacts, statuses: Collection[NotaStatus]) -> bool:
    return any(one.status in statuses for one in sale.parts)
