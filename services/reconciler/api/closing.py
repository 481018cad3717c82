"""The closing of a month: Vindi against notas and named exceptions; its lock."""

from functools import partial
from typing import Annotated, Any, Final, Literal, assert_never

from pydantic import BaseModel, Field

from services.reconciler.api.closing_filing import CreditsOut, TotalsOut, show_credits, show_totals
from services.reconciler.api.kit.operation import (
    Answer,
    AnyOperation,
    Call,
    NoBody,
    NoQuery,
    Operation,
    Strict,
    attachment,
)
from services.reconciler.api.kit.problem import Problem
from services.reconciler.api.kit.shapes import MonthQuery, ReasonIn, WarningOut
from services.reconciler.api.kit.words import Instant, Money, Reason, month_of
from services.reconciler.issuer_list.fresh import close_afresh
from shared.commands.closing import span_of, trouble_text
from shared.commands.closing_lock import LockRefused, lock_month, unlock_month
from shared.commands.files.closing_csv import render_csv
from shared.commands.files.month_file import (
    CSV,
    XLSX,
    MonthSource,
    file_name,
    media_type,
    month_file,
)
from shared.commands.filing import tell_untold
from shared.db.closing import closing_read
from shared.db.closing.closing_read import Span
from shared.db.closing.month_files_store import MonthFileKind
from shared.db.tenants import connections_store
from shared.domain.closing import Adjustment, Closing, Figures, IssuerSide, Lock, Month, Sum
from shared.domain.filing import Filing
from shared.domain.money import show_reais
from shared.vindi.budget import BudgetShare
from shared.vindi.client import VindiClient

Format = Literal["json", "csv", "csv-excel", "csv-excel-notas", "xlsx"]
_ACCEPTED: Final[dict[str, Format]] = {"application/json": "json", CSV: "csv", XLSX: "xlsx"}
LIST_STALE: Final = "issuer_list_stale"


class ClosingQuery(MonthQuery):
    """Which month, and as what; without `format` the Accept header says it."""

    format: Annotated[
        Format | None,
        Field(
            description="csv: a line a bill (comma, point before cents). For Excel in Brazil"
            " (semicolon, comma before cents): csv-excel, a line a bill, csv-excel-notas, a line"
            " a nota of the totals, and xlsx, all of it."
        ),
    ] = None


class LockIn(Strict):
    """Why the month is locked; `force` locks one that does not balance."""

    reason: Reason
    force: bool = False


class SumOut(BaseModel):
    """How many bills, and how much money."""

    bills: int
    amount: Money


class VindiSideOut(SumOut):
    """Vindi's side, each bill as last read; `read_at` is the oldest reading among them.

    `missing` is how many Vindi has beyond those read, by its own count at the time of asking,
    which is kept for a minute; null when Vindi could not be asked: `warnings` then says why, and
    the closing does not balance.
    """

    read_at: Instant | None
    missing: int | None


class ExceptionOut(SumOut):
    """Sales without a valid nota; `code` is the status itself where it needs no other word."""

    code: str
    status: str


class LockOut(BaseModel):
    """Who locked the month, and what it said then."""

    locked_at: Instant
    by: str
    reason: str
    forced: bool
    vindi: SumOut
    notas: SumOut
    exceptions: list[ExceptionOut]
    difference: Money


class AdjustmentOut(SumOut):
    """What changed since the lock; bills and amount are the change and may be negative."""

    what: Literal["vindi", "notas", "exception"]
    code: str | None
    status: str | None


class NotaSumOut(BaseModel):
    """How many notas, and how much money."""

    notas: int
    amount: Money


class IssuerSideOut(BaseModel):
    """The issuer's own list of the real environment, as far as it is of the month.

    `read_at` says as of when it is known, null while some day of it was never read; `differences`
    counts the notas that only one side has, or with another amount, customer or competência.
    `accepted` are notas of other systems that a person accepted; they count here alone.
    """

    notas: int
    amount: Money
    read_at: Instant | None
    differences: int
    accepted: NotaSumOut


