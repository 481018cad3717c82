"""No text from outside runs in a spreadsheet, whichever one it is opened in."""

import csv
import io
from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.commands.files.cells import (
    CellKind,
    excel_cell,
    no_formula,
    plain_text,
    write_excel_rows,
    write_rows,
)

STARTS = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def cells_of(body: bytes, delimiter: str) -> list[str]:
    """Every cell as a spreadsheet makes them with this character between fields."""
    text = io.StringIO(body.decode(), newline="")
    return [cell for row in csv.reader(text, delimiter=delimiter) for cell in row]


@pytest.mark.parametrize(
    "name",
    [
        "=HYPERLINK(1)",
        "+55 11",
        "@SUM(1)",
        "-1",
        "Padaria;=HYPERLINK(1)",
        'Padaria; "=1+1"',
        "Padaria,=1",
        "Padaria\n=1",
        "\t=1",
        "；＝1",
        "＝1+1",
        "a;;=1",
        "   =1",
    ],
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_no_part_of_a_name_begins_a_formula(name: str, delimiter: str) -> None:
    for write in (write_rows, write_excel_rows):
        body = write([["1", no_formula(name), "179.90"]])
        for cell in cells_of(body, delimiter):
            assert not cell.lstrip(" ").startswith(STARTS)


@given(st.text(max_size=20, alphabet=st.sampled_from("=+-@;,|\t\r\n\"' a1＝")))
@example("\n=1")
def test_whatever_a_name_is_made_of(name: str) -> None:
    for delimiter in (";", ","):
        for write in (write_rows, write_excel_rows):
            body = write([["1", no_formula(name), "x"]])
            assert not [one for one in cells_of(body, delimiter) if one.startswith(STARTS)]


@given(st.text(max_size=30).filter(lambda one: "\r" not in one and "\0" not in one))
def test_a_name_reads_back_as_one_cell(name: str) -> None:
    body = write_excel_rows([["1", excel_cell("text", name), "2"]])

    first, read, last = cells_of(body, ";")
    assert (first, last) == ("1", "2")
    assert read.replace("'", "") == name.replace("'", "")


@pytest.mark.parametrize(
    ("kind", "value", "cell"),
    [
        ("money", 123_456, "1234,56"),
        ("money", -5, "-0,05"),
        ("money", 0, "0,00"),
        ("day", date(2026, 11, 9), "09/11/2026"),
        ("number", 4711, "4711"),
        ("number", None, ""),
        ("text", "01.07", "01.07"),
        ("text", "010701", "'010701"),  # or its zero is lost
        ("text", "12345678901234567", "'12345678901234567"),
        ("text", "12E4", "'12E4"),
        ("text", "1/12", "'1/12"),
        ("text", "2,00", "2,00"),
        ("text", "1.050", "'1.050"),  # or it is a thousand and fifty
        ("text", "10-mar", "'10-mar"),
        ("text", "SET-2", "'SET-2"),
        ("text", "12:30", "'12:30"),
        ("text", "Verdadeiro", "'Verdadeiro"),
        ("text", "Marina", "Marina"),
        ("text", "1.07", "1.07"),
        ("text", "=1", "'=1"),
    ],
)
def test_a_cell_is_what_excel_in_brazil_reads(kind: CellKind, value: object, cell: str) -> None:
    assert excel_cell(kind, value) == cell


def test_what_no_xml_carries_is_left_out() -> None:
    assert plain_text("a\x0bb\x1fc\ufffed\n") == "abcd\n"
