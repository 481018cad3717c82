"""Which request of Vindi's lists comes next in a backfill, and what its answer means.

Every bill whose moment can lie in the window was changed at or after the window's start, and
nearly every one was created before its end; a payment dated back is found by its charge. The list
is walked oldest created first, which no change of a row can reorder, and begins anew at the last
row's time every hundred pages. So each page is a place one can come back to.

Of rows of one second pages may repeat some and leave out others, so a list is read again until as
many rows were seen of it as it had. What a list cannot show hides nothing beside it or after it: a
page that fails is read in pieces, and what no piece shows is looked for by its charge.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final, TypeVar

import structlog
from msgspec.structs import replace

from services.reconciler.accounts.read_list import ListRead, Sound, sound_page
from services.reconciler.backfill.unshown import Unshown, created_at, unshown_of
from shared.domain.backfill import Window
from shared.domain.backfill_run import Position
from shared.domain.bill import Bill
from shared.domain.errors import RejectedError
from shared.domain.ids import BillId
from shared.vindi.client import BILLS, CHARGES, Page, Read, Resource, Unreadable, VindiClient
from shared.vindi.errors import VindiRequestRefused, VindiUnavailable
from shared.vindi.payloads import BilledCharge, id_in
from shared.vindi.query import Query, all_of, where

log = structlog.get_logger()

T = TypeVar("T")

PAGES_A_LIST: Final = 100  # vindi-api, section 3.1: keep windows well under 200 pages
# Wider than the doubt about time zones (3 h 15 min), and than clocks that disagree.
MARGIN: Final = timedelta(days=2)
ZONE_DOUBT: Final = timedelta(hours=3, minutes=15)
UTC_SHIFT: Final = timedelta(hours=3)
MOST_AGAIN: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownRows:
    """What one page has shown: whole bills, bills that are only named, and where to go on.

    Those that are named come with an instant near their moment, `unshown` with where they lie.
    """

    rows: Sequence[Read[Bill] | Unreadable] = ()
    named: Mapping[BillId, datetime] = field(default_factory=dict)
    unshown: Unshown | None = None
    next: Position


async def read_next(
    client: VindiClient,
    window: Window,
    position: Position,
    now: datetime,
    *,
    last_time: bool,
) -> ShownRows:
    """Read the next page by one request; the `last_time` as well as it can be read.

    Raises what the client raises, VindiUnavailable or IncompletePass for a page that is not whole
    (the `last_time`: of which nothing is shown), RejectedError (`rows_omitted`) for a list whose
    pages repeat.
    """
    if position.phase == "late":
        return await _read_late(client, window, position, last_time=last_time)
    try:
        return await _read_bills(client, window, position, now, last_time=last_time)
    except VindiRequestRefused:
        if position.reading == "plain":
            raise
        return ShownRows(next=_without_filter(client, position, "refused"))


async def _read_bills(
    client: VindiClient,
    window: Window,
    position: Position,
    now: datetime,
    *,
    last_time: bool,
) -> ShownRows:
    last_created = _last_created(window, position, now)
    query = None if position.reading == "plain" else _query(window, position, last_created)
    sound = await _sound(client, BILLS, query, position, last_time=last_time)
    page, created = sound.page, _created(sound.page)
    ordered = _in_order(created)
    if not ordered and position.reading != "plain":
        if not last_time:
            raise VindiUnavailable("a list out of order")
        return ShownRows(next=_without_filter(client, position, "out of order"))
    if position.anchor is not None and created and created[0] < position.anchor:
        return ShownRows(next=_misread(client, position, created[0]))
    late = last_created is not None and position.phase == "bills"
    return ShownRows(
        rows=page.rows,
        unshown=unshown_of(sound, seen=position.seen, since=position.anchor, ordered=ordered),
        next=_after(position, sound, created, late=late),
    )


async def _sound(
    client: VindiClient,
    resource: Resource[T],
    query: Query | None,
    position: Position,
    *,
    last_time: bool,
) -> Sound[T]:
    if not last_time:
        page = await client.read_page(resource, query, number=position.page)
        if not page.adds_up:
            raise VindiUnavailable("rows and total disagree")
        return Sound(page=page)
    wanted = ListRead(resource=resource, query=query)
    return await sound_page(client, wanted, position.page)


def _last_created(window: Window, position: Position, now: datetime) -> datetime | None:
    """Until when bills of the list were created; None when it has no end."""
    if window.end is None or position.phase == "whole" or position.reading == "plain":
        return None
    end = window.end + MARGIN
    return end if end < now else None


def _query(window: Window, position: Position, last_created: datetime | None) -> Query:
    shift = UTC_SHIFT if position.reading == "utc" else timedelta()
    terms = [where("updated_at", ">=", window.start - MARGIN)]
    if position.anchor is not None:
        terms.append(where("created_at", ">=", position.anchor + shift))
    if last_created is not None:
        terms.append(where("created_at", "<", last_created))
    return all_of(*terms)


def _created(page: Page[T]) -> list[datetime]:
    return [at for row in page.rows if (at := created_at(row.raw)) is not None]


def _in_order(created: Sequence[datetime]) -> bool:
    return all(sooner <= later for sooner, later in pairwise(created))


def _misread(client: VindiClient, position: Position, first: datetime) -> Position:
    """A row before the list's beginning: its time was read as UTC, or not looked at."""
    if position.anchor is None:
        raise AssertionError("a list without a beginning has no row before it")
    if position.reading == "brasilia" and first >= position.anchor - ZONE_DOUBT:
        return replace(_list_at(position, position.anchor), reading="utc")
    return _without_filter(client, position, "ignored")