class ClosingOut(BaseModel):
    """A month. It balances when Vindi, our notas and the issuer's list agree.

    Nothing is missing, the difference is 0.00, and so are the differences to the issuer's list,
    which was read since the month's last change. `environment` is that of the issuer's connection:
    notas of Homologacao have no fiscal value and count as exceptions, `issued_as_test`.
    """

    month: str
    environment: Literal["Homologacao", "Producao"] | None
    vindi: VindiSideOut
    notas: SumOut
    issuer: IssuerSideOut
    exceptions: list[ExceptionOut]
    difference: Money
    balanced: bool
    lock: LockOut | None
    adjustments: list[AdjustmentOut]
    totals: TotalsOut
    credits: CreditsOut
    warnings: list[WarningOut]


async def get(call: Call[NoBody, ClosingQuery]) -> Answer:
    """Show a month, or give it as a file."""
    month = Month.read(call.query.month)
    match call.query.format or wanted_format(call.accept):
        case "csv":
            return await _lines(call, month)
        case "csv-excel" | "csv-excel-notas" | "xlsx" as kind:
            return await _file(call, month, kind)
        case "json":
            closing, filing = await _filed(call, month)
            return Answer(body=show(closing, filing))
        case other:
            assert_never(other)


async def _filed(call: Call[Any, Any], month: Month) -> tuple[Closing, Filing]:
    services = call.services
    await tell_untold(services.pool, services.sealer, call.tenant, month)
    closing = await _afresh(call, month)
    if closing.filing is None:
        raise AssertionError("a closing that was filed has its filing")
    return closing, closing.filing


async def lock(call: Call[LockIn, NoQuery]) -> Answer:
    """Lock a month with its figures."""
    month = month_of(call.path["month"])
    closing = await _closed(call, month)
    try:
        made = await lock_month(
            call.services.pool,
            call.tenant.id,
            closing,
            reason=call.body.reason,
            force=call.body.force,
            by=call.actor,
        )
    except LockRefused as error:
        raise _refused(error) from error
    return Answer(status=201, body=_show_lock(made))


async def unlock(call: Call[ReasonIn, NoQuery]) -> Answer:
    """Open a locked month again; what was held for it is decided afresh."""
    month, services = month_of(call.path["month"]), call.services
    try:
        removed = await unlock_month(
            services.pool,
            services.waker,
            call.tenant.id,
            month,
            reason=call.body.reason,
            by=call.actor,
        )
    except LockRefused as error:
        raise _refused(error) from error
    return Answer(body=_show_lock(removed))


def _refused(error: LockRefused) -> Problem:
    status, detail = _LOCK_REFUSALS[error.code]
    return Problem(status, error.code, detail)


_LOCK_REFUSALS: Final[dict[str, tuple[int, str]]] = {
    "closing_locked": (409, "This month is locked already."),
    "closing_not_balanced": (409, "This month does not balance."),
    "closing_not_locked": (404, "This month is not locked."),
}


def wanted_format(accept: str) -> Format:
    """What an Accept header names first of what there is; JSON where it names none of it."""
    kinds = (part.partition(";")[0].strip().lower() for part in accept.split(","))
    return next((_ACCEPTED[kind] for kind in kinds if kind in _ACCEPTED), "json")


async def _closed(call: Call[Any, Any], month: Month) -> Closing:
    services = call.services
    client = await _vindi(call)
    return await close_afresh(services, client, call.tenant, month)


async def _vindi(call: Call[Any, Any]) -> VindiClient | None:
    services = call.services
    async with services.pool.acquire() as conn:
        found = await connections_store.get_vindi(conn, services.sealer, call.tenant.id)
    return services.clients.vindi(call.tenant.id, found, BudgetShare.PERSON) if found else None


async def _lines(call: Call[Any, Any], month: Month) -> Answer:
    lines = closing_read.lines(call.services.pool, await _span(call, month))
    body = render_csv(lines, call.tenant.timezone)
    return attachment(f"fechamento-{month}.csv", body, CSV)


async def _file(call: Call[Any, Any], month: Month, kind: MonthFileKind) -> Answer:
    services = call.services
    of = MonthSource(
        pool=services.pool,
        sealer=services.sealer,
        tenant=call.tenant,
        month=month,
        at=services.now(),
        close=partial(_afresh, call, month),
    )
    return attachment(file_name(kind, month), await month_file(kind, of), media_type(kind))


