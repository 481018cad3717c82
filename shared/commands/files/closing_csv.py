"""A month as CSV, a line a bill or a line a nota, made while it is sent."""

from collections.abc import AsyncIterator
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from shared.commands.files.cells import (
    BOM,
    excel_cell,
    no_formula,
    write_excel_rows,
    write_rows,
)
from shared.commands.files.closing_tables import Columns
from shared.db.closing.closing_read import Line
from shared.domain.moment import local_day
from shared.domain.money import show_reais

_Row = TypeVar("_Row")
COLUMNS: Final = (
    "bill_id",
    "day",
    "customer_name",
    "amount",
    "status",
    "code",
    "nota_number",
    "external_id",
    "nota_amount",
    "difference",
)


async def render_csv(pages: AsyncIterator[list[Line]], timezone: str) -> AsyncIterator[bytes]:
    """Write lines as CSV: UTF-8, comma between fields, point before cents, a header first."""
    zone = ZoneInfo(timezone)
    yield write_rows([COLUMNS])
    async for lines in pages:
        yield write_rows(_row(line, zone) for line in lines)


async def render_excel(
    columns: Columns[_Row], pages: AsyncIterator[list[_Row]]
) -> AsyncIterator[bytes]:
    """Write a table as Excel in Brazil opens it: BOM, `;` between fields, comma before cents."""
    yield BOM + write_excel_rows([[column.title for column in columns]])
    async for rows in pages:
        yield write_excel_rows(
            [excel_cell(column.kind, column.value(row)) for column in columns] for row in rows
        )


def _row(line: Line, zone: ZoneInfo) -> tuple[object, ...]:
    return (
        line.bill_id,
        local_day(line.moment_at, zone),
        no_formula(line.customer_name),
        show_reais(line.amount),
        line.status,
        line.code or "",
        no_formula(line.number or ""),
        line.external_id or "",
        "" if line.nota_amount is None else show_reais(line.nota_amount),
        show_reais(line.difference),
    )
