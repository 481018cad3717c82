"""A month's closing in words. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from services.panel.kit import say
from services.panel.show.overview import divided
from services.panel.show.status import WHO
from shared.commands.closing import trouble_text
from shared.commands.differences import FIELD_LABELS, MESSAGES
from shared.db.closing.accepted_notas_store import AcceptedNota
from shared.db.closing.issuer_side_read import Difference
from shared.db.closing.month_files_store import MonthFile, MonthFileKind
from shared.domain.closing import Adjustment, Closing, Month
from shared.domain.closing_check import DeepCheck
from shared.domain.filing import ClassTotal, Filing, FiscalSums, MonthSum
from shared.domain.ids import BillId
from shared.domain.messages import label_for, message_in
from shared.domain.sale import SaleStatus

_OF_OTHERS: Final = frozenset({"foreign", "accepted_changed"})
FILES: Final[dict[MonthFileKind, str]] = {
    "xlsx": "Planilha completa para o contador",
    "csv-excel": "Vendas do mês, uma por linha",
    "csv-excel-notas": "Notas do mês, uma por linha",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Excepted:
    """Sales of the month without a valid nota, and why."""

    title: str
    who: str
    status: str
    code: str | None  # None where the status itself is the reason
    bills: int
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FiscalLine:
    """One line of what the accountant files; amounts are centavos."""

    service: str
    rate: str
    notas: int
    total: int
    base: int
    own_iss: int
    withheld_iss: int
    federal: int
    net: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeLine:
    """A step from the month's sales to its notas; centavos."""

    said: str
    notas: int
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferenceShown:
    """A nota on which two sides disagree; amounts are None on the side without."""

    said: str
    bill: int | None
    customer: str
    number: str
    external_id: str
    competencia: date | None
    ours: int | None
    issuers: int | None
    acceptable: str  # its id at the issuer where a person may accept it; else nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedShown:
    """A nota of another system that a person accepted; `changed` where it says otherwise now."""

    issuer_id: str
    name: str
    external_id: str
    competencia: date
    amount: int | None
    reason: str
    by: str
    at: datetime
    changed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckShown:
    """The reading of every sale at Vindi."""

    said: str
    open: bool
    read: int
    of: int | None
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileShown:
    """A file that is made behind."""

    name: str
    month: str
    label: str
    tone: str
    open: bool
    rows: int
    of: int | None
    size: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosingShown:
    """What the page says of a month."""

    name: str
    sentence: str
    balanced: bool
    exceptions: Sequence[Excepted]
    excepted: int  # money
    excepted_bills: int
    troubles: Sequence[str]
    adjustments: Sequence[tuple[str, int, int]]
    filed: Sequence[FiscalLine]
    filed_sum: FiscalLine | None
    unknown: int  # notas of which no more than the amount is known
    bridge: Sequence[BridgeLine]
    credits: Sequence[FiscalLine]  # by the month of their competência


def closing_shown(closing: Closing) -> ClosingShown:
    """A closing for a person."""
    figures = closing.figures
    exceptions = [
        _excepted(reason.status, reason.code, one.bills, one.amount)
        for reason, one in figures.exceptions.items()
    ]
    return ClosingShown(
        name=say.month(closing.month.first_day),
        sentence=_sentence(closing),
        balanced=closing.balanced,
        exceptions=sorted(exceptions, key=lambda one: -one.amount),
        excepted=sum(one.amount for one in exceptions),
        excepted_bills=sum(one.bills for one in exceptions),
        troubles=_troubles(closing),
        adjustments=[
            (_adjusted(one), one.change.bills, one.change.amount) for one in closing.adjustments
        ],
        filed=[_filed(one) for one in closing.filing.classes] if closing.filing else [],
        filed_sum=_line("Total", "", closing.filing.total) if closing.filing else None,
        unknown=closing.filing.unknown if closing.filing else 0,
        bridge=_bridge(closing.filing) if closing.filing else [],
        credits=[
            _line(say.month(one.month.first_day).capitalize(), "", one.sums)
            for one in closing.filing.credits
        ]
        if closing.filing
        else [],
    )


