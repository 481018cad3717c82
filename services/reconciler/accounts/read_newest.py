"""Reading a list without a filter: its newest rows first, as far back as they are wanted."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from itertools import count
from typing import Any, Final, TypeVar

import structlog

from services.reconciler.accounts.read_list import (
    DISORDER,
    LIST_TRIES,
    MOST_PAGES,
    IncompletePass,
    ListRead,
    Sound,
    shows_nothing_new,
    sound_page,
)
from services.reconciler.accounts.rows import Row, id_of, instant_of
from shared.vindi.client import Page, Resource, VindiClient

log = structlog.get_logger()

T = TypeVar("T")

# What is new may lie anywhere in them: the rest of a longer list is heard of by its events alone.
MOST_UNORDERED: Final = 100


async def read_newest(
    client: VindiClient, resource: Resource[T], *, back_to: datetime
) -> AsyncIterator[Sequence[Row[T]]]:
    """Yield a whole list's newest rows until one was created before `back_to`.

    For accounts that do not honour a filter: it needs none. Rows that come in meanwhile push
    others onto later pages, so none is missed. A row may come twice. Raises as `read_list` does.
    A list that is out of order is read as far as `MOST_UNORDERED` pages before that is raised.
    Of what is shown on the way, older rows that changed since `back_to` are yielded too.
    """
    seen: set[object] = set()
    for _ in range(LIST_TRIES):
        places, totals = 0, []
        trouble: IncompletePass | None = None
        async for sound in _newest_pages(client, resource, back_to):
            page, trouble = sound.page, trouble or sound.trouble
            rows = [row for row in page.rows if not _at_rest_since(row, back_to)]
            seen |= keys_of(page, rows)
            places += len(rows)
            totals.append(page.total)
            if rows:
                yield rows
        if trouble is not None:
            raise trouble
        # Each row that came in meanwhile has pushed one onto a later page, where it came again.
        first, last = totals[0], totals[-1]
        if first is None or last is None or len(seen) >= places - max(0, last - first):
            return
        log.info("vindi_list_read_again", resource=resource.path, total=last)
    raise IncompletePass("rows_omitted", resource.path)


async def _newest_pages(
    client: VindiClient, resource: Resource[T], back_to: datetime
) -> AsyncIterator[Sound[T]]:
    wanted = ListRead(resource=resource, query=None)
    shown: set[object] = set()
    disorder: IncompletePass | None = None
    for number in count(1):
        sound = await sound_page(client, wanted, number, descending=True)
        page = sound.page
        yield sound
        created = [instant_of(row.raw, "created_at") for row in page.rows]
        # To the second: of two of one second, either may come first, and a fresh one shows more.
        known = [at.replace(microsecond=0) for at in created if at is not None]
        if known != sorted(known, reverse=True):
            disorder = IncompletePass(DISORDER, resource.path)
        far_enough = disorder is None and known and known[-1] < back_to
        ends = sound.is_last or shows_nothing_new(client, resource, sound, shown)
        if disorder is not None and (ends or number >= MOST_UNORDERED):
            raise disorder
        if ends or far_enough:
            return
        shown |= page.keys
        if number >= MOST_PAGES:
            raise IncompletePass("never_ends", resource.path)


def keys_of(page: Page[Any], rows: Sequence[Row[Any]]) -> set[object]:
    """What tells some rows of a page apart; those without an id that can be read are one."""
    return {id_of(row) or (page.number, None) for row in rows}


def _at_rest_since(row: Row[Any], instant: datetime) -> bool:
    """Whether it was made before, and is not said to have changed since."""
    made, changed = instant_of(row.raw, "created_at"), instant_of(row.raw, "updated_at")
    return made is not None and made < instant and (changed is None or changed < instant)
