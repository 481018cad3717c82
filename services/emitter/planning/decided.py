"""Decides sales that were read, and plans what follows. Pure."""

from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from services.emitter.planning.plan import plan_sale
from services.emitter.planning.rows import Terms
from services.emitter.reading.read import NoCustomer, NotNow, Unread
from services.emitter.work import FreshSale, Plan
from shared.domain.decide import decide, decide_with_customer
from shared.domain.decision import Decision, Issue, NeedsCustomer, Wait
from shared.domain.sale import SaleFacts, SaleStatus, TenantTerms

ASK_AGAIN: Final = timedelta(minutes=10)  # a budget that is spent, or Vindi away
CLOCK_AHEAD: Final = timedelta(minutes=1)  # its answers tell seconds, and take some


class Undecided(Struct, frozen=True, kw_only=True):
    """A sale whose customer has to be read before it is decided, and how far that went.

    One in guarantee waits in any case: its customer is read to say in time what the nota will lack.
    """

    sale: FreshSale
    facts: SaleFacts
    decision: NeedsCustomer | Wait


def decided(
    sale: FreshSale,
    agreed: TenantTerms,
    terms: Terms,
    now: datetime,
    vindi_now: datetime | None = None,
) -> Plan | Undecided:
    """Decide a sale by its bill alone, where that is enough.

    `vindi_now`: Vindi's own clock, from its answers to this batch; None where it told none.
    """
    facts = sale.facts(now)
    decision = decide(facts, terms.rule, agreed, now)
    if isinstance(decision, Issue | NeedsCustomer):
        decision = _still_in_guarantee(facts, agreed, terms, now, vindi_now) or decision
    match decision:
        case NeedsCustomer():
            return Undecided(sale=sale, facts=facts, decision=decision)
        case Wait() if _asks_in_time(sale, decision):
            return Undecided(sale=sale, facts=facts, decision=decision)
        case _:
            return plan_sale(sale, decision, terms, now)


def _still_in_guarantee(
    facts: SaleFacts,
    agreed: TenantTerms,
    terms: Terms,
    now: datetime,
    vindi_now: datetime | None,
) -> Wait | None:
    """Wait on where a guarantee is over by the database's clock alone, and not by Vindi's.

    Of all that is planned by a clock that is ahead, a nota is what cannot be taken back. Were it
    Vindi's that is behind, it would leave later by as much, once.
    """
    if vindi_now is None or now - vindi_now < CLOCK_AHEAD:
        return None
    then = decide(facts, terms.rule, agreed, vindi_now)
    if not isinstance(then, Wait) or then.status != "in_guarantee" or then.until is None:
        return None
    return replace(then, put_off=now + (then.until - vindi_now))


def decided_with_customer(
    sale: FreshSale, before: Undecided, agreed: TenantTerms, terms: Terms, now: datetime
) -> Plan:
    """Go on with a sale whose customer was read now."""
    facts = replace(before.facts, customer=sale.customer)
    if isinstance(before.decision, Wait):
        return plan_sale(sale, _wait_on(facts, before.decision, agreed, terms, now), terms, now)
    decision = decide_with_customer(facts, before.decision, terms.rule, agreed, now)
    return plan_sale(sale, decision, terms, now)


def _wait_on(
    facts: SaleFacts, wait: Wait, agreed: TenantTerms, terms: Terms, now: datetime
) -> Decision:
    """Decide a sale in guarantee again, by what its customer lacks."""
    if wait.put_off is None or wait.until is None:
        return decide(facts, terms.rule, agreed, now)
    decision = decide(facts, terms.rule, agreed, wait.until - timedelta(seconds=1))
    return replace(decision, put_off=wait.put_off) if isinstance(decision, Wait) else decision


def _asks_in_time(sale: FreshSale, wait: Wait) -> bool:
    """Say whether the customer of a sale in guarantee is worth a read now.

    Once is enough while nothing was found wanting: what came due is read again anyway.
    """
    if wait.status != "in_guarantee":
        return False
    known = sale.known.sale
    if known is None or known.status is not SaleStatus.IN_GUARANTEE or known.attention is not None:
        return True
    return not known.customer_read or known.customer_id != sale.bill.customer_id


def unnamed_in_time(before: Undecided, unread: Unread, terms: Terms, now: datetime) -> Plan | None:
    """What becomes of a sale in guarantee whose customer could not be read; None for any other.

    It waits as it would. What Vindi said of the customer is told; what it could not say is asked
    again after a while.
    """
    wait = before.decision
    if not isinstance(wait, Wait):
        return None
    match unread.why:
        case NoCustomer(code=code, problem=problem):
            wait = replace(wait, attention=code, lacks=problem)
        case NotNow():
            wait = replace(wait, ask_again=now + ASK_AGAIN)
        case _:
            pass
    return plan_sale(before.sale, wait, terms, now)
