"""Reading what changed since a mark, without reading over again what is known to be known.

On a renewal day the emitter reads thousands of bills fifty a call, and a pass would read all of
them once more. Instead it proves by one count that Vindi has no others. Let `cut` be a moment.
Of the records that we store with a stamp before it, those that the list from `cut` on does not
show still bear a stamp before it, for stamps only rise. If Vindi counts exactly so many between
the bound and `cut`, they are all there are; and one that was read after `cut` has not changed
since, or its stamp would be later. The few that were read before `cut` are read afresh.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any, Final, TypeVar

import structlog

from services.reconciler.accounts.afresh import read_bills_afresh
from services.reconciler.accounts.context import PassContext, pages
from services.reconciler.accounts.known import KnownRow
from services.reconciler.accounts.read_list import ListRead, TooLong, patiently
from services.reconciler.accounts.rows import Row, id_of
from shared.domain.ids import BillId
from shared.vindi.errors import VindiNoTotal
from shared.vindi.query import all_of, where

log = structlog.get_logger()

T = TypeVar("T")
ListWanted = Callable[[datetime], ListRead[T]]
KnownReader = Callable[[PassContext, datetime], Awaitable[list[KnownRow]]]

# Where much happened the overlap alone would be hundreds of pages in each of three passes. Beyond
# `LONG_OVERLAP` rows a pass looks back only this far, and the nightly sweep looks again.
OVERLAP_BUSY: Final = timedelta(minutes=1)
LONG_OVERLAP: Final = 500
# A read may come from a replica this far behind (vindi-api, section 1.2, speaks of 5 s), and
# clocks are compared by headers of whole seconds.
SETTLED_AFTER: Final = timedelta(seconds=15)
LEAST_SAVED: Final = 250  # rows; less is not worth the count
CUTS_TRIED: Final = 4
AT_ONCE: Final = 200  # bills in memory
SECOND: Final = timedelta(seconds=1)

Pages = AsyncIterator[tuple[datetime, Sequence[Row[T]]]]


async def pages_since(
    context: PassContext, mark: datetime, wanted: ListWanted[T], known: KnownReader | None = None
) -> Pages[T]:
    """Read what `wanted` asks for from a bound, each page with the instant it was asked after.

    Where much happened the bound is nearer to the mark, and what `known` proves to be stored
    already is left out. Bills behind the rows left out are taken in here where need be.
    """
    if context.state.zone == "unknown":
        async for page in pages(context, wanted(context.bound(mark))):
            yield page
        return
    try:
        short = replace(wanted(context.bound(mark)), most=LONG_OVERLAP)
        async for page in pages(context, short):
            yield page
    except TooLong:
        async for page in _busy_pages(context, mark - OVERLAP_BUSY, wanted, known):
            yield page


async def _busy_pages(
    context: PassContext, bound: datetime, wanted: ListWanted[T], known: KnownReader | None
) -> Pages[T]:
    bound = bound.replace(microsecond=0)
    proof = None if known is None else await _counted(context, bound, wanted, known)
    if proof is not None:
        moved: set[Any] = set()
        async for asked, rows in pages(context, wanted(proof.cut)):
            moved.update(id_of(row) for row in rows)
            yield asked, rows
        still = [row for row in proof.rows if row.id not in moved]
        if proof.counted == len(still):
            log.info("rows_counted", tenant_id=context.tenant, count=proof.counted)
            await _read_unsettled(context, {r.bill_id for r in still if not proof.settled(r)})
            return
    async for page in pages(context, wanted(bound)):
        yield page


@dataclass(frozen=True, slots=True, kw_only=True)
class _Proof:
    """Rows stamped before `cut`, and how many Vindi counted between the bound and it."""

    cut: datetime
    rows: Sequence[KnownRow]
    counted: int
    clock_behind: timedelta  # Vindi's

    def settled(self, row: KnownRow) -> bool:
        """Whether a row was read so late that a change since would be stamped after `cut`."""
        return row.read_at - self.clock_behind >= self.cut + SETTLED_AFTER


async def _counted(
    context: PassContext, bound: datetime, wanted: ListWanted[T], known: KnownReader
) -> _Proof | None:
    """Find a moment up to which Vindi counts no more rows than we store; None without one.

    Rows are loaded before they are counted: one stored in between only spoils the proof.
    """
    rows = await known(context, bound)
    behind = context.vindi_behind()
    for _ in range(CUTS_TRIED):
        cut = best_cut(rows, settled_after=SETTLED_AFTER + behind)
        if cut is None:
            return None
        rows = [row for row in rows if row.stamp < cut]
        try:
            counted = await _count(context, wanted(bound), cut)
        except VindiNoTotal:
            return None
        if counted <= len(rows):
            return _Proof(cut=cut, rows=rows, counted=counted, clock_behind=behind)
        # Some that are not stored yet, probably the newest: with half of the rows we may do.
        rows = sorted(rows, key=lambda row: row.stamp)[: len(rows) // 2]
    return None


async def _read_unsettled(context: PassContext, bills: Iterable[BillId]) -> None:
    wanted = sorted(bills)
    for at in range(0, len(wanted), AT_ONCE):
        await read_bills_afresh(context, wanted[at : at + AT_ONCE])


async def _count(context: PassContext, wanted: ListRead[Any], cut: datetime) -> int:
    # An upper bound is wrong for a list that is read page by page, not for one count.
    before = where("updated_at", "<", context.written(cut))
    query = before if wanted.query is None else all_of(wanted.query, before)
    return await patiently(
        lambda: context.vindi.count(wanted.resource, query), wanted.resource.path
    )


def best_cut(rows: Sequence[KnownRow], *, settled_after: timedelta) -> datetime | None:
    """The moment at which most rows had changed that were read only after it.

    None when reading everything costs hardly more.
    """
    changed = [(row.stamp + SECOND, 1) for row in rows]
    read = [(row.read_at - settled_after, -1) for row in rows]
    moments = sorted(changed + read)
    waiting = accumulate(step for _, step in moments)
    most, cut = max(zip(waiting, (at for at, _ in moments), strict=True), default=(0, None))
    return cut.replace(microsecond=0) if cut is not None and most >= LEAST_SAVED else None
