"""Asks when payments were recorded, for the few sales whose side of the activation hangs on it."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from msgspec.structs import replace

from services.emitter.reading.read import ReadBatch, Unread, is_silent, not_now
from services.emitter.work import FreshSale
from shared.domain.bill import Payment
from shared.domain.decide import asks_when_recorded
from shared.domain.errors import TransientError
from shared.domain.ids import BillId, ChargeId
from shared.domain.sale import TenantTerms
from shared.vindi.bulk import Bulk
from shared.vindi.client import Untold, VindiClient
from shared.vindi.errors import VindiBusy, VindiUnavailable
from shared.vindi.payments import payments_of_charges


async def read_payments(
    bulk: Bulk,
    vindi: VindiClient,
    terms: TenantTerms,
    sales: Sequence[FreshSale],
    now: datetime,
) -> ReadBatch:
    """Add the paying transactions to sales that cannot be judged without; most passes ask none.

    Where they cannot be read it is these sales that wait, and no others. An account that never
    tells them, though it tells the rest, leaves the question to a person.
    """
    if terms.active_from is None:
        return ReadBatch(fresh=list(sales), unread=[])
    old = [sale for sale in sales if _paid_before(sale, terms.active_from)]
    asked = {sale.bill.id: asks_when_recorded(sale.facts(now), terms) for sale in old}
    charges = [charge for mine in asked.values() for charge in mine]
    if not charges:
        return ReadBatch(fresh=list(sales), unread=[])
    try:
        found = await payments_of_charges(vindi, charges)
    except TransientError as error:
        untold = (
            Untold(error=error) if isinstance(error, VindiBusy | VindiUnavailable) else Untold()
        )
        return _without(bulk, vindi, sales, [id_ for id_, mine in asked.items() if mine], untold)
    fresh = [_with(sale, found) if asked.get(sale.bill.id) else sale for sale in sales]
    return ReadBatch(fresh=fresh, unread=[])


def _without(
    bulk: Bulk,
    vindi: VindiClient,
    sales: Sequence[FreshSale],
    lacking: Collection[BillId],
    answer: Untold,
) -> ReadBatch:
    waiting = [
        sale
        for sale in sales
        if sale.bill.id in lacking and not is_silent(bulk, vindi, sale.entry, answer)
    ]
    ids = {sale.bill.id for sale in waiting}
    return ReadBatch(
        fresh=[sale for sale in sales if sale.bill.id not in ids],
        unread=[
            Unread(entry=sale.entry, known=sale.known, why=not_now(answer, sale))
            for sale in waiting
        ],
    )


def _paid_before(sale: FreshSale, active_from: datetime) -> bool:
    return any(c.paid_at is not None and c.paid_at < active_from for c in sale.bill.charges)


def _with(sale: FreshSale, found: Mapping[ChargeId, Payment]) -> FreshSale:
    mine = {c.id: found[c.id] for c in sale.bill.charges if c.id in found}
    return replace(sale, payments=mine)
