"""What a backfill foresees for one bill: the emitter's decision, under the backfill's terms."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from services.reconciler.backfill.known import StoredSale
from shared.db.vindi.bills_store import came_alive
from shared.domain.backfill import Foreseen, Window, foresee, window_moment
from shared.domain.backfill_run import BackfillRequest
from shared.domain.bill import LIVE_STATUSES, Bill, Customer
from shared.domain.decide import decide
from shared.domain.decision import Hold, NeedsCustomer
from shared.domain.ids import ChargeId
from shared.domain.money import Cents
from shared.domain.sale import SaleFacts, TenantTerms


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """Decides for one run; what it decides is what the emitter will."""

    asked: BackfillRequest
    terms: TenantTerms
    window: Window

    def moment(self, bill: Bill, known: StoredSale) -> datetime | None:
        """The moment of a bill, if it lies in the window."""
        alive = came_alive(known.bill, bill)
        at = window_moment(bill, self.asked.rule, alive, self.window.zone)
        return at if at is not None and self.window.holds(at) else None

    def foresee(
        self,
        bill: Bill,
        known: StoredSale,
        refunds: Mapping[ChargeId, Cents],
        now: datetime,
        customer: Customer | None = None,
    ) -> Foreseen | None:
        """Say what will become of a sale; None while its customer has to be read."""
        if known.has_nota:
            return Foreseen(outcome="known")
        sale = known.sale
        facts = SaleFacts(
            bill=bill,
            refunds=refunds,
            customer=customer,
            came_alive_at=came_alive(known.bill, bill),
            wish=sale.wish if sale else None,
            wish_at=sale.wish_at if sale else None,
            competencia=sale.competencia if sale else None,
            backfill=self.asked.competencia,
            amount_choice=sale.amount_choice if sale else None,
            without_document=sale is not None and sale.without_document,
        )
        decision = decide(facts, self.asked.rule, self.terms, now)
        return None if isinstance(decision, NeedsCustomer) else foresee(decision)


def held(code: str) -> Foreseen:
    """A sale that cannot be decided, and why."""
    return foresee(Hold(code=code))


def amount_at_moment(bill: Bill, known: StoredSale) -> Cents:
    """What a bill was worth at its moment: once canceled it says zero (design D9)."""
    if bill.status in LIVE_STATUSES and bill.amount != 0:
        return bill.amount
    return known.bill.moment_amount if known.bill else bill.amount or bill.lines_total
