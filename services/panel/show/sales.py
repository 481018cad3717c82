"""A line of the list of sales. Pure."""

from dataclasses import dataclass
from datetime import date, datetime

from services.panel.kit.say import Clock, TimeSaid
from services.panel.show.filters import method_said
from services.panel.show.status import Badge, badge
from shared.db.sales.sales_read import SaleView
from shared.domain.ids import BillId
from shared.domain.sale import SaleStatus

# What stands in a line about why: of these the status says it all.
_SILENT = frozenset({SaleStatus.ISSUED, SaleStatus.WAITING_PAYMENT, SaleStatus.IN_GUARANTEE})


@dataclass(frozen=True, slots=True, kw_only=True)
class SaleLine:
    """A sale as the list shows it."""

    bill: BillId
    customer: str
    amount: int
    badge: Badge
    why: str
    moment: TimeSaid | None
    issue: TimeSaid | None
    nota: str
    competencia: date | None
    origin: str
    version: int | None
    product: str
    plan: str
    method: str


def line(sale: SaleView, clock: Clock) -> SaleLine:
    """What a list says of a sale."""
    return SaleLine(
        bill=sale.bill_id,
        customer=sale.customer_name,
        amount=sale.amount,
        badge=badge(sale.status, sale.issue_at, clock.zone),
        why=_why(sale),
        moment=_on(clock, sale.moment_at),
        issue=_on(clock, sale.issue_at),
        nota=" + ".join(one.number for one in sale.notas if one.number),
        competencia=sale.competencia,
        origin=sale.origin,
        version=sale.rule_version,
        product=sale.products,
        plan=sale.plan,
        method=method_said(sale.method),
    )


def short(text: str) -> str:
    """The first sentence of a message: a list has room for no more."""
    first, stop, _ = text.partition(". ")
    return first + "." if stop else text


def _why(sale: SaleView) -> str:
    if sale.message is None or (sale.status in _SILENT and sale.attention is None):
        return ""
    return short(sale.message.text)


def _on(clock: Clock, at: datetime | None) -> TimeSaid | None:
    return None if at is None else clock.on(at)