async def _afresh(call: Call[Any, Any], month: Month) -> Closing:
    return await close_afresh(call.services, await _vindi(call), call.tenant, month, filed=True)


async def _span(call: Call[Any, Any], month: Month) -> Span:
    async with call.services.pool.acquire() as conn:
        return await span_of(conn, call.tenant, month)


def show(closing: Closing, filing: Filing) -> ClosingOut:
    """A closing as the API writes it."""
    figures = closing.figures
    vindi = _sum(figures.vindi)
    return ClosingOut(
        month=str(closing.month),
        vindi=VindiSideOut(**dict(vindi), read_at=figures.read_at, missing=closing.missing),
        notas=_sum(figures.notas),
        environment=closing.issuer.environment,
        issuer=_issuer(closing.issuer),
        exceptions=_exceptions(figures),
        difference=show_reais(figures.difference),
        balanced=closing.balanced,
        lock=None if closing.lock is None else _show_lock(closing.lock),
        adjustments=[_adjustment(one) for one in closing.adjustments],
        totals=show_totals(filing),
        credits=show_credits(filing),
        warnings=_warnings(closing),
    )


def _issuer(side: IssuerSide) -> IssuerSideOut:
    return IssuerSideOut(
        notas=side.notas,
        amount=show_reais(side.amount),
        read_at=side.read_at,
        differences=side.differences,
        accepted=NotaSumOut(notas=side.accepted.notas, amount=show_reais(side.accepted.amount)),
    )


def _exceptions(figures: Figures) -> list[ExceptionOut]:
    return [
        ExceptionOut(code=reason.code, status=reason.status, **dict(_sum(one)))
        for reason, one in sorted(figures.exceptions.items())
    ]


def _show_lock(made: Lock) -> LockOut:
    return LockOut(
        locked_at=made.locked_at,
        by=made.locked_by,
        reason=made.reason,
        forced=made.forced,
        vindi=_sum(made.figures.vindi),
        notas=_sum(made.figures.notas),
        exceptions=_exceptions(made.figures),
        difference=show_reais(made.figures.difference),
    )


def _adjustment(one: Adjustment) -> AdjustmentOut:
    return AdjustmentOut(
        what=one.what,
        code=one.reason.code if one.reason else None,
        status=one.reason.status if one.reason else None,
        **dict(_sum(one.change)),
    )


def _warnings(closing: Closing) -> list[WarningOut]:
    found = []
    if closing.trouble is not None:
        found.append(WarningOut(code=closing.trouble, message=trouble_text(closing.trouble)))
    if closing.issuer.stale:
        message = "A lista do emissor é anterior à última mudança do mês e está sendo lida de novo."
        found.append(WarningOut(code=LIST_STALE, message=message))
    return found


def _sum(one: Sum) -> SumOut:
    return SumOut(bills=one.bills, amount=show_reais(one.amount))


_CLOSING: Final = "/tenants/{tenant_id}/closing"
_LOCK: Final = f"{_CLOSING}/{{month}}/lock"

OPERATIONS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        method="GET",
        path=_CLOSING,
        name="get_closing",
        summary="Close a month: Vindi against notas and named exceptions, and its notas as they"
        " are filed; as CSV, a line a bill (UTF-8, comma between fields, point before cents), as"
        " CSV for Excel in Brazil, or as a workbook (`format`, or Accept)",
        handler=get,
        body=NoBody,
        query=ClosingQuery,
        answer=ClosingOut,
        also=(CSV, XLSX),
    ),
    Operation(
        method="POST",
        path=_LOCK,
        name="lock_closing",
        summary="Lock a month: no nota is dated into it, and later changes show as adjustments",
        handler=lock,
        body=LockIn,
        query=NoQuery,
        status=201,
        answer=LockOut,
        refusals={
            404: ("month_unknown",),
            409: ("closing_not_balanced", "closing_locked"),
        },
    ),
    Operation(
        method="DELETE",
        path=_LOCK,
        name="unlock_closing",
        summary="Open a locked month again, and what it held; the answer is the lock it had",
        handler=unlock,
        body=ReasonIn,
        query=NoQuery,
        answer=LockOut,
        refusals={404: ("month_unknown", "closing_not_locked")},
    ),
)
