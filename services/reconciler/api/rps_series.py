"""Where a company's own RPS numbers go on, and what became of those handed out."""

import re
from typing import Annotated, Any, Final

from pydantic import BaseModel, Field

from services.reconciler.api.kit.operation import (
    NOTHING,
    Answer,
    AnyOperation,
    Call,
    NoBody,
    NoQuery,
    Operation,
    Strict,
)
from services.reconciler.api.kit.paging import Paging, cut, read_number_cursor
from services.reconciler.api.kit.problem import Problem
from services.reconciler.api.kit.words import Instant, Reason
from shared.commands.rps_series import RpsRefused, put_next_number
from shared.db.tenants import nota_connections_store, rps_store
from shared.db.tenants.rps_store import LARGEST, GivenNumber, Series, SeriesKey
from shared.domain.fields.stated import RPS_SERIES
from shared.domain.nota import IssuerEnvironment

_SERIES: Final = re.compile(RPS_SERIES)


class NextNumberIn(Strict):
    """The number that the next nota of the series gets, and why."""

    next_number: Annotated[int, Field(ge=1, le=LARGEST, strict=True)]
    reason: Reason


class SeriesOut(BaseModel):
    """A series, of one company in one environment; `in_use` where notas are born now."""

    series: str
    environment: IssuerEnvironment
    company: str
    in_use: bool
    next_number: int
    last_given: int | None = Field(description="None before the first number was handed out.")
    set_by: str
    set_at: Instant
    reason: str


class AllSeriesOut(BaseModel):
    """Every series, those of the connection in use first."""

    items: list[SeriesOut]


class GivenOut(BaseModel):
    """A number, whose it is, and what became of it.

    `status` is that of the nota that has this number; null where no nota has it: it was taken back
    before it was sent, or the nota got another one. Such a number is a gap, never used again.
    """

    number: int
    bill_id: int
    part: int = Field(description="Of a divided sale; 0 is the whole.")
    given_at: Instant
    status: str | None
    nota_number: str | None
    refused_as_used: bool


class GivenNumbersOut(BaseModel):
    """The numbers handed out, the highest first."""

    items: list[GivenOut]
    next: str | None


async def list_all(call: Call[NoBody, NoQuery]) -> Answer:
    """List the series."""
    async with call.services.pool.acquire() as conn:
        current = await nota_connections_store.current_id(conn, call.tenant.id)
        found = await rps_store.list_series(conn, call.tenant.id, current)
    return Answer(body=AllSeriesOut(items=[_show(one) for one in found]))


async def put(call: Call[NextNumberIn, NoQuery]) -> Answer:
    """Say where a series goes on."""
    series = _series_of(call.path["series"])
    try:
        done = await put_next_number(
            call.services.pool,
            call.services.waker,
            call.tenant.id,
            series,
            call.body.next_number,
            reason=call.body.reason,
            by=call.actor,
        )
    except RpsRefused as error:
        raise Problem(409, error.code, _why(error)) from error
    return Answer(body=_show(done))


async def list_numbers(call: Call[NoBody, Paging]) -> Answer:
    """Show what became of the numbers of a series, for the connection in use."""
    series, tenant, query = _series_of(call.path["series"]), call.tenant.id, call.query
    below = read_number_cursor(query.cursor, LARGEST) or LARGEST + 1
    async with call.services.pool.acquire() as conn:
        current = await nota_connections_store.current_id(conn, tenant)
        key = SeriesKey(connection_id=current or 0, series=series)
        found = await rps_store.numbers(conn, tenant, key, below=below, limit=query.rows)
    shown, more = cut(found, query, lambda one: (str(one.number),))
    return Answer(body=GivenNumbersOut(items=[_given(one) for one in shown], next=more))


def _series_of(text: str) -> str:
    if not _SERIES.fullmatch(text):
        raise Problem(404, "rps_series_unknown", "A series is one to five letters or digits.")
    return text


def _why(error: RpsRefused) -> str:
    match error.code:
        case "rps_number_given":
            return f"Os números até {error.last} já foram usados. Informe um número maior."
        case "rps_series_elsewhere":
            return (
                "Outra conta já numera esta série para a mesma empresa: os números se repetiriam."
                " Use outra série."
            )
        case _:
            return "Conecte primeiro o emissor: a numeração é de uma empresa e de um ambiente."


def _show(one: Series) -> SeriesOut:
    return SeriesOut(
        series=one.series,
        environment=one.environment,
        company=one.company_name,
        in_use=one.in_use,
        next_number=one.next_number,
        last_given=one.last_given,
        set_by=one.set_by,
        set_at=one.set_at,
        reason=one.reason,
    )


def _given(one: GivenNumber) -> GivenOut:
    return GivenOut(
        number=one.number,
        bill_id=one.bill_id,
        part=one.part,
        given_at=one.given_at,
        status=one.status,
        nota_number=one.nota_number,
        refused_as_used=one.refused,
    )


_ALL: Final = "/tenants/{tenant_id}/issuer/rps-series"
_ONE: Final = f"{_ALL}/{{series}}"
_SHOWN: Final[dict[str, Any]] = {"query": NoQuery, "answer": SeriesOut}

OPERATIONS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        method="GET",
        path=_ALL,
        name="list_rps_series",
        summary="Show the RPS series that the company numbers by itself, and where each goes on",
        handler=list_all,
        answer=AllSeriesOut,
        **NOTHING,
    ),
    Operation(
        method="PUT",
        path=_ONE,
        name="put_rps_series",
        summary="Say which number of an RPS series comes next",
        handler=put,
        body=NextNumberIn,
        refusals={
            404: ("rps_series_unknown",),
            409: ("issuer_not_connected", "rps_number_given", "rps_series_elsewhere"),
        },
        **_SHOWN,
    ),
    Operation(
        method="GET",
        path=f"{_ONE}/numbers",
        name="list_rps_numbers",
        summary="Show each RPS number handed out and what became of it: gaps are explained here",
        handler=list_numbers,
        body=NoBody,
        query=Paging,
        answer=GivenNumbersOut,
        refusals={404: ("rps_series_unknown",)},
    ),
)
