"""A workbook takes any number of rows, in memory that does not grow with them."""

import io
import tracemalloc
import zipfile
from collections.abc import AsyncIterator, Sequence
from datetime import date

from shared.commands.files.closing_tables import Column, Columns
from shared.commands.files.workbook import InReais, new_workbook, pieces_of

Row = tuple[int, str]
Rows = Sequence[Row]
COLUMNS: Columns[Row] = (
    Column(title="Fatura", kind="number", value=lambda one: one[0]),
    Column(title="Cliente", kind="text", value=lambda one: one[1]),
    Column(title="Valor", kind="money", value=lambda one: one[0] * 100),
    Column(title="Dia", kind="day", value=lambda _: date(2026, 11, 10)),
)


async def pages(rows: int, name: str = "Padaria Fictícia") -> AsyncIterator[Rows]:
    for start in range(0, rows, 500):
        yield [(start + n, name) for n in range(min(500, rows - start))]


async def book_of(rows: int, *, most_rows: int = 1000, name: str = "Padaria") -> zipfile.ZipFile:
    async with new_workbook(most_rows=most_rows) as book:
        await book.pairs("Resumo", [("Mês", "11/2026"), ("Valor", InReais(cents=5))])
        await book.table("Notas", COLUMNS, pages(rows, name))
        found = b"".join([piece async for piece in pieces_of(book)])
    return zipfile.ZipFile(io.BytesIO(found))


async def test_a_full_sheet_goes_on_in_the_next() -> None:
    book = await book_of(2_100)

    names = book.read("xl/workbook.xml").decode()
    sheets = [book.read(f"xl/worksheets/sheet{n}.xml").decode() for n in (2, 3, 4)]
    assert all(f'name="{name}"' in names for name in ("Notas", "Notas 2", "Notas 3"))
    assert [sheet.count("<row ") for sheet in sheets] == [1000, 1000, 103]  # each with its titles


async def test_what_looks_like_anything_else_is_text() -> None:
    for name in ("=1+1", "http://example.org", "mailto:a@example.org", "1e5", "", " ", "\x0b@"):
        sheet = (await book_of(1, name=name)).read("xl/worksheets/sheet2.xml").decode()

        assert "<f>" not in sheet
        assert "hyperlink" not in sheet
        assert sheet.count('t="inlineStr"') == 5  # four titles and the name


async def test_ten_times_the_rows_cost_no_more_memory() -> None:
    peaks = []
    for rows in (500, 1_000, 10_000):
        tracemalloc.start()
        async with new_workbook() as book:
            await book.table("Notas", COLUMNS, pages(rows))
            async for _ in pieces_of(book):
                pass
        peaks.append(tracemalloc.get_traced_memory()[1] / 2**20)
        tracemalloc.stop()

    assert peaks[2] - peaks[1] < 2.0
