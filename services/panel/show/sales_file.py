"""The list of sales as a file that Brazilian spreadsheets open as it is: `;` and `,`. Pure."""

import csv
import io
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from services.panel.kit import say
from shared.db.sales.sales_read import SaleView
from shared.domain.messages import label_for

HEADINGS: Final = (
    "Fatura",
    "Cliente",
    "Situação",
    "Motivo",
    "Valor",
    "Data da venda",
    "Emitir em",
    "Nota",
    "Competência",
)
_MARK: Final = "\ufeff"  # tells the spreadsheet that it is UTF-8
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def csv_line(values: Sequence[str], *, first: bool = False) -> str:
    """One line; what a spreadsheet would take for a formula is made a text."""
    text = io.StringIO()
    csv.writer(text, delimiter=";", lineterminator="\r\n").writerow(map(_harmless, values))
    return (_MARK if first else "") + text.getvalue()


def cells(sale: SaleView, zone: ZoneInfo) -> Sequence[str]:
    """A sale in the order of the headings."""
    return (
        str(sale.bill_id),
        sale.customer_name,
        label_for(sale.status),
        sale.message.text if sale.message else "",
        say.plain_money(sale.amount),
        _instant(sale.moment_at, zone),
        _instant(sale.issue_at, zone),
        " + ".join(one.number for one in sale.notas if one.number),
        say.day(sale.competencia) if sale.competencia else "",
    )


def _instant(at: datetime | None, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%d/%m/%Y %H:%M}" if at else ""


def _harmless(value: str) -> str:
    return f"'{value}" if value.startswith(_FORMULA) else value
