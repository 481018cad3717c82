"""A month as it is filed: totals by fiscal class, their bridge to the sales, and credits."""

from datetime import date
from typing import Any, Final, Literal

from pydantic import BaseModel

from services.reconciler.api.kit.operation import (
    Answer,
    AnyOperation,
    Call,
    NoBody,
    Operation,
)
from services.reconciler.api.kit.paging import Paging, bad_cursor, cut, read_cursor
from services.reconciler.api.kit.shapes import MonthQuery
from services.reconciler.api.kit.words import Instant, Money, plain_number
from shared.commands.closing import span_of
from shared.db.closing import filed_notas
from shared.db.closing.filed_notas import NO_NOTA, FiledNota
from shared.db.closing.filing_read import iss_kinds
from shared.domain.cities import city_named
from shared.domain.closing import Month
from shared.domain.external_id import LARGEST_BILL
from shared.domain.filing import ClassTotal, Filing, FiscalSums, MonthSum
from shared.domain.fiscal import FiscalClass, Taxation
from shared.domain.money import Cents, show_reais

EMPTY: Final = FiscalClass()
MOST_PARTS: Final = 2**15 - 1
MOST_REVISIONS: Final = 2**31 - 1


class FiscalSumsOut(BaseModel):
    """What notas add up to. `amount` is what their sales come to, `total` the gross value.

    ISS is the seller's own, withheld by the buyer, or suspended; `without_rate` counts notas that
    state no rate, whose ISS only the city knows and is in none of them. The five below are federal
    withholdings. `net` is what buyers pay.
    """

    notas: int
    amount: Money
    total: Money
    discount: Money
    conditional_discount: Money
    deductions: Money
    base: Money
    iss_own: Money
    iss_withheld: Money
    iss_suspended: Money
    pis: Money
    cofins: Money
    csll: Money
    inss: Money
    irrf: Money
    net: Money
    without_rate: int


class FiscalClassOut(FiscalSumsOut):
    """One line of the totals. Not `known`: of these notas no more than the amount is known.

    `city` (IBGE) is where ISS is due by LC 116, art. 3, null for the seller's own; `place` and
    `country` are where the nota says that the service was rendered.
    """

    known: bool
    municipal_code: str | None
    lc116: str | None
    national_code: str | None
    nbs: str | None
    city: str | None
    city_name: str | None
    place: str | None
    country: str | None
    taxation: Taxation | None
    iss_rate: str | None
    withheld_by_buyer: bool | None
    ibs_cbs_class: str | None
    ibs_cbs_operation: str | None


class OtherMonthOut(BaseModel):
    """Notas that have to do with another month; null where that is not known."""

    month: str | None
    notas: int
    amount: Money


class BridgeOut(BaseModel):
    """From the month's sales, which count by their moment, to its notas by competência.

    `notas_of_sales`, less `competencia_elsewhere`, with `moment_elsewhere` and `cancelled_later`
    is `totals.sum.amount`: `difference` is what that leaves, 0.00.
    """

    notas_of_sales: Money
    competencia_elsewhere: list[OtherMonthOut]
    moment_elsewhere: list[OtherMonthOut]
    cancelled_later: list[OtherMonthOut]
    difference: Money


class TotalsOut(BaseModel):
    """The month as it is filed: notas of the real environment by their competência.

    A nota cancelled in a later month stays in the totals of its own and is a credit of that later
    month. `unknown` counts notas of which no more than the amount is known: whoever asks again
    finds fewer, unless their data cannot be read. `foreign` are the issuer's notas that were not
    asked for by us: they are in no total.
    """

    by: Literal["competencia"]
    sum: FiscalSumsOut
    unknown: int
    classes: list[FiscalClassOut]
    bridge: BridgeOut
    foreign: OtherMonthOut


class CreditsOfMonthOut(FiscalSumsOut):
    """Notas of one earlier month, cancelled in the month of the closing."""

    month: str


class CreditsOut(BaseModel):
    """Notas of earlier months, cancelled in this one; one by one at `…/closing/credits`."""

    sum: FiscalSumsOut
    months: list[CreditsOfMonthOut]


class CreditOut(BaseModel):
    """A nota of an earlier month (`month`, of its competência) that was cancelled in this one.

    Its ISS is null where it is not known.
    """

    bill_id: int
    part: int
    external_id: str
    number: str | None
    month: str
    competencia: date
    cancelled_at: Instant
    amount: Money
    iss_own: Money | None
    iss_withheld: Money | None
    iss_suspended: Money | None


class CreditListOut(BaseModel):
    """Credits of a month, by bill."""

    items: list[CreditOut]
    next: str | None


class CreditsQuery(Paging, MonthQuery):
    """Which month, and where to go on."""