def _bridge(filing: Filing) -> list[BridgeLine]:
    """How the month's sales, by their moment, lead to its notas, by competência."""

    def lines(said: str, sign: int, months: Sequence[MonthSum]) -> list[BridgeLine]:
        return [
            BridgeLine(
                said=f"{said} {say.month(one.month.first_day) if one.month else 'outro mês'}",
                notas=one.notas,
                amount=sign * one.amount,
            )
            for one in months
        ]

    steps = [
        *lines("Com competência em", -1, filing.competencia_elsewhere),
        *lines("De vendas de", 1, filing.moment_elsewhere),
        *lines("Canceladas depois, com crédito em", 1, filing.cancelled_later),
    ]
    if not steps:
        return []  # both ways to count come to the same
    first = BridgeLine(
        said="Notas válidas das vendas do mês",
        notas=filing.of_sales.notas,
        amount=filing.of_sales.amount,
    )
    last = BridgeLine(
        said="Notas com competência no mês", notas=filing.total.notas, amount=filing.total.amount
    )
    return [first, *steps, last]


def difference_shown(one: Difference, names: Mapping[BillId, str]) -> DifferenceShown:
    """A nota that only one side has, or has otherwise."""
    said = MESSAGES[one.kind]
    fields = ", ".join(FIELD_LABELS[name] for name in one.fields)
    return DifferenceShown(
        said=f"{said} Difere: {fields}." if fields else said,
        bill=one.bill_id,
        customer=names.get(one.bill_id, "") if one.bill_id is not None else "",
        number=one.number or "",
        external_id=one.external_id or "",
        competencia=one.competencia,
        ours=one.our_amount,
        issuers=one.issuer_amount,
        acceptable=(one.issuer_id or "") if one.kind in _OF_OTHERS else "",
    )


def accepted_shown(one: AcceptedNota) -> AcceptedShown:
    """A nota of another system, and whose word it counts by."""
    return AcceptedShown(
        issuer_id=one.issuer_id,
        name=f"Nota {one.number}" if one.number else "Nota sem número",
        external_id=one.external_id or "",
        competencia=one.competencia,
        amount=one.amount,
        reason=one.reason,
        by=one.accepted_by,
        at=one.accepted_at,
        changed=not one.stands,
    )


def check_shown(check: DeepCheck | None) -> CheckShown | None:
    """How far the reading of every sale at Vindi is; None before the first."""
    if check is None:
        return None
    open_ = check.status in ("queued", "running")
    read = say.counted(check.bills_read, "venda lida", "vendas lidas")
    found = say.counted(check.found, "venda nova", "vendas novas")
    differed = say.counted(check.differed, "estava diferente", "estavam diferentes")
    said = {
        "queued": "A conferência começa em instantes.",
        "running": f"Conferindo com a Vindi, venda por venda: {read}.",
        "completed": f"Conferido com a Vindi, venda por venda: {read}, {found}, {differed}.",
        "failed": "A conferência com a Vindi não terminou. Peça de novo mais tarde.",
    }[check.status]
    return CheckShown(
        said=said,
        open=open_,
        read=check.bills_read,
        of=check.bills_total or None,
        at=check.finished_at,
    )


def file_shown(file: MonthFile) -> FileShown:
    """How far a file is."""
    label, tone = {
        "queued": ("Na fila", "calm"),
        "working": ("Em andamento", "calm"),
        "ready": ("Pronto", "good"),
        "failed": ("Falhou", "bad"),
    }[file.state]
    return FileShown(
        name=FILES[file.kind],
        month=say.month(file.month.first_day),
        label=label,
        tone=tone,
        open=file.state in ("queued", "working"),
        rows=file.rows_done,
        of=file.rows_total,
        size=_size(file.bytes) if file.bytes is not None else "",
    )


