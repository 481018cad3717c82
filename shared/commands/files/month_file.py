"""A month as one of the files that an accountant opens, whoever sends it: API, panel, worker.

Whatever can be refused is refused before the first piece; what is sent is made while it is sent.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, assert_never
from zoneinfo import ZoneInfo

from shared.commands.closing import span_of
from shared.commands.files.closing_csv import render_excel
from shared.commands.files.closing_tables import bills_columns, notas_columns
from shared.commands.files.closing_workbook import (
    MonthOfTenant,
    RowsTold,
    counted,
    nobody_told,
    render_workbook,
)
from shared.commands.filing import tell_untold
from shared.crypto.seal import Sealer
from shared.db.closing import closing_read, filed_notas
from shared.db.closing.month_files_store import MonthFileKind
from shared.db.connection import Pool
from shared.db.tenants.tenants_store import Tenant
from shared.domain.closing import Closing, Month

CSV: Final = "text/csv"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthSource:
    """Where a file is made from. `close` gives the month with its filing; a workbook asks it."""

    pool: Pool
    sealer: Sealer
    tenant: Tenant
    month: Month
    at: datetime
    close: Callable[[], Awaitable[Closing]]


def file_name(kind: MonthFileKind, month: Month) -> str:
    """What the file is kept as: letters, digits, - and one point."""
    match kind:
        case "csv-excel":
            return f"fechamento-{month}-excel.csv"
        case "csv-excel-notas":
            return f"notas-{month}-excel.csv"
        case "xlsx":
            return f"fechamento-{month}.xlsx"
        case other:
            assert_never(other)


def media_type(kind: MonthFileKind) -> str:
    """Its type on the wire."""
    return XLSX if kind == "xlsx" else CSV


async def month_file(
    kind: MonthFileKind, of: MonthSource, told: RowsTold = nobody_told
) -> AsyncIterator[bytes]:
    """Begin a file. `told` hears of rows as they are done."""
    zone = ZoneInfo(of.tenant.timezone)
    async with of.pool.acquire() as conn:
        span = await span_of(conn, of.tenant, of.month)
    if kind != "csv-excel":
        await tell_untold(of.pool, of.sealer, of.tenant, of.month)
    match kind:
        case "csv-excel":
            return render_excel(
                bills_columns(zone), counted(closing_read.lines(of.pool, span), told)
            )
        case "csv-excel-notas":
            pages = filed_notas.filed(of.pool, span, of.month)
            return render_excel(notas_columns(zone), counted(pages, told))
        case "xlsx":
            closing = await of.close()
            if closing.filing is None:
                raise AssertionError("a closing that was filed has its filing")
            made_of = MonthOfTenant(
                pool=of.pool,
                tenant=of.tenant,
                span=span,
                closing=closing,
                filing=closing.filing,
                at=of.at,
                told=told,
            )
            return render_workbook(made_of)
        case other:
            assert_never(other)


def rows_of(kind: MonthFileKind, closing: Closing) -> int:
    """How many rows a file goes through, as the month was closed just now; for its progress."""
    bills = closing.figures.vindi.bills
    filing = closing.filing
    notas = filing.total.notas if filing else closing.figures.notas.bills
    credits_ = filing.credited.notas if filing else 0
    match kind:
        case "csv-excel":
            return bills
        case "csv-excel-notas":
            return notas
        case "xlsx":
            return bills + notas + credits_
        case other:
            assert_never(other)
