"""How far a ZIP is that somebody is downloading: told in passing, shown by the page it began on.

It is kept beside other figures, with its instant: one that is not told anew any more was broken
off, by a closed browser or a process that ended.
"""

from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from typing import Final

import msgspec
from msgspec import Struct

from services.panel.kit.page import Visit
from services.panel.kit.serve import AWAY
from services.panel.show.month_zip import ZipShown, zip_shown
from shared.db.sales import kept_figures_store
from shared.domain.closing import Month

_EVERY: Final = timedelta(seconds=1)
_ENTRY: Final = b"PK\x03\x04"
_KEPT: Final = timedelta(days=1)


class _Told(Struct, frozen=True, kw_only=True):
    """Documents that were sent so far; `over` with the last."""

    documents: int
    over: bool


async def telling(visit: Visit, month: Month, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same pieces; each entry begins one, and all but the list at the end are documents."""
    count, last = 0, visit.resources.now()
    await _tell(visit, month, count, over=False)
    async for piece in pieces:
        yield piece
        count += piece.startswith(_ENTRY)
        if (now := visit.resources.now()) - last >= _EVERY:
            last = now
            await _tell(visit, month, count, over=False)
    await _tell(visit, month, max(0, count - 1), over=True)


async def _tell(visit: Visit, month: Month, count: int, *, over: bool) -> None:
    told = msgspec.json.encode(_Told(documents=count, over=over)).decode()
    with suppress(*AWAY):  # the download goes on without it
        async with visit.pool.acquire() as conn:
            await kept_figures_store.keep(
                conn,
                visit.tenant.id,
                _name(month),
                as_of=visit.resources.now(),
                took_ms=0,
                body=told,
            )


async def zip_progress(visit: Visit, month: Month) -> ZipShown | None:
    """The newest download of a month's ZIP; None where there was none of late."""
    async with visit.pool.acquire() as conn:
        kept = await kept_figures_store.read(conn, visit.tenant.id, _name(month))
    if kept is None or kept.now - kept.as_of > _KEPT:
        return None
    told = msgspec.json.decode(kept.body, type=_Told)
    return zip_shown(told.documents, over=told.over, at=kept.as_of, now=kept.now)


def _name(month: Month) -> str:
    return f"zip {month}"
