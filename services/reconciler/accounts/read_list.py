"""Reading one of Vindi's lists whole, and proving that it was whole.

Lists come oldest created first with a lower bound only, so rows can only be added while we read:
what was there at the start is seen, at worst twice (vindi-api, section 11). Whatever does not add
up is read again, and a read that never adds up is not complete: its mark must not move.
"""

import asyncio
import random
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any, Final, Generic, Literal, TypeVar

import structlog
from msgspec import Struct

from services.reconciler.accounts.pieces import in_pieces
from services.reconciler.accounts.rows import Fits, Row
from shared.domain.errors import TransientError
from shared.vindi.client import Page, Resource, Untold, VindiClient
from shared.vindi.errors import (
    VindiBusy,
    VindiNoTotal,
    VindiPagesRepeat,
    VindiUnavailable,
)
from shared.vindi.query import Query

log = structlog.get_logger()

T = TypeVar("T")
K = TypeVar("K")
Why = Literal[
    "filter_ignored",
    "order_ignored",
    "total_disagrees",
    "rows_omitted",
    "never_ends",
    "pages_repeat",
    "vindi_unavailable",
]

DISORDER: Final[Why] = "order_ignored"  # a habit of an account, which no later pass mends
PAUSES: Final = (0.2, 1.0, 5.0)  # seconds before a page that failed is asked for again
PAGE_TRIES: Final = 3  # of a page whose rows and Total disagree
LIST_TRIES: Final = 6
# A full budget is waited for between pages, or no long list would ever end; see `_patiently`.
LONGEST_WAIT: Final = timedelta(seconds=90)
WAITS: Final = 3
SLACK_PAGES: Final = 50
MOST_FAILURES: Final = 10
MOST_PAGES: Final = 10_000  # of a list that does not say how long it is
CHANCE: Final = random.SystemRandom()  # processes that are forks of one draw apart, too


class IncompletePass(TransientError):
    """A list was not read whole. What was read of it is true; nothing follows from the rest."""

    def __init__(self, why: Why, resource: str) -> None:
        super().__init__(f"{resource} not read whole: {why}")
        self.why: Why = why
        self.resource = resource


@dataclass(slots=True)
class AtTheEnd:
    """Goes on after what could not be read, and raises the first of it once the rest is done."""

    _first: IncompletePass | None = None
    _failures: int = 0

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Keep what the block raises of unread records, unless too much fails: Vindi is away."""
        try:
            yield
        except IncompletePass as error:
            self._first = self._first or error
            self._failures += 1
            if self._failures >= MOST_FAILURES:
                raise

    def raise_first(self) -> None:
        """Raise what was kept, if anything was."""
        if self._first is not None:
            raise self._first


class TooLong(Exception):
    """A list has more rows than its reader wants; nothing of it was taken."""


@dataclass(slots=True)
class _Tally:
    """What the pages of one reading, and of those before it, add up to."""

    first_total: int | None = None
    last_total: int | None = None
    shrank: bool = False
    seen: set[object] = field(default_factory=set)
    rows: int = 0

    def add(self, page: Page[Any]) -> None:
        if page.total is not None:
            self.first_total = page.total if self.first_total is None else self.first_total
            self.shrank |= self.last_total is not None and page.total < self.last_total
            self.last_total = page.total
        self.seen |= page.keys
        self.rows += len(page.rows)

    @property
    def exact(self) -> bool:
        """Each row once, and so many as there are, on pages that were shorter than they said."""
        return self.whole and self.rows == len(self.seen) == self.last_total

    @property
    def whole(self) -> bool:
        """Every row that was there at the start was seen, if rows only came and none went."""
        return not self.shrank and len(self.seen) >= (self.first_total or 0)

    def next(self) -> "_Tally":
        """Of the list's next reading. What was seen stays seen, unless rows went."""
        return _Tally() if self.shrank else _Tally(seen=self.seen, last_total=self.last_total)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRead(Generic[T]):
    """What to read: `fits` says of a raw row whether it is one that `query` asks for."""

    resource: Resource[T]
    query: Query | None
    fits: Fits = field(default=lambda _raw: True)
    most: int | None = None  # rows; a longer list is not begun


