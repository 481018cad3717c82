"""Decides sales that were read, and plans what follows. Pure."""

from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from services.emitter.planning.plan import plan_sale
from services.emitter.planning.rows import Terms
from services.emitter.work import FreshSale, Plan
from shared.domain.decide import decide, decide_with_customer
from shared.domain.decision import NeedsCustomer
from shared.domain.sale import SaleFacts, TenantTerms


class Undecided(Struct, frozen=True, kw_only=True):
    """A sale whose customer has to be read before it is decided, and how far that went."""

    sale: FreshSale
    facts: SaleFacts
    decision: NeedsCustomer


def decided(sale: FreshSale, agreed: TenantTerms, terms: Terms, now: datetime) -> Plan | Undecided:
    """Decide a sale by its bill alone, where that is enough."""
    facts = sale.facts(now)
    decision = decide(facts, terms.rule, agreed, now)
    if isinstance(decision, NeedsCustomer):
        return Undecided(sale=sale, facts=facts, decision=decision)
    return plan_sale(sale, decision, terms, now)


def decided_with_customer(
    sale: FreshSale, before: Undecided, agreed: TenantTerms, terms: Terms, now: datetime
) -> Plan:
    """Go on with a sale whose customer was read now."""
    facts = replace(before.facts, customer=sale.customer)
    decision = decide_with_customer(facts, before.decision, terms.rule, agreed, now)
    return plan_sale(sale, decision, terms, now)
