"""A month as the workbook that goes to the accountant."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from shared.commands.files.closing_tables import (
    DIFFERENCES,
    TOTALS,
    bills_columns,
    credits_columns,
    notas_columns,
    total_lines,
)
from shared.commands.files.workbook import InReais, new_workbook, pieces_of
from shared.db.closing import closing_read, filed_notas, issuer_side_read
from shared.db.closing.closing_read import Line, Span
from shared.db.closing.filed_notas import NO_NOTA, FiledNota
from shared.db.closing.issuer_side_read import Difference
from shared.db.connection import Pool
from shared.db.tenants.tenants_store import Tenant
from shared.domain.closing import Closing, Month, Sum, WhyNoNota
from shared.domain.filing import Filing, FiscalSums, MonthSum
from shared.domain.messages import label_for
from shared.domain.sale import SaleStatus

T = TypeVar("T")
Pairs = list[tuple[str, object]]
RowsTold = Callable[[int], None]  # how many more rows are done
PAGE: Final = 500


def nobody_told(_rows: int) -> None:
    """Nobody watches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthOfTenant:
    """What a workbook is made of; `at` is when it was asked for."""

    pool: Pool
    tenant: Tenant
    span: Span
    closing: Closing
    filing: Filing
    at: datetime
    told: RowsTold = nobody_told

    @property
    def zone(self) -> ZoneInfo:
        """The tenant's zone."""
        return ZoneInfo(self.tenant.timezone)

    @property
    def month(self) -> Month:
        """The month."""
        return self.closing.month


async def render_workbook(of: MonthOfTenant) -> AsyncIterator[bytes]:
    """Write the whole workbook, then send it: its size costs disk, not memory."""
    zone, pool, span = of.zone, of.pool, of.span
    async with new_workbook() as book:
        await book.pairs("Resumo", summary(of))
        await book.table("Totais", TOTALS, _at_once(total_lines(of.filing)))
        notas = counted(filed_notas.filed(pool, span, of.month), of.told)
        await book.table("Notas", notas_columns(zone), notas)
        await book.table("Exceções", bills_columns(zone), exceptions(pool, span, of.told))
        await book.table("Diferenças", DIFFERENCES, _differences(of))
        credits_ = counted(credited(pool, span, of.month), of.told)
        await book.table("Créditos", credits_columns(zone), credits_)
        async for piece in pieces_of(book):
            yield piece


async def counted(pages: AsyncIterator[list[T]], told: RowsTold) -> AsyncIterator[list[T]]:
    """The same pages; each is told of as it goes by."""
    async for rows in pages:
        told(len(rows))
        yield rows


async def _at_once(rows: Sequence[T]) -> AsyncIterator[Sequence[T]]:
    yield rows


async def exceptions(
    pool: Pool, span: Span, told: RowsTold = nobody_told
) -> AsyncIterator[list[Line]]:
    """The bills of a month that no valid nota stands for in whole."""
    async for lines in counted(closing_read.lines(pool, span), told):
        yield [
            line for line in lines if line.nota_amount is None or line.nota_amount != line.amount
        ]


async def credited(pool: Pool, span: Span, month: Month) -> AsyncIterator[list[FiledNota]]:
    """The notas that a month credits, holding no connection between pages."""
    after = NO_NOTA
    while True:
        async with pool.acquire() as conn:
            rows = await filed_notas.credited(conn, span, month, after=after, limit=PAGE)
        if rows:
            yield rows
        if len(rows) < PAGE:
            return
        after = rows[-1].key


async def _differences(of: MonthOfTenant) -> AsyncIterator[list[Difference]]:
    after = ""
    while True:
        async with of.pool.acquire() as conn:
            scope = await issuer_side_read.scope_of(conn, of.span, of.month)
            rows = await issuer_side_read.differences(conn, scope, after=after, limit=PAGE)
        if rows:
            yield rows
        if len(rows) < PAGE:
            return
        after = rows[-1].key


def summary(of: MonthOfTenant) -> Pairs:
    """What the month comes to, and how its two ways of counting lead to each other."""
    return [
        ("Empresa", of.tenant.name),
        ("Mês", f"{of.month.month:02d}/{of.month.year}"),
        ("Consultado em", f"{of.at.astimezone(of.zone):%d/%m/%Y %H:%M}"),
        ("Ambiente do emissor", of.closing.issuer.environment or "não conectado"),
        ("O fechamento confere", "Sim" if of.closing.balanced else "Não"),
        *_by_moment(of.closing),
        *_bridge(of.filing),
        *_to_file(of.filing),
    ]


