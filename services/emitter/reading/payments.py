"""Asks when payments were recorded, for the few sales whose side of the activation hangs on it."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec.structs import replace

from services.emitter.work import FreshSale
from shared.domain.bill import Payment
from shared.domain.decide import asks_when_recorded
from shared.domain.ids import ChargeId
from shared.domain.sale import TenantTerms
from shared.vindi.client import VindiClient
from shared.vindi.payments import payments_of_charges


async def read_payments(
    vindi: VindiClient, terms: TenantTerms, sales: Sequence[FreshSale], now: datetime
) -> list[FreshSale]:
    """Add the paying transactions to sales that cannot be judged without; most passes ask none."""
    if terms.active_from is None:
        return list(sales)
    old = [sale for sale in sales if _paid_before(sale, terms.active_from)]
    asked = {sale.bill.id: asks_when_recorded(sale.facts(now), terms) for sale in old}
    charges = [charge for mine in asked.values() for charge in mine]
    if not charges:
        return list(sales)
    found = await payments_of_charges(vindi, charges)
    return [_with(sale, found) if asked.get(sale.bill.id) else sale for sale in sales]


def _paid_before(sale: FreshSale, active_from: datetime) -> bool:
    return any(c.paid_at is not None and c.paid_at < active_from for c in sale.bill.charges)


def _with(sale: FreshSale, found: Mapping[ChargeId, Payment]) -> FreshSale:
    mine = {c.id: found[c.id] for c in sale.bill.charges if c.id in found}
    return replace(sale, payments=mine)
