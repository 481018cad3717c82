"""The tables that an accountant gets of a month, column by column, whatever file they go into."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar
from zoneinfo import ZoneInfo

from msgspec import Struct

from shared.commands.differences import FIELD_LABELS, MESSAGES
from shared.commands.files.cells import CellKind
from shared.db.closing.closing_read import Line
from shared.db.closing.filed_notas import FiledNota
from shared.db.closing.filing_read import iss_kinds
from shared.db.closing.issuer_side_read import Difference
from shared.domain.cities import city_named
from shared.domain.filing import Filing, FiscalSums
from shared.domain.fiscal import WORDS_OF_TAXATION, FiscalClass
from shared.domain.messages import label_for, message_in
from shared.domain.moment import local_day
from shared.domain.sale import SaleStatus

_Row = TypeVar("_Row")
LARGEST_EXACT: Final = 10**15  # as a number of a spreadsheet
UNKNOWN_CLASS: Final = "não informado"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column(Generic[_Row]):
    """One column; `value` gives text, centavos, a day, a number, or None for an empty cell."""

    title: str
    kind: CellKind
    value: Callable[[_Row], Any]


Columns = Sequence[Column[_Row]]


def _text(title: str, value: Callable[[_Row], str | None]) -> Column[_Row]:
    return Column(title=title, kind="text", value=value)


def _money(title: str, value: Callable[[_Row], int | None]) -> Column[_Row]:
    return Column(title=title, kind="money", value=value)


def _number(title: str, value: Callable[[_Row], int | None]) -> Column[_Row]:
    return Column(title=title, kind="number", value=value)


def _day(title: str, value: Callable[[_Row], Any]) -> Column[_Row]:
    return Column(title=title, kind="day", value=value)


def bill_number(bill: int | None) -> int | str | None:
    """A bill's number; as text where a spreadsheet would round it."""
    return bill if bill is None or bill < LARGEST_EXACT else str(bill)


def columns_of_class(
    class_of: Callable[[_Row], FiscalClass | None],
    without: Callable[[_Row], str] = lambda _: UNKNOWN_CLASS,
) -> tuple[Column[_Row], ...]:
    """What notas have in common, as the accountant's guides name it; the first names the rest."""

    def told(of: Callable[[FiscalClass], str | None]) -> Callable[[_Row], str | None]:
        def value(row: _Row) -> str | None:
            one = class_of(row)
            return None if one is None else of(one)

        return value

    def municipal(row: _Row) -> str | None:
        one = class_of(row)
        return without(row) if one is None else one.municipal_code

    return (
        _text("Código municipal", municipal),
        _text("Item LC 116", told(lambda one: one.lc116)),
        _text("Código nacional", told(lambda one: one.national_code)),
        _text("NBS", told(lambda one: one.nbs)),
        _text("Município de incidência", told(lambda one: _city(one.city) or "do prestador")),
        _text("Local da prestação", told(lambda one: _city(one.place))),
        _text("País da prestação", told(lambda one: one.country)),
        _text("Tributação do ISS", told(lambda one: WORDS_OF_TAXATION[one.taxation])),
        _text("Alíquota do ISS (%)", told(lambda one: _rate(one.iss_rate))),
        _text("ISS retido", told(lambda one: "Sim" if one.iss_withheld else "Não")),
        _text("Classificação IBS/CBS", told(lambda one: one.ibs_cbs_class)),
        _text("Operação IBS/CBS", told(lambda one: one.ibs_cbs_operation)),
    )


def _city(code: str | None) -> str | None:
    if code is None:
        return None
    name = city_named(code)
    return code if name is None else f"{name} ({code})"


def _rate(rate: str | None) -> str | None:
    return "não informada" if rate is None else rate.replace(".", ",")


class TotalLine(Struct, frozen=True, kw_only=True):
    """A line of the totals, or the whole month below them."""

    fiscal_class: FiscalClass | None
    sums: FiscalSums
    whole: bool = False


def total_lines(filing: Filing) -> list[TotalLine]:
    """A line a class, and the whole month below them."""
    lines = [TotalLine(fiscal_class=one.fiscal_class, sums=one.sums) for one in filing.classes]
    return [*lines, TotalLine(fiscal_class=None, sums=filing.total, whole=True)]


TOTALS: Final[Columns[TotalLine]] = (
    *columns_of_class(
        lambda one: one.fiscal_class, lambda one: "TOTAL" if one.whole else UNKNOWN_CLASS
    ),
    _number("Notas", lambda one: one.sums.notas),
    _money("Valor total", lambda one: one.sums.total),
    _money("Descontos incondicionais", lambda one: one.sums.discount),
    _money("Descontos condicionais", lambda one: one.sums.conditional_discount),
    _money("Deduções", lambda one: one.sums.deductions),
    _money("Base de cálculo", lambda one: one.sums.base),
    _money("ISS próprio", lambda one: one.sums.own_iss),
    _money("ISS retido pelo tomador", lambda one: one.sums.withheld_iss),
    _money("ISS com exigibilidade suspensa", lambda one: one.sums.suspended_iss),
    _number("Notas sem alíquota", lambda one: one.sums.without_rate),
    _money("PIS retido", lambda one: one.sums.pis),
    _money("COFINS retida", lambda one: one.sums.cofins),
    _money("CSLL retida", lambda one: one.sums.csll),
    _money("INSS retido", lambda one: one.sums.inss),
    _money("IRRF retido", lambda one: one.sums.irrf),
    _money("Valor líquido", lambda one: one.sums.net),
)


