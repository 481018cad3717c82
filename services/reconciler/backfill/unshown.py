"""Bills that no list of Vindi's can show, found by the charges that name them."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from typing import Final

import structlog
from msgspec import Struct

from services.reconciler.accounts.read_list import (
    IncompletePass,
    ListRead,
    instant_of,
    patiently_each,
    since,
    sound_page,
    within_budget,
)
from shared.domain.ids import BillId
from shared.vindi.bulk import Bulk
from shared.vindi.client import CHARGES, Untold, VindiClient
from shared.vindi.errors import VindiBusy, VindiRequestRefused
from shared.vindi.payloads import id_in
from shared.vindi.query import where

log = structlog.get_logger()

MOST_PAGES: Final = 10  # of charges that are looked through for a bill; the nearest come first
SLACK: Final = timedelta(seconds=1)  # a bill's charge is made with it, in its second or the next
MOST_TRIED: Final = 50  # bills that are asked for one by one
WAITS: Final = 3


class Unshown(Struct, frozen=True, kw_only=True):
    """So many rows of a page that were not shown, and what is known of where they lie."""

    count: int
    after: datetime | None  # the row before them was created then; None where none is known
    before: datetime | None  # some row after them was created then, where that is known
    shown: frozenset[int]  # ids of those around them


async def find_unshown(
    client: VindiClient, bulk: Bulk, unshown: Unshown
) -> Mapping[BillId, datetime]:
    """Which bills these are, with the instant at which the charge that names each was made.

    Fewer than there are where no charge names them, or where there are too many to try. Raises
    VindiBusy, and what blocks the tenant.
    """
    found: dict[BillId, datetime] = {}
    tried: set[int] = set(unshown.shown)
    for number in count(1):
        page = await _charges(client, unshown, number)
        for bill, at in page.items():
            if bill in tried:
                continue
            tried.add(bill)
            row = await within_budget(partial(_asked, client, bulk, bill), waits=WAITS)
            if isinstance(row, Untold):
                found[bill] = at
            if len(found) == unshown.count:
                return found
        if not page or number >= MOST_PAGES or len(tried) - len(unshown.shown) >= MOST_TRIED:
            log.warning("bills_not_named", account=client.account, named=len(found))
            return found
    raise AssertionError("counting ends")


async def _asked(client: VindiClient, bulk: Bulk, bill: BillId) -> object:
    found = await patiently_each(lambda ids: bulk.refresh_bills(client, ids), [bill])
    row = found[bill]
    if isinstance(row, Untold) and isinstance(row.error, VindiBusy):
        raise row.error
    return row


async def _charges(client: VindiClient, unshown: Unshown, number: int) -> dict[BillId, datetime]:
    """The bills that a page of charges names, the nearest first; none where it is not read."""
    wanted = ListRead(resource=CHARGES, query=None)
    if unshown.after is not None:
        begin = unshown.after - SLACK
        query, fits = where("created_at", ">=", begin), since("created_at", begin)
        wanted = ListRead(resource=CHARGES, query=query, fits=fits)
    elif unshown.before is not None:
        query = where("created_at", "<=", unshown.before + SLACK)
        wanted = ListRead(resource=CHARGES, query=query)
    from_end = unshown.after is None
    try:
        page = (await sound_page(client, wanted, number, descending=from_end)).page
    except (IncompletePass, VindiRequestRefused):
        return {}
    named: dict[BillId, datetime] = {}
    for row in page.rows:
        bill, at = id_in(row.raw, "bill"), instant_of(row.raw, "created_at")
        if bill is not None and at is not None:
            named.setdefault(BillId(bill), at)
    return named
