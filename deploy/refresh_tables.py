"""`make refresh-tables`: an official table, as somebody downloaded it, becomes the file we ship.

The official files are spreadsheets; the sheet is saved as CSV first. Columns are known by their
heads, whatever their order; a row without a code of the right shape is a heading and is left out.
What came and what went is told, and nothing is written with `--check`.
"""

import argparse
import csv
import io
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Final

from msgspec import Struct

from shared.domain.tables import (
    DATA,
    TABLES,
    Table,
    TableEntry,
    TableName,
    read_table,
    render_table,
)


class Shape(Struct, frozen=True, kw_only=True):
    """How a code is written here, and which column of the official file holds it."""

    heads: tuple[str, ...]
    digits: int
    dotted: bool = False  # item and subitem: 1.07 becomes 01.07


SHAPES: Final[dict[TableName, Shape]] = {
    "lc116": Shape(heads=("subitem", "item", "codigo"), digits=4, dotted=True),
    "national_code": Shape(heads=("ctribnac", "codigo de tributacao nacional", "codigo"), digits=6),
    "nbs": Shape(heads=("nbs", "nbs2", "codigo nbs", "codigo"), digits=9),
    "class_code": Shape(heads=("cclasstrib", "codigo da classificacao tributaria"), digits=6),
    "operation_code": Shape(heads=("cindop", "codigo indicador da operacao"), digits=6),
}
_NAMES: Final = ("descricao", "descricao cclasstrib", "nome cclasstrib", "descricao nbs", "nome")
_SINCE: Final = ("dinivig", "inicio de vigencia", "vigencia inicial")
_UNTIL: Final = ("dfimvig", "fim de vigencia", "vigencia final")
_ON_NOTAS: Final = ("indnfse", "nfse", "nfs-e")
_ACCENTS: Final = str.maketrans("áàâãéêíóôõúüç", "aaaaeeiooouuc")


def read_official(name: TableName, text: str) -> Mapping[str, TableEntry]:
    """The entries of an official CSV. Raises ValueError where its columns are not found."""
    head = text.partition("\n")[0]
    apart = max(";,\t", key=head.count)
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=apart))
    if not rows:
        raise ValueError(f"{name}: the file is empty")
    shape = SHAPES[name]
    heads = [_plain(head) for head in rows[0]]
    code, words = _column(heads, shape.heads), _column(heads, _NAMES)
    if code is None or words is None:
        raise ValueError(f"{name}: no column {' or '.join(shape.heads)}, or none with the name")
    found = [
        _entry(row, written, words, heads)
        for row in rows[1:]
        if (written := _code(_cell(row, code), shape)) and _cell(row, words)
    ]
    return {entry.code: entry for entry in found}


def _entry(row: Sequence[str], code: str, words: int, heads: Sequence[str]) -> TableEntry:
    return TableEntry(
        code=code,
        name=" ".join(_cell(row, words).split()),
        since=_day(_cell(row, _column(heads, _SINCE))),
        until=_day(_cell(row, _column(heads, _UNTIL))),
        on_notas=_plain(_cell(row, _column(heads, _ON_NOTAS))) not in ("nao", "0", "n", "false"),
    )


def _code(text: str, shape: Shape) -> str | None:
    if not re.fullmatch(r"[\d. ]+", text.strip()):
        return None
    if shape.dotted:
        item, _, subitem = text.strip().partition(".")
        written = f"{item.zfill(2)}.{subitem}"
        return written if re.fullmatch(r"\d{2}\.\d{2}", written) else None
    digits = re.sub(r"\D", "", text)
    # Spreadsheets eat the zero a code begins with.
    digits = digits.zfill(shape.digits) if len(digits) == shape.digits - 1 else digits
    return digits if len(digits) == shape.digits else None


def _plain(text: str) -> str:
    return " ".join(text.strip().lower().translate(_ACCENTS).lstrip("\ufeff").split())


def _column(heads: Sequence[str], names: Sequence[str]) -> int | None:
    return next((heads.index(name) for name in names if name in heads), None)


def _cell(row: Sequence[str], column: int | None) -> str:
    return row[column].strip() if column is not None and column < len(row) else ""


def _day(text: str) -> date | None:
    for shape in ("%Y-%m-%d", "%d/%m/%Y"):
        try:
            return datetime.strptime(text[:10], shape).date()  # noqa: DTZ007 - a day, no instant
        except ValueError:
            continue
    return None


def differences(old: Mapping[str, TableEntry], new: Mapping[str, TableEntry]) -> Iterator[str]:
    """What came, what went and what is called otherwise, a line each."""
    yield from (f"+ {code} {new[code].name}" for code in sorted(new.keys() - old.keys()))
    yield from (f"- {code} {old[code].name}" for code in sorted(old.keys() - new.keys()))
    both = sorted(old.keys() & new.keys())
    yield from (f"~ {code} {new[code].name}" for code in both if old[code] != new[code])


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the shipped files, or make one anew from an official file; 1 when one is not right."""
    asked = _arguments(arguments)
    try:
        if asked.table is None:
            for name in TABLES:
                known = _shipped(asked.into, name)
                _say(f"{name}: {len(known.entries)} codes, {known.version}, {known.dated}")
        else:
            _refresh(asked)
    except (OSError, ValueError, csv.Error) as error:
        sys.stderr.write(f"refresh-tables: {error}\n")
        return 1
    return 0


def _refresh(asked: argparse.Namespace) -> None:
    path = asked.into / f"{asked.table}.tsv"
    old = _shipped(asked.into, asked.table) if path.exists() else None
    text = Path(asked.source).read_text(encoding="utf-8-sig")
    entries = read_official(asked.table, text)
    made = Table(
        name=asked.table,
        title=asked.title or (old.title if old else asked.table),
        origin=asked.origin or (old.origin if old else ""),
        version=asked.version,
        dated=asked.dated,
        open=old.open if asked.open is None and old else _open(asked.open or ""),
        entries=entries,
    )
    written = render_table(made)
    read_table(asked.table, written)
    for line in differences(old.entries if old else {}, entries):
        _say(line)
    if not asked.check:
        path.write_text(written, encoding="utf-8")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _open(text: str) -> tuple[str, ...]:
    return ("",) if text == "*" else tuple(text.split())


def _shipped(folder: Path, name: TableName) -> Table:
    return read_table(name, (folder / f"{name}.tsv").read_text(encoding="utf-8"))


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="refresh-tables", description=__doc__)
    parser.add_argument("--table", choices=TABLES)
    parser.add_argument("--source", help="the official file, saved as CSV (UTF-8)")
    parser.add_argument("--version", default="", help="as the official file calls itself")
    parser.add_argument("--dated", default="", help="the day it was published, 2026-02-09")
    parser.add_argument("--title")
    parser.add_argument("--origin", help="where it was downloaded")
    parser.add_argument("--open", help="beginnings under which codes may be missing; * for all")
    parser.add_argument("--check", action="store_true", help="tell what would change")
    parser.add_argument("--into", type=Path, default=DATA, help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.table and not (asked.source and asked.version and asked.dated):
        parser.error("a table is made from --source, with its --version and --dated")
    return asked


if __name__ == "__main__":
    sys.exit(main())