def show_totals(filing: Filing) -> TotalsOut:
    """Totals as the API writes them."""
    return TotalsOut(
        by="competencia",
        sum=FiscalSumsOut(**_sums(filing.total)),
        unknown=filing.unknown,
        classes=[_class(one) for one in filing.classes],
        bridge=BridgeOut(
            notas_of_sales=show_reais(filing.of_sales.amount),
            competencia_elsewhere=[_other(one) for one in filing.competencia_elsewhere],
            moment_elsewhere=[_other(one) for one in filing.moment_elsewhere],
            cancelled_later=[_other(one) for one in filing.cancelled_later],
            difference=show_reais(filing.unexplained),
        ),
        foreign=_other(filing.foreign),
    )


def show_credits(filing: Filing) -> CreditsOut:
    """Credits as the API writes them."""
    return CreditsOut(
        sum=FiscalSumsOut(**_sums(filing.credited)),
        months=[
            CreditsOfMonthOut(month=str(one.month), **_sums(one.sums)) for one in filing.credits
        ],
    )


async def list_credits(call: Call[NoBody, CreditsQuery]) -> Answer:
    """Show the notas of earlier months that were cancelled in this one."""
    query = call.query
    month = Month.read(query.month)
    after = NO_NOTA if query.cursor is None else _read_key(query.cursor)
    async with call.services.pool.acquire() as conn:
        span = await span_of(conn, call.tenant, month)
        found = await filed_notas.credited(conn, span, month, after=after, limit=query.rows)
    shown, cursor = cut(found, query, lambda one: tuple(str(part) for part in one.key))
    return Answer(body=CreditListOut(items=[_credit(one) for one in shown], next=cursor))


def _read_key(cursor: str) -> tuple[int, int, int]:
    bill, part, revision = read_cursor(cursor, 3)
    whole = plain_number(part, MOST_PARTS) or 0  # 0: the whole bill, no plain number
    found = (plain_number(bill, LARGEST_BILL), plain_number(revision, MOST_REVISIONS))
    if None in found or (whole == 0 and part != "0"):
        raise bad_cursor()
    return found[0] or 0, whole, found[1] or 0


def _credit(nota: FiledNota) -> CreditOut:
    if nota.cancelled_at is None:
        raise AssertionError("a credit was cancelled")
    return CreditOut(
        bill_id=nota.bill_id,
        part=nota.part,
        external_id=nota.external_id,
        number=nota.number,
        month=f"{nota.competencia:%Y-%m}",
        competencia=nota.competencia,
        cancelled_at=nota.cancelled_at,
        amount=show_reais(nota.amount),
        **_iss_of(nota),
    )


def _iss_of(nota: FiledNota) -> dict[str, str | None]:
    if nota.fiscal_class is None or nota.iss is None:
        return {"iss_own": None, "iss_withheld": None, "iss_suspended": None}
    kinds = iss_kinds(nota.fiscal_class, nota.iss)
    return {
        shown: show_reais(kinds.get(name, Cents(0)))
        for shown, name in (
            ("iss_own", "own_iss"),
            ("iss_withheld", "withheld_iss"),
            ("iss_suspended", "suspended_iss"),
        )
    }


def _class(one: ClassTotal) -> FiscalClassOut:
    told = one.fiscal_class or EMPTY
    known = one.fiscal_class is not None
    return FiscalClassOut(
        **_sums(one.sums),
        known=known,
        municipal_code=told.municipal_code,
        lc116=told.lc116,
        national_code=told.national_code,
        nbs=told.nbs,
        city=told.city,
        city_name=None if told.city is None else city_named(told.city),
        place=told.place,
        country=told.country,
        taxation=told.taxation if known else None,
        iss_rate=told.iss_rate,
        withheld_by_buyer=told.iss_withheld if known else None,
        ibs_cbs_class=told.ibs_cbs_class,
        ibs_cbs_operation=told.ibs_cbs_operation,
    )


def _sums(sums: FiscalSums) -> dict[str, Any]:
    return {
        "notas": sums.notas,
        "amount": show_reais(sums.amount),
        "total": show_reais(sums.total),
        "discount": show_reais(sums.discount),
        "conditional_discount": show_reais(sums.conditional_discount),
        "deductions": show_reais(sums.deductions),
        "base": show_reais(sums.base),
        "iss_own": show_reais(sums.own_iss),
        "iss_withheld": show_reais(sums.withheld_iss),
        "iss_suspended": show_reais(sums.suspended_iss),
        "pis": show_reais(sums.pis),
        "cofins": show_reais(sums.cofins),
        "csll": show_reais(sums.csll),
        "inss": show_reais(sums.inss),
        "irrf": show_reais(sums.irrf),
        "net": show_reais(sums.net),
        "without_rate": sums.without_rate,
    }


def _other(one: MonthSum) -> OtherMonthOut:
    month = None if one.month is None else str(one.month)
    return OtherMonthOut(month=month, notas=one.notas, amount=show_reais(one.amount))


OPERATIONS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        method="GET",
        path="/tenants/{tenant_id}/closing/credits",
        name="list_closing_credits",
        summary="Show the notas of earlier months that were cancelled in this one",
        handler=list_credits,
        body=NoBody,
        query=CreditsQuery,
        answer=CreditListOut,
    ),
)