def _size(count: int) -> str:
    if count < 1024 * 1024:
        return f"{max(1, count // 1024)} kB"
    return f"{say.number(round(count / 1024 / 1024, 1))} MB"


def _filed(one: ClassTotal) -> FiscalLine:
    known = one.fiscal_class
    if known is None:
        return _line("Não informado", "", one.sums)
    codes = [
        f"{label} {code}"
        for label, code in (
            ("item", known.lc116),
            ("município", known.municipal_code),
            ("nacional", known.national_code),
        )
        if code
    ]
    rate = f"{known.iss_rate.replace('.', ',')}%" if known.iss_rate else "do município"
    return _line(", ".join(codes) or "Sem código", rate, one.sums)


def _line(service: str, rate: str, sums: FiscalSums) -> FiscalLine:
    return FiscalLine(
        service=service,
        rate=rate,
        notas=sums.notas,
        total=sums.total,
        base=sums.base,
        own_iss=sums.own_iss,
        withheld_iss=sums.withheld_iss,
        federal=sums.pis + sums.cofins + sums.csll + sums.inss + sums.irrf,
        net=sums.net,
    )


def month_before(month: Month) -> Month:
    """The month before."""
    day = month.first_day - timedelta(days=1)
    return Month(year=day.year, month=day.month)


def month_after(month: Month, today: date) -> Month | None:
    """The month after; None for one that has not begun."""
    day = month.first_day + timedelta(days=32)
    after = Month(year=day.year, month=day.month)
    return after if after.first_day <= today else None


def _excepted(status: str, code: str, bills: int, amount: int) -> Excepted:
    known = SaleStatus(status) if status in list(SaleStatus) else None
    own = known is not None and code == status
    if own and known is not None:
        return Excepted(
            title=label_for(known),
            who=WHO["nobody"],
            status=status,
            code=None,
            bills=bills,
            amount=amount,
        )
    message = message_in(known or SaleStatus.HELD, code)
    return Excepted(
        title=divided(message.text)[0],
        who=WHO[message.who_acts],
        status=status if known else "",
        code=code,
        bills=bills,
        amount=amount,
    )


_STALE: Final = "A lista do emissor está sendo lida de novo, por uma mudança recente."


def _sentence(closing: Closing) -> str:
    figures = closing.figures
    if not figures.vindi.bills:
        return "Não há vendas neste mês."
    if closing.balanced:
        return "O mês fecha: cada venda da Vindi tem a sua nota ou um motivo com nome."
    if closing.missing is None:
        return "Ainda não foi possível conferir com a Vindi."
    if closing.missing:
        missing = say.counted(closing.missing, "venda", "vendas")
        return f"O mês ainda não fecha: a Vindi tem {missing} que ainda não lemos."
    if closing.issuer.differences:
        count = say.counted(closing.issuer.differences, "nota difere", "notas diferem")
        return f"O mês ainda não fecha: {count} da lista do emissor."
    if figures.difference:
        return f"O mês ainda não fecha: falta explicar {say.money(figures.difference)}."
    return f"{_STALE} Esta página se atualiza automaticamente."


def _troubles(closing: Closing) -> list[str]:
    found = []
    if closing.trouble is not None:
        found.append(trouble_text(closing.trouble))
    if closing.issuer.stale and not _sentence(closing).startswith(_STALE):
        found.append(_STALE)
    if closing.issuer.environment == "Homologacao":
        found.append("As notas são de teste: elas não contam em nenhum fechamento.")
    return found


def _adjusted(one: Adjustment) -> str:
    if one.what == "vindi":
        return "Vendas na Vindi"
    if one.what == "notas":
        return "Notas válidas"
    if one.reason is None:
        return "Sem nota"
    return _excepted(one.reason.status, one.reason.code, 0, 0).title