def _by_moment(closing: Closing) -> Pairs:
    figures, issuer = closing.figures, closing.issuer
    return [
        ("Vendas do mês, pelo momento da venda", None),
        *_sum("Vindi", figures.vindi),
        *_sum("Com nota válida", figures.notas),
        *(
            pair
            for why, one in sorted(figures.exceptions.items())
            for pair in _sum(f"Sem nota: {_named(why)}", one)
        ),
        ("Diferença sem explicação", InReais(cents=figures.difference)),
        ("Faturas que a Vindi tem a mais", _or_unknown(closing.missing)),
        ("Lista do emissor: notas", issuer.notas),
        ("Lista do emissor: valor", InReais(cents=issuer.amount)),
        ("De outros sistemas, aceitas: notas", issuer.accepted.notas),
        ("De outros sistemas, aceitas: valor", InReais(cents=issuer.accepted.amount)),
        ("Diferenças para a lista do emissor", issuer.differences),
    ]


def _bridge(filing: Filing) -> Pairs:
    return [
        ("Do momento da venda à competência", None),
        ("Notas válidas das vendas do mês", InReais(cents=filing.of_sales.amount)),
        *_months("(−) com competência em", filing.competencia_elsewhere),
        *_months("(+) de vendas de", filing.moment_elsewhere),
        *_months("(+) canceladas depois, creditadas em", filing.cancelled_later),
        ("= Notas com competência no mês", InReais(cents=filing.total.amount)),
        ("Notas de terceiros no emissor, fora dos totais", InReais(cents=filing.foreign.amount)),
    ]


def _to_file(filing: Filing) -> Pairs:
    total, credit = filing.total, filing.credited
    return [
        ("Totais da competência", None),
        ("Notas", total.notas),
        ("Notas com dados fiscais não informados", filing.unknown),
        *_sums(total),
        ("Créditos: notas de meses anteriores canceladas neste mês", None),
        ("Notas canceladas", credit.notas),
        *_sums(credit),
        ("Depois dos créditos", None),
        ("ISS próprio", InReais(cents=total.own_iss - credit.own_iss)),
        ("ISS retido pelo tomador", InReais(cents=total.withheld_iss - credit.withheld_iss)),
    ]


def _sums(sums: FiscalSums) -> Pairs:
    return [
        ("Valor total", InReais(cents=sums.total)),
        ("Descontos incondicionais", InReais(cents=sums.discount)),
        ("Descontos condicionais", InReais(cents=sums.conditional_discount)),
        ("Deduções", InReais(cents=sums.deductions)),
        ("Base de cálculo", InReais(cents=sums.base)),
        ("ISS próprio", InReais(cents=sums.own_iss)),
        ("ISS retido pelo tomador", InReais(cents=sums.withheld_iss)),
        ("ISS com exigibilidade suspensa", InReais(cents=sums.suspended_iss)),
        ("Notas sem alíquota informada", sums.without_rate),
        ("PIS retido", InReais(cents=sums.pis)),
        ("COFINS retida", InReais(cents=sums.cofins)),
        ("CSLL retida", InReais(cents=sums.csll)),
        ("INSS retido", InReais(cents=sums.inss)),
        ("IRRF retido", InReais(cents=sums.irrf)),
        ("Valor líquido", InReais(cents=sums.net)),
    ]


def _sum(name: str, one: Sum) -> Pairs:
    return [(f"{name}: faturas", one.bills), (f"{name}: valor", InReais(cents=one.amount))]


def _months(name: str, months: Sequence[MonthSum]) -> Pairs:
    return [
        (f"{name} {_month(one.month)} ({one.notas} notas)", InReais(cents=one.amount))
        for one in months
    ]


def _month(month: Month | None) -> str:
    return "mês não conhecido" if month is None else f"{month.month:02d}/{month.year}"


def _named(why: WhyNoNota) -> str:
    label = label_for(SaleStatus(why.status))
    return label if why.code == why.status else f"{label} ({why.code})"


def _or_unknown(missing: int | None) -> object:
    return "não foi possível contar" if missing is None else missing