def _iss(name: str) -> Callable[[FiledNota], int | None]:
    def value(nota: FiledNota) -> int | None:
        if nota.fiscal_class is None or nota.iss is None:
            return None
        return iss_kinds(nota.fiscal_class, nota.iss).get(name, 0)

    return value


def _known(value: Callable[[FiledNota], int]) -> Callable[[FiledNota], int | None]:
    return lambda nota: None if nota.fiscal_class is None else value(nota)


def _if_any(value: Callable[[FiledNota], int | None]) -> Callable[[FiledNota], int | None]:
    """Nothing is an empty cell: most notas have none of these, and each cell takes its time."""
    return lambda nota: value(nota) or None


def notas_columns(zone: ZoneInfo) -> Columns[FiledNota]:
    """The notas in a month's totals."""
    return (
        *_which(zone),
        _money(
            "Valor total",
            _known(lambda one: one.amount + one.discount + one.conditional_discount),
        ),
        _money("Descontos incondicionais", _if_any(lambda one: one.discount)),
        _money("Descontos condicionais", _if_any(lambda one: one.conditional_discount)),
        _money("Deduções", _if_any(lambda one: one.deductions)),
        _money("Base de cálculo", _known(lambda one: one.base)),
        *_iss_columns(),
        _money("PIS retido", _if_any(lambda one: one.pis)),
        _money("COFINS retida", _if_any(lambda one: one.cofins)),
        _money("CSLL retida", _if_any(lambda one: one.csll)),
        _money("INSS retido", _if_any(lambda one: one.inss)),
        _money("IRRF retido", _if_any(lambda one: one.irrf)),
        *columns_of_class(lambda one: one.fiscal_class),
    )


def credits_columns(zone: ZoneInfo) -> Columns[FiledNota]:
    """The notas of earlier months that were cancelled in this one."""
    return (
        *_which(zone),
        *_iss_columns(),
        *columns_of_class(lambda one: one.fiscal_class),
    )


def _which(zone: ZoneInfo) -> Columns[FiledNota]:
    return (
        _text("Número da nota", lambda one: one.number),
        Column(title="Fatura", kind="number", value=lambda one: bill_number(one.bill_id)),
        _text("Id externo", lambda one: one.external_id),
        _day("Competência", lambda one: one.competencia),
        _text("Cliente", lambda one: one.customer_name),
        _text("Situação", lambda one: label_for(SaleStatus(one.status))),
        _day(
            "Cancelada em",
            lambda one: local_day(one.cancelled_at, zone) if one.cancelled_at else None,
        ),
        _money("Valor da venda", lambda one: one.amount),
    )


def _iss_columns() -> Columns[FiledNota]:
    return (
        _money("ISS próprio", _iss("own_iss")),
        _money("ISS retido pelo tomador", _iss("withheld_iss")),
        _money("ISS com exigibilidade suspensa", _if_any(_iss("suspended_iss"))),
    )


def bills_columns(zone: ZoneInfo) -> Columns[Line]:
    """The bills of a month, as they are counted by their moment."""
    return (
        Column(title="Fatura", kind="number", value=lambda one: bill_number(one.bill_id)),
        _day("Dia", lambda one: local_day(one.moment_at, zone)),
        _text("Cliente", lambda one: one.customer_name),
        _money("Valor", lambda one: one.amount),
        _text("Situação", lambda one: label_for(SaleStatus(one.status))),
        _text("Motivo", _reason),
        _text("Código do motivo", lambda one: one.code),
        _text("Número da nota", lambda one: one.number),
        _text("Id externo", lambda one: one.external_id),
        _money("Valor da nota", lambda one: one.nota_amount),
        _money("Diferença", lambda one: one.difference),
    )


def _reason(line: Line) -> str | None:
    return None if line.code is None else message_in(SaleStatus(line.status), line.code).text


DIFFERENCES: Final[Columns[Difference]] = (
    _text("Número da nota", lambda one: one.number),
    _text("O que difere", lambda one: MESSAGES[one.kind]),
    _text("Campos", lambda one: ", ".join(FIELD_LABELS[f] for f in one.fields)),
    Column(title="Fatura", kind="number", value=lambda one: bill_number(one.bill_id)),
    _text("Id externo", lambda one: one.external_id),
    _text("Id no emissor", lambda one: one.issuer_id),
    _day("Competência", lambda one: one.competencia),
    _money("Valor aqui", lambda one: one.our_amount),
    _money("Valor no emissor", lambda one: one.issuer_amount),
)
