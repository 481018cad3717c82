"""The list of sales as tables of files: the columns that are shown, and no others. Pure."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from services.panel.show.filters import method_said
from services.panel.texts import text
from shared.commands.files.cells import excel_cell, write_excel_rows
from shared.commands.files.closing_tables import Column, Columns, bill_number
from shared.db.sales.sales_read import SaleView
from shared.domain.messages import label_for


def columns(chosen: Sequence[str], zone: ZoneInfo) -> Columns[SaleView]:
    """The columns that always show, and those somebody chose, in the order of the page."""
    more = _more(zone)
    return [
        Column(title=text("bill"), kind="number", value=lambda one: bill_number(one.bill_id)),
        Column(title=text("customer"), kind="text", value=lambda one: one.customer_name),
        Column(title=text("status"), kind="text", value=lambda one: label_for(one.status)),
        Column(title=text("cause"), kind="text", value=_why),
        *(more[word] for word in chosen),
        Column(title=text("amount"), kind="money", value=lambda one: one.amount),
    ]


def _more(zone: ZoneInfo) -> dict[str, Column[SaleView]]:
    def on(at: datetime | None) -> str | None:
        return f"{at.astimezone(zone):%d/%m/%Y %H:%M}" if at else None

    return {
        "moment": _text("moment", lambda one: on(one.moment_at)),
        "issue": _text("issue", lambda one: on(one.issue_at)),
        "nota": _text("nota", _numbers),
        "competencia": Column(
            title=text("column.competencia"), kind="day", value=lambda one: one.competencia
        ),
        "product": _text("product", lambda one: one.products),
        "plan": _text("plan", lambda one: one.plan),
        "method": _text("method", lambda one: method_said(one.method)),
        "origin": _text("origin", lambda one: text(f"origin.{one.origin}")),
        "version": Column(
            title=text("column.version"), kind="number", value=lambda one: one.rule_version
        ),
    }


def _text(word: str, value: Callable[[SaleView], str | None]) -> Column[SaleView]:
    return Column(title=text(f"column.{word}"), kind="text", value=value)


def _why(sale: SaleView) -> str:
    return sale.message.text if sale.message else ""


def _numbers(sale: SaleView) -> str:
    return " + ".join(one.number for one in sale.notas if one.number)


def csv_titles(of: Columns[SaleView]) -> bytes:
    """The first line of a CSV as Excel in Brazil opens it."""
    return write_excel_rows([[column.title for column in of]])


def csv_rows(of: Columns[SaleView], sales: Iterable[SaleView]) -> bytes:
    """A line a sale."""
    return write_excel_rows(
        [excel_cell(column.kind, column.value(sale)) for column in of] for sale in sales
    )
