"""Reads the transactions that paid some charges: a bill shows only the last of each."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import structlog

from shared.domain.bill import Payment
from shared.domain.ids import ChargeId
from shared.vindi.client import MOST_PER_PAGE, Read, Resource, VindiClient
from shared.vindi.errors import VindiRequestRefused
from shared.vindi.payloads import read_payment
from shared.vindi.query import one_of_ids

log = structlog.get_logger()

# None for a transaction that brought no money.
PAYMENTS: Final[Resource[Payment | None]] = Resource(
    path="transactions", one="transaction", read=read_payment
)


async def payments_of_charges(
    client: VindiClient, charges: Iterable[ChargeId]
) -> Mapping[ChargeId, Payment]:
    """The first successful payment of each charge; absent where Vindi does not tell one.

    Costs a request for fifty charges, and one each where an account refuses or ignores a choice
    among several. One that refuses or ignores the filter itself tells none: whoever asks must be
    able to do without.
    """
    wanted = sorted(set(charges))
    found: dict[ChargeId, Payment] = {}
    for at in range(0, len(wanted), MOST_PER_PAGE):
        found.update(await _group(client, wanted[at : at + MOST_PER_PAGE]))
    return found


async def _group(client: VindiClient, charges: Sequence[ChargeId]) -> dict[ChargeId, Payment]:
    told = await _told(client, charges)
    if told is not None:
        return told
    found: dict[ChargeId, Payment] = {}
    for charge in charges if len(charges) > 1 else ():
        alone = await _told(client, [charge])
        if alone is None:
            break  # not the choice, but the filter
        found.update(alone)
    return found


async def _told(client: VindiClient, charges: Sequence[ChargeId]) -> dict[ChargeId, Payment] | None:
    """The payments of charges asked about together; None where the question is not taken."""
    found: dict[ChargeId, Payment] = {}
    wanted = frozenset(charges)
    try:
        async for page in client.iter_pages(PAYMENTS, one_of_ids("charge_id", charges)):
            for row in page.rows:
                payment = row.value if isinstance(row, Read) else None
                if payment is None:
                    continue
                if payment.charge_id not in wanted:
                    log.warning("vindi_filter_ignored", account=client.account, resource="payments")
                    return None
                known = found.get(payment.charge_id)
                if known is None or payment.created_at < known.created_at:
                    found[payment.charge_id] = payment
    except VindiRequestRefused:
        log.warning("vindi_filter_refused", account=client.account, resource="payments")
        return None
    return found
