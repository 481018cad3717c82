"""Vendas as files for spreadsheets: what the list shows, all of it, a page of sales at a time."""

from collections.abc import AsyncIterator, Sequence
from typing import Final

from starlette.responses import Response

from services.panel.kit.downloads import download
from services.panel.kit.page import PanelPage, Visit
from services.panel.pages.sales import PATH, find, is_unread, show_list
from services.panel.show import filters
from services.panel.show.filters import Filters
from services.panel.show.sales_file import columns, csv_rows, csv_titles
from services.panel.texts import text
from shared.commands.files.cells import BOM
from shared.commands.files.workbook import new_workbook, pieces_of
from shared.db.sales.sales_read import SaleView

AT_ONCE: Final = 500
MOST_IN_FILE: Final = 200_000
_XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


async def as_csv(visit: Visit) -> Response:
    """The list as CSV."""
    chosen = _chosen(visit)
    if is_unread(visit, chosen):
        return await show_list(visit, chosen, None, visit.form)
    return _file(visit, _csv(visit, chosen), "csv", "text/csv; charset=utf-8")


async def as_workbook(visit: Visit) -> Response:
    """The list as a workbook."""
    chosen = _chosen(visit)
    if is_unread(visit, chosen):
        return await show_list(visit, chosen, None, visit.form)
    return _file(visit, _workbook(visit, chosen), "xlsx", _XLSX)


def _chosen(visit: Visit) -> Filters:
    return filters.read(visit.request.query_params)


def _file(visit: Visit, pieces: AsyncIterator[bytes], kind: str, media_type: str) -> Response:
    name = f"vendas-{visit.clock.today.isoformat()}.{kind}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return download(visit, pieces, media_type=media_type, headers=headers)


async def _csv(visit: Visit, chosen: Filters) -> AsyncIterator[bytes]:
    of = columns(chosen.columns, visit.zone)
    yield BOM + csv_titles(of)
    async for sales in _pages(visit, chosen):
        yield csv_rows(of, sales)


async def _workbook(visit: Visit, chosen: Filters) -> AsyncIterator[bytes]:
    async with new_workbook() as book:
        of = columns(chosen.columns, visit.zone)
        await book.table(text("menu.sales"), of, _pages(visit, chosen))
        async for piece in pieces_of(book):
            yield piece


async def _pages(visit: Visit, chosen: Filters) -> AsyncIterator[Sequence[SaleView]]:
    before: int | None = None
    sent = 0
    while sent < MOST_IN_FILE:
        async with visit.pool.acquire() as conn:
            found = await find(visit, conn, chosen, before, AT_ONCE)
        if not found:
            return
        yield found
        before = found[-1].bill_id
        sent += len(found)


PAGES: Final[tuple[PanelPage, ...]] = (
    PanelPage(path=f"{PATH}.csv", name="sales_file", get=as_csv, see="see"),
    PanelPage(path=f"{PATH}.xlsx", name="sales_workbook", get=as_workbook, see="see"),
)
