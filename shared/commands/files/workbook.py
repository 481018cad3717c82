"""XLSX files of any length: rows go to the disk as they come, and every text is text.

What writes is slow and blocks, so it is called in threads, some rows at a time.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final, TypeVar

import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from shared.commands.files.cells import plain_text
from shared.commands.files.closing_tables import Columns

_Row = TypeVar("_Row")
MOST_ROWS: Final = 1_048_576  # of a sheet, by the format
PIECE: Final = 256 * 1024
WIDTHS: Final = {"text": 24, "money": 16, "day": 12, "number": 12}


@dataclass(slots=True, kw_only=True)
class Workbook:
    """A workbook that is being written; every sheet is written from its first row to its last."""

    path: Path
    book: Any
    formats: dict[str, Any] = field(default_factory=dict)
    most_rows: int = MOST_ROWS

    def __post_init__(self) -> None:
        """Excel shows them as the reader's country does: 1.234,56 in Brazil."""
        self.formats = {
            "money": self.book.add_format({"num_format": "#,##0.00"}),
            "day": self.book.add_format({"num_format": "dd/mm/yyyy"}),
            "title": self.book.add_format({"bold": True}),
        }

    async def table(
        self, name: str, columns: Columns[_Row], pages: AsyncIterator[Sequence[_Row]]
    ) -> None:
        """Write a sheet of rows, and as many more as they need."""
        sheet = Sheet(workbook=self, name=name, columns=columns)
        await asyncio.to_thread(sheet.begin)
        async for rows in pages:
            await asyncio.to_thread(sheet.write, rows)

    async def pairs(self, name: str, rows: Sequence[tuple[str, object]]) -> None:
        """Write a sheet of names and values: text, whole numbers, days, or InReais."""
        sheet = self.book.add_worksheet(name)
        sheet.set_column(0, 1, 48)
        await asyncio.to_thread(self._pairs, sheet, rows)

    def _pairs(self, sheet: Worksheet, rows: Iterable[tuple[str, object]]) -> None:
        for number, (title, value) in enumerate(rows):
            bold = self.formats["title"] if value is None else None
            sheet.write_string(number, 0, title, bold)
            if isinstance(value, InReais):
                self.cell(sheet, number, 1, "money", value.cents)
            else:
                self.cell(sheet, number, 1, "number", value)

    def cell(self, sheet: Worksheet, row: int, column: int, kind: str, value: object) -> None:
        """Write one cell; text is text whatever it begins with, and None is left empty."""
        match value:
            case None:
                return
            case int() if kind == "money":
                sheet.write_number(row, column, value / 100, self.formats["money"])
            case int():
                sheet.write_number(row, column, value)
            case date():
                sheet.write_datetime(row, column, value, self.formats["day"])
            case _:
                sheet.write_string(row, column, plain_text(str(value)))


@dataclass(frozen=True, slots=True, kw_only=True)
class InReais:
    """An amount in a sheet of names and values."""

    cents: int


@dataclass(slots=True, kw_only=True)
class Sheet:
    """A table that goes on in another sheet where one is full."""

    workbook: Workbook
    name: str
    columns: Columns[Any]
    number: int = 0
    row: int = 0
    sheet: Worksheet | None = None

    def begin(self) -> Worksheet:
        """Open the next sheet, with its titles."""
        self.number += 1
        name = self.name if self.number == 1 else f"{self.name} {self.number}"
        sheet = self.workbook.book.add_worksheet(name)
        sheet.freeze_panes(1, 0)
        for at, column in enumerate(self.columns):
            sheet.set_column(at, at, WIDTHS[column.kind])
        for at, column in enumerate(self.columns):
            sheet.write_string(0, at, column.title, self.workbook.formats["title"])
        self.sheet, self.row = sheet, 1
        return sheet

    def write(self, rows: Iterable[Any]) -> None:
        """Write rows below the last one."""
        for one in rows:
            sheet = self.sheet
            if sheet is None or self.row >= self.workbook.most_rows:
                sheet = self.begin()
            for at, column in enumerate(self.columns):
                self.workbook.cell(sheet, self.row, at, column.kind, column.value(one))
            self.row += 1


@asynccontextmanager
async def new_workbook(*, most_rows: int = MOST_ROWS) -> AsyncIterator[Workbook]:
    """A workbook in a folder of its own, which is gone when the block ends."""
    with tempfile.TemporaryDirectory(prefix="np-", ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "book.xlsx"
        options = {
            "constant_memory": True,
            "tmpdir": folder,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        }
        yield Workbook(path=path, book=xlsxwriter.Workbook(str(path), options), most_rows=most_rows)


async def pieces_of(workbook: Workbook) -> AsyncIterator[bytes]:
    """The finished file, in pieces."""
    await asyncio.to_thread(workbook.book.close)
    with await asyncio.to_thread(workbook.path.open, "rb") as file:
        while piece := await asyncio.to_thread(file.read, PIECE):
            yield piece