async def read_list(client: VindiClient, wanted: ListRead[T]) -> AsyncIterator[Sequence[Row[T]]]:
    """Yield a list page by page; ending without an error means that it was read whole.

    What can be read is yielded, also of a list that never adds up, or of a page that no request
    shows whole. A row may come twice, and all of them again when a reading did not add up, so
    whoever takes them must not mind. Raises IncompletePass, VindiRequestRefused, what blocks the
    tenant (TenantBlockedError), TooLong, and VindiBusy when the account's requests are spent.
    """
    tally = _Tally()
    for _ in range(LIST_TRIES):
        trouble: IncompletePass | None = None
        async for sound in _pages(client, wanted):
            tally.add(sound.page)
            trouble = trouble or sound.trouble
            if sound.page.rows:
                yield sound.page.rows
        if trouble is not None and not (trouble.why == "total_disagrees" and tally.exact):
            raise trouble
        if tally.whole:
            return
        log.info("vindi_list_read_again", resource=wanted.resource.path, total=tally.first_total)
        tally = tally.next()
    raise IncompletePass("rows_omitted", wanted.resource.path)


class Sound(Struct, Generic[T], frozen=True, kw_only=True):
    """A page as well as it could be read, and what was the matter with it."""

    page: Page[T]
    trouble: IncompletePass | None = None
    unshown: tuple[int, ...] = ()  # of rows that no request shows: how many are before each

    @property
    def is_last(self) -> bool:
        """As of its page; one of which nothing is shown ends no list that is longer."""
        page = self.page
        if page.rows or not self.unshown:
            return page.is_last
        return page.total is not None and page.number * page.per_page >= page.total

    def shows_only(self, seen: AbstractSet[object]) -> bool:
        """Whether it shows nothing but rows that were seen, and hides none."""
        return self.page.keys <= seen and not (self.unshown and not self.page.rows)


