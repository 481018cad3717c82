"""A month's closing in words. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from services.panel.kit import say
from services.panel.show.overview import divided
from services.panel.show.status import WHO
from shared.domain.closing import Adjustment, Closing, Month
from shared.domain.filing import ClassTotal, FiscalSums
from shared.domain.messages import label_for, message_in
from shared.domain.sale import SaleStatus


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
    credited: int


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
        credited=sum(one.sums.amount for one in closing.filing.credits) if closing.filing else 0,
    )


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
            title=label_for(known), who="", status=status, code=None, bills=bills, amount=amount
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
    return "A lista do emissor está sendo lida de novo. Esta página se atualiza automaticamente."


def _troubles(closing: Closing) -> list[str]:
    found = []
    if closing.trouble is not None:
        found.append("Não foi possível conferir com a contagem da Vindi agora.")
    if closing.issuer.stale:
        found.append("A lista do emissor está sendo lida de novo, por uma mudança recente.")
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