def _without_filter(client: VindiClient, position: Position, why: str) -> Position:
    """Read the whole list from its start, since this account does not filter or sort it.

    That needs no order: it has as many rows as it says, and is read again until all were seen.
    """
    log.warning("vindi_filter_not_honoured", account=client.account, resource="bills", why=why)
    return replace(_list_at(position, None), reading="plain", rows_left=None)


def _after(
    position: Position,
    sound: Sound[T],
    created: Sequence[datetime],
    *,
    late: bool,
) -> Position:
    page = sound.page
    left = None if page.total is None else max(0, page.total - page.number * page.per_page)
    ends = _is_last(position, sound)
    after = replace(
        _noted(position, page, len(sound.unshown)),
        page=position.page + 1,
        rows_read=position.rows_read + len(page.rows),
        rows_left=0 if ends else left,
    )
    begin = position.anchor
    if not ends:
        if position.reading == "plain" or after.page <= PAGES_A_LIST or not created:
            return after
        if created[0] == created[-1] or (begin is not None and created[-1] <= begin):
            return after  # more bills of one second than a page holds, or a list: go on in it
    if _some_never_came(after, page, None if ends else created):
        if after.again < MOST_AGAIN:
            return _again(after, BILLS.path)
        after = replace(after, omitted=True)
    if ends:
        return replace(_list_at(after, begin), phase="late" if late else "rest")
    return _list_at(after, created[-1])


def _is_last(position: Position, sound: Sound[Any]) -> bool:
    """Whether a list ends here; one whose pages do not add up, once it shows nothing new."""
    page, known = sound.page, position.seen
    if sound.is_last or _repeats(position, page):
        return True
    if sound.trouble is None or position.page == 1 or not sound.shows_only(known.keys()):
        return False
    # Begun anew, a list shows what is known; more pages than rows it has in no case.
    return position.again == 0 or position.page > len(known)


def _repeats(position: Position, page: Page[Any]) -> bool:
    """Whether a list that does not say how long it is has shown all that it shows.

    RejectedError when its pages are full and repeat: what comes after them cannot be read. Of one
    that says so they do when all that was ever seen of it is what one page holds.
    """
    ids = {id_in(row.raw) for row in page.rows}
    if position.page == 1 or not ids <= position.seen.keys():
        return False
    if page.total is not None and len(position.seen) > page.per_page:
        return False
    if page.is_full:
        raise RejectedError("pages of a list repeat", code="rows_omitted")
    return page.total is None


