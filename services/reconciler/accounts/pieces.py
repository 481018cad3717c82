"""Reading a page that fails by smaller ones, without what makes these fail.

One row that its account cannot show would hide those beside it, and all that come after. How many
rows a page has is the account's to say (its `Per-Page`): one that gives fewer than were asked for
has its pages elsewhere, so that is learnt first from a page that does not fail.
"""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from msgspec import Struct

from shared.vindi.client import MOST_PER_PAGE, Page

T = TypeVar("T")

# Reads the page of a number, of so many rows; None where that fails.
ReadPage = Callable[[int, int], Awaitable[Page[T] | None]]
MOST_A_PIECE: Final = 10
FAILS_AT_ONCE: Final = 20  # rows asked for one by one, of which none came: Vindi is away


class PageSize(Struct, frozen=True, kw_only=True):
    """How many rows an account's pages have, whatever was asked for."""

    rows: int
    said: int | None = None  # whatever it says of any page; None: it says the truth of each
    beside: int | None = None  # the page that told; None: none was shown
    total: int | None = None  # of the list, as that page says

    def is_of(self, page: Page[T], rows: int) -> bool:
        """Whether a page is of so many rows, as it was asked for."""
        if self.said is not None:
            return len(page.rows) <= rows
        return page.per_page == rows


async def in_pieces(read: ReadPage[T], number: int) -> tuple[Page[T], tuple[int, ...]] | None:
    """A page put together, and of each row that no piece shows how many are before it.

    None where no piece is answered: Vindi is away, then.
    """
    size = await _size(read, number)
    piece = _piece(size.rows)
    found: list[Page[T]] = []
    unshown: list[int] = []
    for place in _places(number, size.rows // piece):
        some = await _one(read, size, place, piece) if piece > 1 else None
        if some is not None:
            found.append(some)
            continue
        if not found and size.beside is None and len(unshown) >= FAILS_AT_ONCE:
            return None
        for single in _places(place, piece):
            row = await _one(read, size, single, 1)
            if row is None:
                unshown.append(sum(len(page.rows) for page in found))
            else:
                found.append(row)
    if not found and not (size.beside and await read(size.beside, MOST_PER_PAGE)):
        return None
    rows = tuple(row for page in found for row in page.rows)
    total = found[-1].total if found else size.total
    there = len(unshown) if total is None else total - (number - 1) * size.rows - len(rows)
    page = Page(rows=rows, number=number, per_page=size.rows, total=total)
    return page, tuple(unshown[: max(0, there)])


async def _size(read: ReadPage[T], number: int) -> PageSize:
    """Learn it from a page beside; where none of them is shown, pages are as asked for."""
    for beside in (number + 1, number - 1):
        page = await read(beside, MOST_PER_PAGE) if beside else None
        if page is None:
            continue
        short = page.total is not None and 0 < len(page.rows) < page.rows_due(page.total)
        if short:  # shorter than it says
            rows, said = len(page.rows), page.per_page
        else:
            rows, said = min(page.per_page, MOST_PER_PAGE), None
        return PageSize(rows=rows, said=said, beside=beside, total=page.total)
    return PageSize(rows=MOST_PER_PAGE)


def _piece(rows: int) -> int:
    """Of how many rows the pieces of a page are: it consists of so many whole ones."""
    return max(size for size in range(1, min(MOST_A_PIECE, rows // 2 or 1) + 1) if rows % size == 0)


def _places(number: int, count: int) -> range:
    """The numbers of the smaller pages that a page consists of."""
    return range((number - 1) * count + 1, number * count + 1)


async def _one(read: ReadPage[T], size: PageSize, number: int, rows: int) -> Page[T] | None:
    page = await read(number, rows)
    return page if page is not None and size.is_of(page, rows) else None
