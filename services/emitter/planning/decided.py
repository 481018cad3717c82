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
from shared.domain.decision import NeedsCustomer, Wait
from shared.domain.sale import SaleFacts, SaleStatus, TenantTerms

ASK_AGAIN: Final = timedelta(minutes=10)  # a budget that is spent, or Vindi away


class Undecided(Struct, frozen=True, kw_only=True):
    """A sale whose customer has to be read before it is decided, and how far that went.

    One in guarantee waits in any case: its customer is read to say in time what the nota will lack.
    """

    sale: FreshSale
    facts: SaleFacts
    decision: NeedsCustomer | Wait


def decided(sale: FreshSale, agreed: TenantTerms, terms: Terms, now: datetime) -> Plan | Undecided:
    """Decide a sale by its bill alone, where that is enough."""
    facts = sale.facts(now)
    decision = decide(facts, terms.rule, agreed, now)
    match decision:
        case NeedsCustomer():
            return Undecided(sale=sale, facts=facts, decision=decision)
        case Wait() if _asks_in_time(sale, decision):
            return Undecided(sale=sale, facts=facts, decision=decision)
        case _:
            return plan_sale(sale, decision, terms, now)


def decided_with_customer(
    sale: FreshSale, before: Undecided, agreed: TenantTerms, terms: Terms, now: datetime
) -> Plan:
    """Go on with a sale whose customer was read now."""
    facts = replace(before.facts, customer=sale.customer)
    if isinstance(before.decision, Wait):
        return plan_sale(sale, decide(facts, terms.rule, agreed, now), terms, now)
    decision = decide_with_customer(facts, before.decision, terms.rule, agreed, now)
    return plan_sale(sale, decision, terms, now)


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