def _list_at(position: Position, anchor: datetime | None) -> Position:
    """At the first page of another list."""
    return replace(position, anchor=anchor, page=1, seen={}, list_total=None, again=0)


def _noted(position: Position, page: Page[T], unshown: int = 0) -> Position:
    """With the rows of a page among those seen of the list, and those unshown not waited for."""
    ids = {
        number: int(at.timestamp()) if (at := created_at(row.raw)) else 0
        for row in page.rows
        if (number := id_in(row.raw)) is not None
    }
    begun = position.page > 1 and position.list_total is not None
    total = position.list_total if begun else page.total
    total = None if total is None else max(0, total - unshown)
    return replace(position, seen={**position.seen, **ids}, list_total=total)


def _some_never_came(
    position: Position, page: Page[T], created: Sequence[datetime] | None = None
) -> bool:
    """Whether rows were left out of those that the list had at first.

    Up to this page with `created`, the times of its rows: those of its last second are left to
    the list that begins there. Rows only come in while a list is read, so they may show a row
    twice but never hide one.
    """
    if position.list_total is None:
        return False
    if created is None:
        return len(position.seen) < position.list_total
    if not page.is_full:
        return False  # of pages that are shorter than they say, nothing follows from their number
    last = int(created[-1].timestamp())
    before = sum(at < last for at in position.seen.values())
    return before < page.number * page.per_page - created.count(created[-1])


def _again(position: Position, resource: str) -> Position:
    """Read a list again; what was seen of it stays seen."""
    log.info("backfill_list_read_again", resource=resource, seen=len(position.seen))
    return replace(position, page=1, again=position.again + 1)


async def _read_late(
    client: VindiClient, window: Window, position: Position, *, last_time: bool
) -> ShownRows:
    """Charges made after the list of bills had ended, yet paid inside the window."""
    if window.end is None:
        raise AssertionError("a window without an end has nothing after it")
    begin = window.end + MARGIN
    query = all_of(
        where("paid_at", ">=", window.start - MARGIN),
        where("paid_at", "<", window.end + MARGIN),
        where("created_at", ">=", begin - MARGIN),
    )
    # Where the filter does not work, the rest of the bills is read instead.
    whole = replace(_list_at(position, begin - MARGIN), phase="whole")
    try:
        sound = await _sound(client, CHARGES, query, position, last_time=last_time)
    except VindiRequestRefused:
        return ShownRows(next=whole)
    page = sound.page
    if not _in_order(_created(page)) and not last_time:  # else their number tells
        raise VindiUnavailable("a list out of order")
    if not all(_paid_inside(row, window) for row in page.rows):
        log.warning("vindi_filter_not_honoured", account=client.account, resource="charges")
        return ShownRows(next=whole)
    named = {bill: at for row in page.rows for bill, at in _named(row, window)}
    after = replace(_noted(position, page), page=position.page + 1)
    if sound.unshown:  # the bill behind a charge that is not shown is in the list of bills
        after = whole
    elif _is_last(position, sound):
        if not _some_never_came(after, page):
            after = replace(after, phase="rest")
        else:
            after = _again(after, CHARGES.path) if after.again < MOST_AGAIN else whole
    return ShownRows(named=named, next=after)


def _paid_inside(row: Read[BilledCharge] | Unreadable, window: Window) -> bool:
    if isinstance(row, Unreadable) or row.value.charge.paid_at is None:
        return isinstance(row, Unreadable)
    doubt = MARGIN + ZONE_DOUBT
    before = window.end is None or row.value.charge.paid_at < window.end + doubt
    return before and row.value.charge.paid_at >= window.start - doubt


def _named(
    row: Read[BilledCharge] | Unreadable, window: Window
) -> Sequence[tuple[BillId, datetime]]:
    """The bill of a charge, and when it was paid: in the window, where that is not told."""
    if isinstance(row, Read):
        return [(row.value.bill_id, row.value.charge.paid_at or window.start)]
    number = id_in(row.raw, "bill")
    return [] if number is None else [(BillId(number), window.start)]
