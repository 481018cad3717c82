"""Bills that no list of Vindi's can show, found by the charges that name them."""

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from typing import Any, Final

import structlog
from msgspec import Struct

from services.reconciler.accounts.read_list import (
    IncompletePass,
    ListRead,
    Sound,
    patiently_each,
    sound_page,
    within_budget,
)
from services.reconciler.accounts.rows import instant_of, since
from shared.domain.ids import BillId
from shared.vindi.bulk import Bulk
from shared.vindi.client import CHARGES, Untold, VindiClient
from shared.vindi.errors import UnreadableBillError, VindiBusy, VindiRequestRefused
from shared.vindi.payloads import id_in, read_second
from shared.vindi.query import where

log = structlog.get_logger()

MOST_PAGES: Final = 10  # of charges that are looked through for a bill; the nearest come first
MOST_PAGES_ANYWHERE: Final = 100  # where nothing is known of where it lies; the newest come first
SLACK: Final = timedelta(seconds=1)  # a bill's charge is made with it, in its second or the next
MOST_TRIED: Final = 50  # bills that are asked for one by one
WAITS: Final = 3


class Unshown(Struct, frozen=True, kw_only=True):
    """So many rows of a page that were not shown, and what is known of where they lie."""

    count: int
    after: datetime | None  # the row before them was created then; None where none is known
    before: datetime | None  # some row after them was created then, where that is known
    shown: frozenset[int]  # ids of those around them


def unshown_of(
    sound: Sound[Any],
    *,
    seen: Mapping[int, int],
    since: datetime | None,
    ordered: bool = True,
) -> Unshown | None:
    """What is known of the rows of a page that no request shows; None where all are shown.

    They were created after those before and before the next: rows of the page, or those `seen` of
    the list, with the seconds of their creation, or where the list begins (`since`). Where a list
    is not `ordered` they may lie anywhere.
    """
    if not sound.unshown:
        return None
    rows, first = sound.page.rows, sound.unshown[0]
    before = [at for row in rows[:first] if (at := created_at(row.raw)) is not None]
    behind = [at for row in rows[first:] if (at := created_at(row.raw)) is not None]
    shown = {number for row in rows if (number := id_in(row.raw)) is not None}
    if not ordered:
        known = frozenset(shown | seen.keys())
        return Unshown(count=len(sound.unshown), after=None, before=None, shown=known)
    end = int(behind[0].timestamp()) if behind else sys.maxsize
    others = [at for number, at in seen.items() if number not in shown and at <= end]
    if not before and others:
        before = [datetime.fromtimestamp(max(others), UTC)]
    return Unshown(
        count=len(sound.unshown),
        after=before[-1] if before else since,
        before=behind[0] if behind else None,
        shown=frozenset(shown | seen.keys()),
    )


async def find_unshown(
    client: VindiClient, bulk: Bulk, unshown: Unshown
) -> Mapping[BillId, datetime]:
    """Which bills these are, with the instant at which the charge that names each was made.

    Fewer than there are where no charge names them, or where there are too many to try. Raises
    VindiBusy, and what blocks the tenant.
    """
    found: dict[BillId, datetime] = {}
    tried: set[int] = set(unshown.shown)
    anywhere = unshown.after is None and unshown.before is None
    most_pages = MOST_PAGES_ANYWHERE if anywhere else MOST_PAGES
    most_tried = len(tried) + MOST_TRIED
    for number in count(1):
        page = await _charges(client, unshown, number)
        new = [bill for bill in page if bill not in tried]
        # Where the place is known the nearest is nearly always it; else a list asks for many.
        for some in [new] if anywhere else [[bill] for bill in new]:
            if some and (anywhere or len(tried) < most_tried):
                tried.update(some)
                never = await within_budget(partial(_never_shown, client, bulk, some), waits=WAITS)
                found |= {bill: page[bill] for bill in never}
            if len(found) >= unshown.count:
                return dict(list(found.items())[: unshown.count])
        if not page or number >= most_pages or (not anywhere and len(tried) >= most_tried):
            log.warning("bills_not_named", account=client.account, named=len(found))
            return found
    raise AssertionError("counting ends")


async def _never_shown(client: VindiClient, bulk: Bulk, bills: Sequence[BillId]) -> list[BillId]:
    """Which of some bills Vindi does not show; VindiBusy where it was not asked about all."""
    found = await patiently_each(lambda ids: bulk.refresh_bills(client, ids), bills)
    untold = {bill: row for bill, row in found.items() if isinstance(row, Untold)}
    for row in untold.values():
        if isinstance(row.error, VindiBusy):
            raise row.error
    return list(untold)


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


def created_at(raw: Mapping[str, Any]) -> datetime | None:
    """When a row was created; None when it does not say so."""
    try:
        return read_second(raw.get("created_at"))
    except (ValueError, UnreadableBillError):
        return None
