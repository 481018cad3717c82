"""Cells of spreadsheets: text from outside never runs, and never becomes another cell.

A spreadsheet may take another character for the one between fields than we wrote: Excel in
Brazil opens every CSV as if it were separated by `;`. So what would begin a formula is defused
after each character that might begin a cell, not only at the start of the text; quotes alone do
not help, since a quote inside a field means itself.
"""

import csv
import io
import re
from collections.abc import Iterable
from datetime import date
from typing import Final, Literal

BOM: Final = b"\xef\xbb\xbf"  # by which Excel knows UTF-8
CellKind = Literal["text", "money", "day", "number"]

# Full-width signs count: some spreadsheets read them as the plain ones.
_RUNS: Final = re.compile(
    r"(?:^|(?<=[;,\t\r\n|]))(?=[\s\"']{0,99}[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20])"
)
# What Excel in Brazil would make a number, a date, an hour or 1E+15 of, and lose zeros or digits:
# 1.050 is a thousand and fifty to it, 10-mar a day.
_MONTHS: Final = "(?:jan|fev|mar|abr|mai|jun|jul|ago|set|out|nov|dez)"
_MANGLED: Final = re.compile(
    r"0\d+|\d{16,}|\d+e\d+|\d{1,4}[-/]\d{1,4}(?:[-/]\d{1,4})?|\d{1,3}(?:\.\d{3})+"
    rf"|\d{{1,2}}:\d{{2}}(?::\d{{2}})?|(?:\d{{1,4}}[-/ ]?)?{_MONTHS}[-/ ]?\d{{1,4}}"
    rf"|\d{{1,4}}[-/ ]{_MONTHS}|verdadeiro|falso|true|false",
    re.IGNORECASE | re.ASCII,
)
_NOT_XML: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def no_formula(text: str) -> str:
    """Text from outside for a cell: what would run as a formula is shown as it is."""
    return _RUNS.sub("'", text)


def plain_text(text: str) -> str:
    """Text for a cell that is text by its type: only what no XML carries is left out."""
    return _NOT_XML.sub("", text)


def write_rows(rows: Iterable[Iterable[object]]) -> bytes:
    """Some lines of CSV (RFC 4180)."""
    return _write(rows, ",")


def write_excel_rows(rows: Iterable[Iterable[object]]) -> bytes:
    """Some lines of CSV as Excel in Brazil opens them."""
    return _write(rows, ";")


def _write(rows: Iterable[Iterable[object]], delimiter: str) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return text.getvalue().encode()


def excel_cell(kind: CellKind, value: object) -> str:
    """A value as Excel in Brazil reads it from a CSV; None is an empty cell."""
    match value:
        case None:
            return ""
        case int() if kind == "money":
            sign = "-" if value < 0 else ""
            whole, cents = divmod(abs(value), 100)
            return f"{sign}{whole},{cents:02d}"
        case date():
            return f"{value:%d/%m/%Y}"
        case str():
            return f"'{value}" if _MANGLED.fullmatch(value) else no_formula(value)
        case _:
            return str(value)