async def _pages(client: VindiClient, wanted: ListRead[T]) -> AsyncIterator[Sound[T]]:
    most = MOST_PAGES
    seen: set[object] = set()
    for number in count(1):
        sound = await sound_page(client, wanted, number)
        page = sound.page
        if number == 1 and wanted.most is not None and (page.total or 0) > wanted.most:
            raise TooLong
        yield sound
        if sound.is_last or shows_nothing_new(client, wanted.resource, sound, seen):
            return
        seen |= page.keys
        if number == 1 and page.total is not None:
            most = 4 * (page.total // page.per_page + 1) + SLACK_PAGES
        if number >= most:
            raise IncompletePass("never_ends", wanted.resource.path)


def shows_nothing_new(
    client: VindiClient, resource: Resource[Any], sound: Sound[Any], seen: set[object]
) -> bool:
    """Whether a list whose pages do not tell where it ends has shown all that it shows."""
    if sound.page.total is None:
        return _repeats(client, resource, sound.page, seen)
    return sound.trouble is not None and sound.shows_only(seen)


def _repeats(
    client: VindiClient, resource: Resource[Any], page: Page[Any], seen: set[object]
) -> bool:
    """Whether a list that does not say how long it is has shown all that it shows."""
    try:
        return client.repeats(page, seen)
    except VindiPagesRepeat as error:
        raise IncompletePass("pages_repeat", resource.path) from error


async def sound_page(
    client: VindiClient, wanted: ListRead[T], number: int, *, descending: bool = False
) -> Sound[T]:
    """Read a page until its rows and its own Total agree; else as it came."""
    path = wanted.resource.path
    for _ in range(PAGE_TRIES):
        try:
            page = await _patiently(client, wanted, number, descending=descending)
        except IncompletePass as error:
            return await _in_pieces(client, wanted, number, error, descending=descending)
        if not all(wanted.fits(row.raw) for row in page.rows):
            raise IncompletePass("filter_ignored", path)
        if page.adds_up:
            return Sound(page=page)
    return Sound(page=page, trouble=IncompletePass("total_disagrees", path))


async def _in_pieces(
    client: VindiClient,
    wanted: ListRead[T],
    number: int,
    error: IncompletePass,
    *,
    descending: bool,
) -> Sound[T]:
    """Read a page that fails by smaller ones; raises `error` where none of them is answered.

    A budget that is spent is waited for: begun anew each time, all the pieces of a page would never
    fit into the few requests a minute that a backfill is left.
    """

    async def piece(place: int, rows: int) -> Page[T] | None:
        async def read() -> Page[T]:
            return await client.read_page(
                wanted.resource, wanted.query, number=place, per_page=rows, descending=descending
            )

        try:
            page = await within_budget(read, waits=WAITS)
        except VindiUnavailable:
            return None
        if not all(wanted.fits(row.raw) for row in page.rows):
            raise IncompletePass("filter_ignored", wanted.resource.path)
        return page

    found = await in_pieces(piece, number)
    if found is None:
        raise error
    page, unshown = found
    return Sound(page=page, trouble=error, unshown=unshown)


async def _patiently(
    client: VindiClient, wanted: ListRead[T], number: int, *, descending: bool
) -> Page[T]:
    """Read a page, waiting out a failure or, once a list is begun, a budget that is spent."""

    async def read() -> Page[T]:
        return await client.read_page(
            wanted.resource, wanted.query, number=number, descending=descending
        )

    return await within_budget(
        lambda: patiently(read, wanted.resource.path), waits=0 if number == 1 else WAITS
    )


async def within_budget(ask: Callable[[], Awaitable[T]], *, waits: int) -> T:
    """Ask Vindi, waiting so many times for a budget that is spent; then VindiBusy."""
    for _ in range(waits):
        try:
            return await ask()
        except VindiBusy as busy:
            if busy.retry_after > LONGEST_WAIT:
                raise
            await _rest(busy.retry_after.total_seconds())
    return await ask()


async def patiently(ask: Callable[[], Awaitable[T]], resource: str) -> T:
    """Ask Vindi, and again after each of a few pauses while it gives no usable answer.

    Raises IncompletePass (`vindi_unavailable`) when it never does, VindiNoTotal at once, and
    whatever else `ask` raises.
    """
    for pause in PAUSES:
        try:
            return await ask()
        except VindiNoTotal:
            raise
        except VindiUnavailable:
            await _rest(pause)
    try:
        return await ask()
    except VindiUnavailable as error:
        raise IncompletePass("vindi_unavailable", resource) from error


async def patiently_each(
    ask: Callable[[Iterable[K]], Awaitable[Mapping[K, T]]], ids: Iterable[K]
) -> dict[K, T]:
    """Ask Vindi about many records, and again about those that it gave no usable answer for."""
    found = dict(await ask(ids))
    for pause in PAUSES:
        again = [number for number, row in found.items() if _may_come(row)]
        if not again:
            break
        await _rest(pause)
        found.update(await ask(again))
    return found


def _may_come(row: object) -> bool:
    return isinstance(row, Untold) and not isinstance(row.error, VindiBusy)


def raise_unread(rows: Iterable[object], resource: str) -> None:
    """Raise what kept any of these records from being read; call it once the others are used."""
    for row in rows:
        if isinstance(row, Untold):
            if isinstance(row.error, VindiBusy):
                raise row.error
            raise IncompletePass("vindi_unavailable", resource) from row.error


async def _rest(seconds: float) -> None:
    # Jitter: tenants that failed together do not come back together.
    await asyncio.sleep(seconds * CHANCE.uniform(1, 1.25))
